"""Triangulation: points seen by several cameras; a weighted linear solve, then Gauss-Newton in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.camera import MIN_DEPTH, Rig
from calibration.errors import InputError
from calibration.lens import distort, undistort

Array = NDArray[np.float64]

_GAUSS_NEWTON_STEPS = 6
# Relative damping: invisible where two rays cross well, decisive only where they are nearly parallel.
_DAMPING = 1e-9


def triangulate(pixels: ArrayLike, rig: Rig, weights: ArrayLike | None = None) -> tuple[Array, Array]:
    """The points that best explain their pixels in a calibrated rig.

    Minimises `sum_c weights[c] * |project_c(point) - pixels[c]|^2`, starting from the linear solution.

    Args:
        pixels: (..., C, 2) distorted pixels, the cameras in the order of the rig; NaN where not seen.
        rig: C cameras.
        weights: (..., C) weight of each squared error, such as `1 / sigma**2`; 0 where not seen. Every
            finite pixel has weight 1 by default.

    Returns:
        points: (..., 3) metres; NaN where fewer than two cameras see the point, or where the rays meet
            behind a camera.
        residual_px: (..., C) distance in pixels between seen and projected; NaN where not seen.

    Raises:
        InputError: if the shapes do not fit the rig.
    """
    pixels = np.asarray(pixels, dtype=np.float64)
    if pixels.shape[-2:] != (len(rig), 2):
        raise InputError(f"pixels of shape {pixels.shape} do not fit a rig of {len(rig)} cameras")
    weights = np.ones(pixels.shape[:-1]) if weights is None else np.asarray(weights, dtype=np.float64)
    weights = np.broadcast_to(weights, pixels.shape[:-1])
    seen = np.isfinite(pixels).all(-1) & np.isfinite(weights) & (weights > 0)
    solver = _Solver(rig, np.where(seen[..., None], pixels, 0.0), np.where(seen, weights, 0.0))
    points = solver.solve()
    in_front = np.where(seen, solver.depth(points) > MIN_DEPTH, True).all(-1)
    good = (seen.sum(-1) >= 2) & in_front & np.isfinite(points).all(-1)
    residual_px = np.linalg.norm(solver.residuals(points), axis=-1)
    return np.where(good[..., None], points, np.nan), np.where(seen & good[..., None], residual_px, np.nan)


class _Solver:
    """The batched least-squares problem; unseen views carry weight 0 and arbitrary finite pixels."""

    def __init__(self, rig: Rig, pixels: Array, weights: Array) -> None:
        self.rig = rig
        self.pixels = pixels
        self.weights = weights
        self.R = np.stack([camera.R for camera in rig])
        self.t = np.stack([camera.t for camera in rig])
        self.focal = np.stack([camera.focal for camera in rig])
        self.principal = np.stack([camera.principal for camera in rig])
        self.distortion = np.stack([camera.distortion for camera in rig])

    def solve(self) -> Array:
        points = self._linear()
        for _ in range(_GAUSS_NEWTON_STEPS):
            jacobian = self._jacobian(points)
            points = points - self._normal_solve(jacobian, self.residuals(points), self.weights)
        return points

    def _local(self, points: Array) -> Array:
        # local[..., c, i] = R[c, i, j] points[..., j] + t[c, i]
        return np.asarray(np.einsum("cij,...j->...ci", self.R, points) + self.t)

    def depth(self, points: Array) -> Array:
        return self._local(points)[..., 2]

    def residuals(self, points: Array) -> Array:
        local = self._local(points)
        ideal = local[..., :2] / np.maximum(local[..., 2:], MIN_DEPTH)
        return np.asarray(distort(ideal, self.distortion) * self.focal + self.principal - self.pixels)

    def _jacobian(self, points: Array) -> Array:
        """(..., C, 2, 3): pixels by world coordinates."""
        return np.stack([camera.jacobian(points) for camera in self.rig], axis=-3)

    def _linear(self) -> Array:
        """Two linear solves; the second divides each row by the depth that the first one found."""
        ideal = undistort((self.pixels - self.principal) / self.focal, self.distortion)
        # (x R3 - R1) p = t1 - x t3, and the same for y
        rows = ideal[..., None] * self.R[:, None, 2] - self.R[:, :2]
        right = self.t[:, :2] - ideal * self.t[:, None, 2]
        weights = self.weights * np.prod(self.focal, axis=-1)
        points = self._normal_solve(rows, right, weights)
        weights = weights / np.maximum(self.depth(points), MIN_DEPTH) ** 2
        return self._normal_solve(rows, right, weights)

    @staticmethod
    def _normal_solve(rows: Array, right: Array, weights: Array) -> Array:
        """Least squares of rows (..., C, 2, 3) and right (..., C, 2), weighted by (..., C)."""
        stacked = rows.reshape(*rows.shape[:-3], -1, 3)
        weighted = (weights[..., None, None] * rows).reshape(stacked.shape).swapaxes(-1, -2)
        left = weighted @ stacked
        vector = (weighted @ right.reshape(*stacked.shape[:-1], 1))[..., 0]
        scale = np.trace(left, axis1=-2, axis2=-1)
        left = left + (_DAMPING * scale + (scale <= 0))[..., None, None] * np.eye(3)
        return np.asarray(np.linalg.solve(left, vector[..., None])[..., 0])
