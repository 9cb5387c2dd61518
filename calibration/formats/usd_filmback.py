"""The film back of a USD camera against the camera matrix: apertures and offsets, pixels and principal point.

Lengths are tenths of a scene unit. An offset moves the window on the image plane to the right and up, and so
the principal point to the left and down in the image. The image fills the window from edge to edge, so that
its left edge is pixel -0.5 and its right one `width - 0.5`.
Source: the documentation of UsdGeomCamera; tests project with GfCamera's frustum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.formats import conventions

Array = NDArray[np.float64]

IMAGE_WIDTH = 0.036
"""Metres. A camera matrix does not know the size of the sensor: we write that of a full-frame photograph."""


@dataclass(frozen=True)
class FilmBack:
    """Focal length, apertures and their offsets, in tenths of a scene unit."""

    focal: float
    width: float
    height: float
    right: float
    up: float


def film_back(camera: Camera, metres_per_unit: float) -> FilmBack:
    """The film back whose window the image fills; pixels that are not square make its height so."""
    fx, fy = camera.focal
    cx, cy = conventions.to_corner_origin(camera.principal)
    width = IMAGE_WIDTH / metres_per_unit * 10
    focal = fx * width / camera.width
    height = camera.height * focal / fy
    right = width * (0.5 - cx / camera.width)
    up = height * (cy / camera.height - 0.5)
    return FilmBack(focal, width, height, right, up)


def camera_matrix(film: FilmBack, size: tuple[int, int]) -> Array:
    """The inverse of :func:`film_back`: K (3, 3) of images of a size (width, height) in pixels."""
    width, height = size
    principal = width * (0.5 - film.right / film.width), height * (0.5 + film.up / film.height)
    focal = film.focal / film.width * width, film.focal / film.height * height
    return conventions.camera_matrix(focal, conventions.from_corner_origin(principal))
