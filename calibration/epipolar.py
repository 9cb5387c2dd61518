"""Epipolar geometry: how well what two cameras see of the same points fits, without placing the points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.camera import MIN_DEPTH, Camera, Rig
from calibration.errors import InputError

Array = NDArray[np.float64]

MIN_POINTS = 6
"""Fewer common points of two cameras tell nothing of them."""

_ALONG = 600
_NEAREST, _FARTHEST = 0.02, 50.0
_SAME_PLACE = 1e-9


def fundamental_matrix(first: Camera, second: Camera) -> Array:
    """F (3, 3) with `x2^T F x1 = 0` for undistorted pixels of the same point; zero where the centres agree.

    Source: Hartley and Zisserman, Multiple View Geometry, section 9.2.
    """
    R = second.R @ first.R.T
    t = second.t - R @ first.t
    distance = float(np.linalg.norm(t))
    if distance < _SAME_PLACE:
        return np.zeros((3, 3))
    x, y, z = t / distance
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.linalg.inv(second.K).T @ cross @ R @ np.linalg.inv(first.K))


def sampson_distance(first: Array, second: Array, F: Array) -> Array:
    """(N,) distance in pixels of undistorted pixels (N, 2) of two cameras from fitting the matrix, to first
    order (Sampson; Hartley and Zisserman, equation 11.9)."""
    x1, x2 = _homogeneous(first), _homogeneous(second)
    line2, line1 = x1 @ F.T, x2 @ F
    slope = np.square(line2[:, :2]).sum(1) + np.square(line1[:, :2]).sum(1)
    return np.asarray(np.abs((x2 * line2).sum(1)) / np.sqrt(np.maximum(slope, 1e-300)))


def epipolar_table(pixels: ArrayLike, rig: Rig) -> Array:
    """How well each two cameras fit: the median Sampson distance of what both see.

    Args:
        pixels: (..., C, 2) distorted pixels of the same points in all cameras; NaN where not seen.
        rig: C cameras.

    Returns:
        (C, C) pixels, symmetric; NaN on the diagonal, and where two cameras share fewer than
        :data:`MIN_POINTS` points or stand at one place.

    Raises:
        InputError: if the shapes do not fit the rig.
    """
    seen = np.asarray(pixels, dtype=np.float64)
    if seen.shape[-2:] != (len(rig), 2):
        raise InputError(f"pixels of shape {seen.shape} do not fit a rig of {len(rig)} cameras")
    seen = seen.reshape(-1, len(rig), 2)
    straight = [undistorted(camera, seen[:, index]) for index, camera in enumerate(rig)]
    table = np.full((len(rig), len(rig)), np.nan)
    for first in range(len(rig)):
        for second in range(first + 1, len(rig)):
            shared = np.isfinite(straight[first]).all(1) & np.isfinite(straight[second]).all(1)
            F = fundamental_matrix(rig.cameras[first], rig.cameras[second])
            if shared.sum() >= MIN_POINTS and F.any():
                apart = sampson_distance(straight[first][shared], straight[second][shared], F)
                table[first, second] = table[second, first] = np.median(apart)
    return table


def undistorted(camera: Camera, pixels: Array) -> Array:
    """Where pixels (..., 2) would be in a camera of the same K without distortion."""
    return np.asarray(camera.normalise(pixels) * camera.focal + camera.principal)


def epipolar_curve(pixel: ArrayLike, camera: Camera, other: Camera) -> Array:
    """Where a pixel of one camera can be in the image of another.

    Args:
        pixel: (2,) distorted pixel of `camera`.
        camera: that saw it.
        other: in whose image the curve runs: a straight line but for the lens.

    Returns:
        (N, 2) distorted pixels from near to far, those behind the other camera left out; N may be 0.
    """
    ideal = camera.normalise(np.asarray(pixel, dtype=np.float64))
    direction = np.array([*ideal, 1.0]) @ camera.R
    base = float(np.linalg.norm(other.centre - camera.centre))
    depths = np.geomspace(_NEAREST, _FARTHEST, _ALONG) * max(base, _SAME_PLACE)
    points = camera.centre + depths[:, None] * direction
    return other.project(points[other.to_camera(points)[:, 2] > MIN_DEPTH * max(base, 1e-3)])


def _homogeneous(pixels: Array) -> Array:
    return np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
