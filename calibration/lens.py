"""The lens: OpenCV's radial and tangential distortion of normalised image coordinates.

Normalised coordinates are `(x / z, y / z)` of a point in camera axes. Distortion is `k1 k2 p1 p2 k3`, in
OpenCV's order. The polynomial is trusted to :data:`MAX_RADIUS_SQUARED` only; beyond it the radial factor
stays as it is there, so that points far outside the image stay finite instead of folding back into it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_RADIUS_SQUARED = 4.0
"""Squared normalised radius (127 degrees of view) beyond which the radial factor is held."""

_NEWTON_STEPS = 20
_TOLERANCE = 1e-13


def distort(points: Array, distortion: Array) -> Array:
    """Bend normalised coordinates as the lens does.

    Args:
        points: (..., 2) ideal normalised coordinates.
        distortion: (..., 5) k1 k2 p1 p2 k3, broadcast against the leading axes of `points`.

    Returns:
        (..., 2) distorted normalised coordinates.
    """
    x, y = points[..., 0], points[..., 1]
    k1, k2, p1, p2, k3 = np.moveaxis(distortion, -1, 0)
    r2 = x * x + y * y
    held = np.minimum(r2, MAX_RADIUS_SQUARED)
    radial = 1 + held * (k1 + held * (k2 + held * k3))
    return np.stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ),
        axis=-1,
    )


def distort_jacobian(points: Array, distortion: Array) -> Array:
    """The derivative of :func:`distort` by its points, (..., 2, 2): rows distorted, columns ideal."""
    x, y = points[..., 0], points[..., 1]
    k1, k2, p1, p2, k3 = np.moveaxis(distortion, -1, 0)
    r2 = x * x + y * y
    held = np.minimum(r2, MAX_RADIUS_SQUARED)
    radial = 1 + held * (k1 + held * (k2 + held * k3))
    slope = np.where(r2 < MAX_RADIUS_SQUARED, k1 + held * (2 * k2 + 3 * held * k3), 0.0)
    cross = 2 * (x * y * slope + p1 * x + p2 * y)
    xx = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
    yy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
    return np.stack((np.stack((xx, cross), axis=-1), np.stack((cross, yy), axis=-1)), axis=-2)


def undistort(points: Array, distortion: Array) -> Array:
    """The inverse of :func:`distort`, by Newton's method; (..., 2) in and out.

    Where the lens model folds (no inverse exists) the nearest iterate is returned; NaN stays NaN.
    """
    ideal = np.array(points, dtype=np.float64)
    for _ in range(_NEWTON_STEPS):
        error = distort(ideal, distortion) - points
        jacobian = distort_jacobian(ideal, distortion)
        step = _solve2(jacobian, error)
        ideal = ideal - step
        if not np.any(np.abs(step) > _TOLERANCE):
            break
    return ideal


def _solve2(matrix: Array, vector: Array) -> Array:
    """Solve batched 2x2 systems; a nearly singular one takes the plain fixed-point step instead."""
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    determinant = a * d - b * c
    safe = np.where(determinant > 0.05, determinant, 1.0)
    u, v = vector[..., 0], vector[..., 1]
    solved = np.stack(((d * u - b * v) / safe, (a * v - c * u) / safe), axis=-1)
    return np.where(determinant[..., None] > 0.05, solved, vector)
