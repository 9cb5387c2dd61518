"""Light for drawn meshes: vertex normals and a studio light fixed to the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Colour = tuple[int, int, int]

CLAY: Colour = (170, 194, 210)

# camera axes (x right, y down, z forward): towards the light, from the camera's upper left and its right
_KEY = np.array([-0.45, -0.55, -0.70])
_FILL = np.array([0.80, 0.05, -0.60])
_AMBIENT, _KEY_POWER, _FILL_POWER, _RIM_POWER, _GLOSS_POWER = 0.26, 0.68, 0.22, 0.22, 0.10


def light(points: Float, normals: Float) -> tuple[Float, Float]:
    """Lambert from a key and a fill light that travel with the camera, a rim, a little gloss.

    Args:
        points: (N, 3) in camera axes, metres.
        normals: (N, 3) unit, in camera axes.

    Returns:
        the factor (N,) on the surface's colour, and the white (N,) that is added, of full scale 1.
    """
    view = -points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    facing = np.clip(np.einsum("nc,nc->n", normals, view), 0.0, 1.0)
    key, fill = _KEY / np.linalg.norm(_KEY), _FILL / np.linalg.norm(_FILL)
    half = view + key
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
    diffuse = (
        _AMBIENT
        + _KEY_POWER * np.clip(normals @ key, 0.0, 1.0)
        + _FILL_POWER * np.clip(normals @ fill, 0.0, 1.0)
    )
    gloss = _GLOSS_POWER * np.clip(np.einsum("nc,nc->n", normals, half), 0.0, 1.0) ** 24
    return diffuse, gloss + _RIM_POWER * (1.0 - facing) ** 3
