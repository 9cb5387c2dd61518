"""Rigid alignment of point sets, batched and robust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROBUST_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class RigidMotion:
    """`y = scale * R x + t`, N of them.

    Attributes:
        rotation: (N, 3, 3). translation: (N, 3) metres. scale: (N,).
    """

    rotation: Array
    translation: Array
    scale: Array

    def apply(self, points: Array) -> Array:
        """Points (L, 3) or (N, L, 3) moved by each motion: (N, L, 3)."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(self.scale[:, None, None] * turned + self.translation[:, None])

    def undo(self, points: Array) -> Array:
        """Points (L, 3) before the first motion took them where they are."""
        return np.asarray((points - self.translation[0]) @ self.rotation[0] / self.scale[0])


def align(source: Array, target: Array, weights: Array, *, with_scale: bool = False) -> RigidMotion:
    """The motions that bring source points nearest to target points (Umeyama 1991).

    Args:
        source: (L, 3) metres. target: (N, L, 3) metres, finite where weighted. weights: (N, L) >= 0.
        with_scale: whether the source may grow.
    """
    share = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-300)
    target = np.where(weights[..., None] > 0, target, 0.0)
    centre_source = share @ source
    centre_target = np.einsum("nl,nlc->nc", share, target)
    from_source = source - centre_source[:, None]
    from_target = target - centre_target[:, None]
    covariance = np.einsum("nl,nli,nlj->nij", share, from_target, from_source)
    u, values, vh = np.linalg.svd(covariance)
    signs = np.ones_like(values)
    signs[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vh))
    rotation = (u * signs[:, None]) @ vh
    scale = np.ones(len(target))
    if with_scale:
        spread = np.einsum("nl,nlc->n", share, from_source**2)
        scale = (values * signs).sum(-1) / np.maximum(spread, 1e-300)
    translation = centre_target - scale[:, None] * np.einsum("nij,nj->ni", rotation, centre_source)
    return RigidMotion(rotation, translation, scale)


def align_robustly(source: Array, target: Array, weights: Array) -> RigidMotion:
    """:func:`align` without scale, reweighted so that a minority of wild points does not count.

    Each round weighs a point by Geman and McClure's slope about twice the median distance.
    """
    known = weights > 0
    current = weights
    motion = align(source, target, current)
    for _ in range(_ROBUST_ROUNDS):
        apart = np.linalg.norm(np.where(known[..., None], target, 0.0) - motion.apply(source), axis=-1)
        usual = _median(apart, known)
        relative = apart / np.maximum(2 * usual[:, None], 1e-6)
        current = weights / (1 + relative**2) ** 2
        motion = align(source, target, current)
    return motion


def _median(values: Array, known: NDArray[np.bool_]) -> Array:
    """(N,) medians of the known among (N, L); 0 where there are none."""
    ordered = np.sort(np.where(known, values, np.inf), axis=-1)
    middle = np.maximum(known.sum(-1) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[:, None], axis=-1)[:, 0]
    return np.where(np.isfinite(median), median, 0.0)
