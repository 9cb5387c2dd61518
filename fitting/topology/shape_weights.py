"""Weights of blend shapes, for all frames of a take at once: bounded least squares, calm in time.

Minimised over the weights `u` (F, S), within their bounds, is

    sum_f |B u_f - x_f|^2 + s^2 sum_f |u_f|^2 + (s / step)^2 sum_f |u_(f+1) - u_f|^2 / (n_(f+1) - n_f)

for shapes B, frames x and frame numbers n. `s` is what the shapes leave of the frames, root mean square over
coordinates, measured by solving once without it: where shapes explain the frames exactly nothing is smoothed,
and where they do not, combinations that hardly show are still while what shows clearly stays as quick as it
is. Across a gap in the numbers the tie is weaker in proportion. Solved exactly by Bertsekas' projected Newton
method (1982); the free weights of each step are one banded system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Array = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_WINDOW, _MARGIN = 240, 24
"""Frames that are solved together, and frames on either side that are solved with them and left out."""
_STEPS = 60
_TOLERANCE = 1e-9
_LEAST = 1e-9
_RIDGE = 1e-6
"""Share of what a shape moves by which a smaller weight is better: so there is one best of any shapes."""
STEP = 0.05
"""Usual change of a weight from frame to frame: a wink takes two to four frames."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What least squares needs to know of S shapes B (S, N) and F frames x (F, N).

    Attributes:
        gram: (S, S) B B'. right: (F, S) x B'. squares: (F,) |x|^2. count: N.
    """

    gram: Array
    right: Array
    squares: Array
    count: int

    def residual(self, weights: Array) -> Array:
        """(F,) root mean square over the N coordinates of what weights (F, S) leave."""
        explained = ((weights @ self.gram - 2 * self.right) * weights).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(self.squares + explained, 0.0) / self.count))


def solve_weights(problem: Explained, frames: Int, bounds: tuple[float, float], step: float = STEP) -> Array:
    """The weights (F, S).

    Args:
        problem: shapes and frames. frames: (F,) numbers, rising. bounds: of all weights.
        step: what a weight usually changes by from frame to frame; infinite for no tie between frames.
    """
    first = _solved(problem, frames, bounds, (0.0, 0.0))
    left = float(np.mean(problem.residual(first) ** 2))
    return _solved(problem, frames, bounds, (left, left / step**2))


def _solved(problem: Explained, frames: Int, bounds: tuple[float, float], calm: tuple[float, float]) -> Array:
    """With penalties, of weights and of their changes."""
    size = np.diag(problem.gram)
    root = np.sqrt(np.maximum(size, _LEAST * max(float(size.max()), 1e-300)))
    # in weights times root, every shape moves as much as every other
    gram = problem.gram / root[:, None] / root + np.diag(_RIDGE + calm[0] / root**2)
    ties = calm[1] / root**2 / np.maximum(np.diff(frames), 1)[:, None]
    limits = bounds[0] * root, bounds[1] * root
    right, count = problem.right / root, len(frames)
    solved = np.empty_like(right)
    for start in range(0, count, _WINDOW):
        end = min(start + _WINDOW, count)
        low, high = max(start - _MARGIN, 0), min(end + _MARGIN, count)
        window = _Window(gram, right[low:high], ties[low : high - 1], limits)
        solved[start:end] = window.solve()[start - low : end - low]
    return np.clip(solved / root, *bounds)


class _Window:
    """The problem of some frames; everything is divided by how much each shape moves."""

    def __init__(self, gram: Array, right: Array, ties: Array, limits: tuple[Array, Array]) -> None:
        self.gram, self.right, self.ties, self.limits = gram, right, ties, limits
        self.tied = np.pad(ties, ((1, 0), (0, 0))) + np.pad(ties, ((0, 1), (0, 0)))

    def solve(self) -> Array:
        weights = np.clip(self._newton(np.ones(self.right.shape, np.bool_), self.right), *self.limits)
        for _ in range(_STEPS):
            slope = self._times(weights) - self.right
            held = ((weights <= self.limits[0]) & (slope > 0)) | ((weights >= self.limits[1]) & (slope < 0))
            if np.abs(np.where(held, 0.0, slope)).max() < _TOLERANCE * max(np.abs(self.right).max(), 1e-300):
                break
            step = self._newton(~held, np.where(held, 0.0, -slope))
            weights = self._searched(weights, step, slope)
        return weights

    def _searched(self, weights: Array, step: Array, slope: Array) -> Array:
        """The longest step, halved and halved again, that makes things better; bent along the bounds."""
        length = 1.0
        for _ in range(30):
            tried = np.clip(weights + length * step, *self.limits)
            change = tried - weights
            # exact for a quadratic: slope . d + d H d / 2
            if (change * slope).sum() + 0.5 * (change * self._times(change)).sum() < 0:
                return np.asarray(tried)
            length /= 2
        return weights

    def _times(self, weights: Array) -> Array:
        result = weights @ self.gram + self.tied * weights
        result[1:] -= self.ties * weights[:-1]
        result[:-1] -= self.ties * weights[1:]
        return np.asarray(result)

    def _newton(self, free: Bool, right: Array) -> Array:
        """Solve for the free weights (F, S); 0 for the others."""
        count, size = free.shape
        band = np.zeros((size + 1, count, size))
        for below in range(size):
            both = free[:, below:] & free[:, : size - below]
            band[below, :, : size - below] = np.diagonal(self.gram, -below) * both
        band[0] += np.where(free, self.tied, 1.0)
        band[size, :-1] = -self.ties * (free[1:] & free[:-1])
        solved = solveh_banded(
            band.reshape(size + 1, -1), np.where(free, right, 0.0).ravel(), lower=True, overwrite_ab=True
        )
        return np.asarray(solved.reshape(count, size))
