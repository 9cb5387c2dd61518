"""Cameras of graphics programs: x right, y up, looking down -z, placed by a matrix from camera to world.

Ours are OpenCV's (x right, y down, z forward), placed from world to camera. The two differ by half a turn
around x and by the direction of the transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALF_TURN = np.diag([1.0, -1.0, -1.0])

Y_UP_FROM_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""(3, 3) rotation of a Z-up world to a Y-up one; x stays."""


def to_graphics(R: Array, t: Array) -> tuple[Array, Array]:
    """The orientation (3, 3), whose columns are the camera's axes in the world, and the position (3,)."""
    return R.T @ _HALF_TURN, -R.T @ t


def from_graphics(orientation: Array, position: Array) -> tuple[Array, Array]:
    """The inverse of :func:`to_graphics`: R (3, 3) and t (3,), world to camera."""
    R = (orientation @ _HALF_TURN).T
    return R, -R @ position
