"""Under which skin of the mean head the skull and the mandible lie, and which skin is the ears'.

Outlines are drawn from the side, as (z, y) in canonical millimetres: z forward, y up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]

EAR = ((-60, -28), (-64, -2), (-80, 10), (-100, 8), (-106, -15), (-99, -38), (-82, -62), (-66, -60))
"""Outline of the ear; nothing of the skull is looked for under it."""

MANDIBLE = (
    (-62, -26),  # condyle, before the tragus
    (-54, -25),
    (-47, -36),  # notch
    (-38, -31),  # coronoid process, inside the cheek bone
    (-27, -36),
    (-21, -66),  # front of the ramus
    (0, -83),  # gums of the lower teeth
    (28, -88),
    (28, -112),  # chin
    (13, -119),
    (-10, -119),  # lower border
    (-34, -109),
    (-54, -95),  # angle
    (-63, -60),
)
"""Outline of the mandible."""

SKULL_BASE = (
    (-180, -25),
    (-160, -32),  # nuchal line
    (-130, -42),
    (-100, -48),  # mastoid process
    (-66, -40),
    (-60, -28),  # cheek bone
    (-35, -30),
    (-20, -36),
    (-8, -46),  # maxilla
    (2, -56),
    (40, -59),
)
"""The lower edge of the skull, y over z, from the back of the head to the upper gums."""

EYE_CENTRE, EYE_RADII = (30.5, -2.0), (20.0, 14.0)
NOSE_HALF_WIDTH, RHINION, SUBNASALE = 18.0, -21.0, -51.0
MOUTH_HALF_WIDTH, LOWER_GUM = 28.0, -88.0
FLOOR_SLOPE = -0.85


def on_ears(points: Array) -> Mask:
    """Which of the canonical points (N, 3), metres, belong to the ears."""
    mm = points * 1e3
    found: Mask = (np.abs(mm[:, 0]) > 60.0) & _inside(mm[:, [2, 1]], EAR)
    return found


def on_skull(points: Array) -> Mask:
    """Under which points (N, 3) of the mean head's outer skin, canonical metres, the skull lies.

    Cartilage is none of it: the ears and the lower nose are left out, as are eyes, lips and the soft cheeks.
    """
    x, y, z = (points * 1e3).T
    base_z, base_y = np.array(SKULL_BASE, np.float64).T
    eye = np.hypot((np.abs(x) - EYE_CENTRE[0]) / EYE_RADII[0], (y - EYE_CENTRE[1]) / EYE_RADII[1]) < 1.0
    # the sides of the nasal bones slope to the maxilla; below their end there is only cartilage
    nose = (np.abs(x) < NOSE_HALF_WIDTH) & (y < RHINION) & (y > SUBNASALE)
    above = y > np.interp(z, base_z, base_y)
    found: Mask = above & ~(eye & (z > -10.0)) & ~(nose & (z > 10.0)) & ~on_ears(points)
    return found


def on_jaw(points: Array, normals: Array) -> Mask:
    """Under which points (N, 3) of the mean head's outer skin the mandible lies.

    Args:
        points: canonical metres.
        normals: (N, 3) outward unit normals there; they tell the lower border from the floor of the mouth.
    """
    mm = points * 1e3
    x, y, _ = mm.T
    lips = (np.abs(x) < MOUTH_HALF_WIDTH) & (y > LOWER_GUM)
    floor = normals[:, 1] < FLOOR_SLOPE
    found: Mask = _inside(mm[:, [2, 1]], MANDIBLE) & ~lips & ~floor & ~on_ears(points)
    return found


def _inside(points: Array, outline: tuple[tuple[int, int], ...]) -> Mask:
    """Which points (N, 2) lie inside an outline: those from which a ray crosses it an odd number of times."""
    corners = np.array(outline, np.float64)
    inside = np.zeros(len(points), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay == by:
            continue
        crosses = (points[:, 1] > min(ay, by)) & (points[:, 1] <= max(ay, by))
        at = ax + (points[:, 1] - ay) / (by - ay) * (bx - ax)
        inside ^= crosses & (points[:, 0] < at)
    return inside
