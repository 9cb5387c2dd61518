"""The conventions in which formats differ from vultus, each as one named function and its inverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def from_corner_origin(principal: ArrayLike) -> Array:
    """A principal point (2,) whose pixel (0, 0) is the image's corner, to one where it is a centre."""
    return np.asarray(principal, dtype=np.float64) - 0.5


def to_corner_origin(principal: ArrayLike) -> Array:
    """The inverse of :func:`from_corner_origin`."""
    return np.asarray(principal, dtype=np.float64) + 0.5


def from_image_centre(offset: ArrayLike, size: tuple[int, int]) -> Array:
    """A principal point (2,) in pixels from the middle of the image, to one from the first pixel's centre."""
    return from_corner_origin(np.asarray(offset, dtype=np.float64) + np.asarray(size) / 2)


def to_image_centre(principal: ArrayLike, size: tuple[int, int]) -> Array:
    """The inverse of :func:`from_image_centre`."""
    return to_corner_origin(principal) - np.asarray(size) / 2


def camera_matrix(focal: ArrayLike, principal: ArrayLike) -> Array:
    """(3, 3) K of focal lengths, one or (2,), and a principal point (2,), in pixels."""
    K = np.eye(3)
    K[[0, 1], [0, 1]] = focal
    K[:2, 2] = principal
    return K


def pose_from_centre(R: Array, centre: ArrayLike) -> Array:
    """The translation (3,) of a camera with rotation R, world to camera, that stands at `centre`."""
    return np.asarray(-R @ np.asarray(centre, dtype=np.float64))


def brown_from_photogrammetry(k: ArrayLike, p: ArrayLike) -> Array:
    """Brown's radial k (3,) and decentring p (2,) as photogrammetry writes them, as OpenCV's five (5,).

    Photogrammetry (Agisoft's manual, Capturing Reality) has `x + p1 (r^2 + 2 x^2) + 2 p2 x y`, where OpenCV
    has `x + 2 p1 x y + p2 (r^2 + 2 x^2)`: p1 and p2 change places, the signs stay.
    """
    k1, k2, k3 = np.asarray(k, dtype=np.float64)
    p1, p2 = np.asarray(p, dtype=np.float64)
    return np.array([k1, k2, p2, p1, k3])


def brown_to_photogrammetry(distortion: ArrayLike) -> tuple[Array, Array]:
    """The inverse of :func:`brown_from_photogrammetry`: k (3,) and p (2,) of OpenCV's coefficients."""
    k1, k2, p1, p2, k3 = np.asarray(distortion, dtype=np.float64)[:5]
    return np.array([k1, k2, k3]), np.array([p2, p1])


_Y_UP_FROM_Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def from_z_up(R: Array, centre: ArrayLike) -> tuple[Array, Array]:
    """A camera's rotation (world to camera) and centre (3,) in a Z-up world, as in the same world Y up."""
    return R @ _Y_UP_FROM_Z_UP.T, _Y_UP_FROM_Z_UP @ np.asarray(centre, dtype=np.float64)


def to_z_up(R: Array, centre: ArrayLike) -> tuple[Array, Array]:
    """The inverse of :func:`from_z_up`."""
    return R @ _Y_UP_FROM_Z_UP, _Y_UP_FROM_Z_UP.T @ np.asarray(centre, dtype=np.float64)


_HALF_TURN = np.diag([1.0, -1.0, -1.0])


def from_graphics(orientation: Array) -> Array:
    """The rotation (3, 3), world to camera, of a camera as graphics programs have it.

    Its axes are x right, y up, and it looks down -z; they are the columns of `orientation` (3, 3), which goes
    from camera to world.
    """
    return (orientation @ _HALF_TURN).T


def to_graphics(R: Array) -> Array:
    """The inverse of :func:`from_graphics`."""
    return R.T @ _HALF_TURN
