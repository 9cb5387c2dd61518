"""A small robust fit of a few unknowns to many images, whose corners err together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ITERATIONS = 30


@dataclass(frozen=True)
class RobustFit:
    """The unknowns (P,), their standard deviations (P,), and the RMS (M,) of each image's residuals."""

    x: Array
    deviations: Array
    rms: Array


def robust_fit(left: Callable[[Array], Array], x: Array, steps: Array, scale: float) -> RobustFit:
    """Levenberg-Marquardt with central differences and a Cauchy weight for each image as a whole.

    The corners of an image err together (where the board was is itself uncertain), so the deviations come
    from how the images differ among themselves: the sandwich estimate, clustered by image.

    Args:
        left: from unknowns (P,) to residuals (M, K); NaN where there is nothing to compare.
        x: (P,) where to start.
        steps: (P,) steps of the differences.
        scale: RMS of an image at which it begins to count less.
    """
    error, damping = left(x), 1e-4
    cost = _loss(error, scale)
    for _ in range(_ITERATIONS):
        by_image, right, left_side = _normal_equations(left, x, steps, error, scale)
        moved = False
        while damping < 1e8 and not moved:
            step = -np.linalg.lstsq(left_side + damping * np.diag(np.diag(left_side)), right, rcond=None)[0]
            trial = left(x + step)
            trial_cost = _loss(trial, scale)
            moved = trial_cost < cost
            damping = damping / 10 if moved else damping * 10
        if not moved:
            break
        gain, x, error, cost = cost - trial_cost, x + step, trial, trial_cost
        if gain < 1e-8 * cost:
            break
    by_image, _, left_side = _normal_equations(left, x, steps, error, scale)
    inverse = np.linalg.pinv(left_side, hermitian=True)
    images, unknowns = by_image.shape
    spread = inverse @ (by_image.T @ by_image) @ inverse * images / max(images - unknowns, 1)
    return RobustFit(x, np.sqrt(np.diag(spread)), np.sqrt(_mean_squared(error)))


def _mean_squared(error: Array) -> Array:
    """Mean squared distance (M,) of residuals (M, 2N)."""
    return np.asarray(2 * np.nanmean(error**2, axis=1))


def _loss(error: Array, scale: float) -> float:
    return float(np.log1p(_mean_squared(error) / scale**2).sum())


def _normal_equations(
    left: Callable[[Array], Array], x: Array, steps: Array, error: Array, scale: float
) -> tuple[Array, Array, Array]:
    """Weighted gradients of each image (M, P), their sum (P,), and the matrix (P, P)."""
    units = np.diag(steps)
    columns = [
        (left(x + unit) - left(x - unit)) / (2 * step) for unit, step in zip(units, steps, strict=True)
    ]
    jacobian = np.nan_to_num(np.stack(columns, axis=-1))
    weight = 1 / (1 + _mean_squared(error) / scale**2)
    by_image = np.einsum("m,mkp,mk->mp", weight, jacobian, np.nan_to_num(error))
    matrix = np.einsum("m,mkp,mkq->pq", weight, jacobian, jacobian)
    return by_image, by_image.sum(axis=0), matrix
