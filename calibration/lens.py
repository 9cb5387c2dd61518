"""The lens: OpenCV's distortion of normalised image coordinates, perspective and fisheye.

Normalised coordinates are `(x / z, y / z)` of a point in camera axes. A lens has eight coefficients, in
OpenCV's order: `k1 k2 p1 p2 k3 k4 k5 k6`, of which a plain lens leaves `k4 k5 k6` at zero and a rational one
does not. Of a fisheye (OpenCV's equidistant model) the first four are its own `k1 k2 k3 k4`, the rest zero.

The rational function is trusted to :data:`MAX_RADIUS_SQUARED` only; beyond it the radial factor stays as it
is there, so that points far outside the image stay finite instead of folding back into it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Fisheye = bool | NDArray[np.bool_]
"""Whether lenses are fisheyes: one answer, or one for each, to go with the leading axes of the points."""

COEFFICIENTS = 8
"""How many coefficients a lens has."""
MAX_RADIUS_SQUARED = 4.0
"""Squared normalised radius (127 degrees of view) beyond which the radial factor is held."""

_NEWTON_STEPS = 20
_TOLERANCE = 1e-13
ON_AXIS = 1e-16
"""Squared normalised radius below which a point is on the axis of a fisheye."""
_NEAR_AXIS = 1e-6
# A fisheye sees further round than normalised coordinates reach: angles (radians) are held here.
_WIDEST_ANGLE = 1.5


def distort(points: Array, distortion: Array, fisheye: Fisheye = False) -> Array:
    """Bend normalised coordinates as the lens does.

    Args:
        points: (..., 2) ideal normalised coordinates.
        distortion: (..., 8) coefficients, broadcast against the leading axes of `points`; the last ones may
            be missing, as zeros.
        fisheye: which lenses are fisheyes.

    Returns:
        (..., 2) distorted normalised coordinates.
    """
    return _by_model(_distort_perspective, _distort_fisheye, points, distortion, fisheye)


def distort_jacobian(points: Array, distortion: Array, fisheye: Fisheye = False) -> Array:
    """The derivative of :func:`distort` by its points, (..., 2, 2): rows distorted, columns ideal."""
    return _by_model(_perspective_jacobian, _fisheye_jacobian, points, distortion, fisheye)


def coefficient_jacobian(points: Array, distortion: Array, fisheye: Fisheye = False) -> Array:
    """The derivative of :func:`distort` by its coefficients, (..., 2, 8): rows distorted coordinates."""
    return _by_model(_perspective_by_coefficients, _fisheye_by_coefficients, points, distortion, fisheye)


def undistort(points: Array, distortion: Array, fisheye: Fisheye = False) -> Array:
    """The inverse of :func:`distort`, by Newton's method; (..., 2) in and out.

    Where the lens model folds (no inverse exists) the nearest iterate is returned; NaN stays NaN.
    """
    return _by_model(_undistort_perspective, _undistort_fisheye, points, distortion, fisheye)


def _by_model(
    perspective: Callable[[Array, Array], Array],
    curved: Callable[[Array, Array], Array],
    points: Array,
    distortion: Array,
    fisheye: Fisheye,
) -> Array:
    """The one function or the other, or each where it belongs."""
    missing = COEFFICIENTS - distortion.shape[-1]
    if missing:
        distortion = np.pad(distortion, [(0, 0)] * (distortion.ndim - 1) + [(0, missing)])
    mask = np.asarray(fisheye)
    if not mask.any():
        return perspective(points, distortion)
    if mask.all():
        return curved(points, distortion)
    bent = curved(points, distortion)
    return np.where(
        mask[(..., *[None] * (bent.ndim - points.ndim + 1))], bent, perspective(points, distortion)
    )


def _distort_perspective(points: Array, distortion: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    p1, p2 = distortion[..., 2], distortion[..., 3]
    r2 = x * x + y * y
    radial, _ = _radial(r2, distortion)
    return np.stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ),
        axis=-1,
    )


def _perspective_jacobian(points: Array, distortion: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    p1, p2 = distortion[..., 2], distortion[..., 3]
    radial, slope = _radial(x * x + y * y, distortion)
    cross = 2 * (x * y * slope + p1 * x + p2 * y)
    xx = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
    yy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
    return np.stack((np.stack((xx, cross), axis=-1), np.stack((cross, yy), axis=-1)), axis=-2)


def _perspective_by_coefficients(points: Array, distortion: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    k4, k5, k6 = np.moveaxis(distortion[..., 5:], -1, 0)
    r2 = x * x + y * y
    held = np.minimum(r2, MAX_RADIUS_SQUARED)
    radial, _ = _radial(r2, distortion)
    above = held / (1 + held * (k4 + held * (k5 + held * k6)))
    zero = np.zeros(radial.shape)
    factors = [above * held**power for power in range(3)]
    factors += [zero, zero, *(-radial * factor for factor in factors)]
    by = (
        points[..., :, None] * np.stack([factors[i] for i in (0, 1, 3, 4, 2, 5, 6, 7)], axis=-1)[..., None, :]
    )
    by[..., 2] = np.stack((2 * x * y, r2 + 2 * y * y), axis=-1)
    by[..., 3] = np.stack((r2 + 2 * x * x, 2 * x * y), axis=-1)
    return np.asarray(by)


def _radial(r2: Array, distortion: Array) -> tuple[Array, Array]:
    """The radial factor at squared radii, and its derivative by them."""
    k1, k2, _, _, k3, k4, k5, k6 = np.moveaxis(distortion, -1, 0)
    held = np.minimum(r2, MAX_RADIUS_SQUARED)
    above = 1 + held * (k1 + held * (k2 + held * k3))
    below = 1 + held * (k4 + held * (k5 + held * k6))
    above_slope = k1 + held * (2 * k2 + 3 * held * k3)
    below_slope = k4 + held * (2 * k5 + 3 * held * k6)
    radial = above / below
    slope = np.where(r2 < MAX_RADIUS_SQUARED, (above_slope - radial * below_slope) / below, 0.0)
    return radial, slope


def _undistort_perspective(points: Array, distortion: Array) -> Array:
    ideal = np.array(points, dtype=np.float64)
    for _ in range(_NEWTON_STEPS):
        error = _distort_perspective(ideal, distortion) - points
        step = _solve2(_perspective_jacobian(ideal, distortion), error)
        ideal = ideal - step
        if not np.any(np.abs(step) > _TOLERANCE):
            break
    return ideal


def _undistort_fisheye(points: Array, distortion: Array) -> Array:
    """By the angle from the axis, held where it would reach the plane of the camera."""
    bent = np.sqrt((points**2).sum(-1))
    angle = np.minimum(bent, _WIDEST_ANGLE)
    for _ in range(_NEWTON_STEPS):
        value, slope = _fisheye_angle(angle, distortion)
        step = (value - bent) / np.where(slope > 0.05, slope, 1.0)
        angle = np.clip(angle - step, 0.0, _WIDEST_ANGLE)
        if not np.any(np.abs(step) > _TOLERANCE):
            break
    scale = np.where(bent > ON_AXIS, np.tan(angle) / np.maximum(bent, ON_AXIS), 1.0)
    return np.asarray(points * scale[..., None])


def _fisheye_angle(angle: Array, distortion: Array) -> tuple[Array, Array]:
    """The distorted angle, and its derivative by the angle."""
    k1, k2, k3, k4 = np.moveaxis(distortion[..., :4], -1, 0)
    a2 = angle * angle
    bent = angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
    return bent, 1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))


def _distort_fisheye(points: Array, distortion: Array) -> Array:
    factor, _ = _fisheye_factor((points**2).sum(-1), distortion)
    return np.asarray(points * factor[..., None])


def _fisheye_jacobian(points: Array, distortion: Array) -> Array:
    factor, slope = _fisheye_factor((points**2).sum(-1), distortion)
    outer = points[..., :, None] * points[..., None, :]
    return np.asarray(factor[..., None, None] * np.eye(2) + 2 * slope[..., None, None] * outer)


def _fisheye_by_coefficients(points: Array, distortion: Array) -> Array:
    r2 = np.maximum((points**2).sum(-1), ON_AXIS)
    angle = np.arctan(np.sqrt(r2))
    share = angle / np.sqrt(r2)
    by = np.zeros((*np.broadcast_shapes(points.shape[:-1], distortion.shape[:-1]), 2, COEFFICIENTS))
    for column in range(4):
        by[..., column] = points * (share * angle ** (2 * column + 2))[..., None]
    return by


def _fisheye_factor(r2: Array, distortion: Array) -> tuple[Array, Array]:
    """Distorted over ideal radius at squared ideal radii, and its derivative by them."""
    safe = np.maximum(r2, ON_AXIS)
    radius = np.sqrt(safe)
    bent, bent_slope = _fisheye_angle(np.arctan(radius), distortion)
    factor = bent / radius
    # The angle grows by 1 / (1 + r^2) with r. On the axis the two terms cancel: there
    # bent / r = 1 + (k1 - 1/3) r^2 is exact enough.
    slope = (bent_slope / (1 + safe) - factor) / (2 * safe)
    first = distortion[..., 0] - 1 / 3
    near = safe < _NEAR_AXIS
    return np.where(near, 1 + first * safe, factor), np.where(near, first, slope)


def _solve2(matrix: Array, vector: Array) -> Array:
    """Solve batched 2x2 systems; a nearly singular one takes the plain fixed-point step instead."""
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    determinant = a * d - b * c
    safe = np.where(determinant > 0.05, determinant, 1.0)
    u, v = vector[..., 0], vector[..., 1]
    solved = np.stack(((d * u - b * v) / safe, (a * v - c * u) / safe), axis=-1)
    return np.where(determinant[..., None] > 0.05, solved, vector)
