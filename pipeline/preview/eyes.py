"""Eyeballs of any mesh: which faces they are, and an iris on them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.eye_texture import draw_eyes
from detector.synthetic.surfaces import Floats, Pixels
from detector.synthetic.texture_maps import EyeMaps
from fitting.head_topology import JOINT_NAMES
from pipeline.export.surface import Skin, Surface

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

EYES = ("left_eye", "right_eye")
_WHOLE = 0.99
_REACH = 1.7
"""Radians from the eye's axis to the rim of the image."""
_TEXELS = 512
_PERSON = 9


def eye_faces(surface: Surface, skin: Skin) -> dict[str, Bool]:
    """By eye, the faces (Q,) that turn with its joint alone; so they are found on a user's mesh too."""
    found = {}
    for eye in EYES:
        whole = skin.weights[:, JOINT_NAMES.index(eye)] > _WHOLE
        found[eye] = np.asarray(whole[surface.quads].all(axis=1))
    return found


def eye_coordinates(eye: str, vertices: Float) -> Floats:
    """Texture coordinates (n, 2) of an eyeball at rest, (n, 3): angle and direction round the axis.

    The left eye has the left half of :func:`eye_image`, the right eye the right half.
    """
    away = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    x, y, z = (away / np.linalg.norm(away, axis=1, keepdims=True)).T
    reach = np.minimum(np.arccos(np.clip(z, -1.0, 1.0)) / _REACH, 0.98) / 2
    across = np.maximum(np.hypot(x, y), 1e-9)
    u, v = 0.5 + reach * x / across, 0.5 + reach * y / across
    return np.stack([u / 2 + 0.5 * EYES.index(eye), v], axis=1).astype(np.float32)


@cache
def eye_image() -> Pixels:
    """(h, 2 h, 3) sRGB: both eyeballs, seen along their axes."""
    y, x = np.mgrid[1 : -1 : _TEXELS * 1j, -1 : 1 : _TEXELS * 1j]
    angle, across = np.hypot(x, y) * _REACH, np.maximum(np.hypot(x, y), 1e-9)
    one = np.stack([x / across * np.sin(angle), y / across * np.sin(angle), np.cos(angle)], axis=-1)
    both = np.concatenate([one, one], axis=1).astype(np.float32)
    return draw_eyes(EyeMaps(both), 0.1, 0.3, np.random.default_rng(_PERSON))
