"""Where an eyeball lies between its lids: the lids' soft shadow stays with them while the eye turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats
from detector.synthetic.viewpoint import HeadFrame

Array = NDArray[np.float64]

UPPER = {"left_eye": (42, 43, 44, 45), "right_eye": (36, 37, 38, 39)}
LOWER = {"left_eye": (42, 47, 46, 45), "right_eye": (36, 41, 40, 39)}


def between_lids(name: str, positions: Floats, eye: Floats, landmarks: Array, frame: HeadFrame) -> Floats:
    """How far each point lies below the upper and above the lower lid.

    Args:
        name: `left_eye` or `right_eye`. positions: (n, 3) of the drawn eyeball, metres.
        eye: (m, 3) the model's vertices of it. landmarks: (68, 3) of the posed head. frame: of the skull.

    Returns:
        (n, 4): both distances in units of the eye's radius, then how far the point lies from the middle
        towards the corners, and its unshaded light.
    """
    centre = eye.mean(axis=0)
    radius = float(np.linalg.norm(eye - centre, axis=1).mean())
    plane = frame.rotation[:, :2]
    x, y = ((positions - centre) @ plane / radius).T
    lids = [((landmarks[list(row[name])] - centre) @ plane / radius).T for row in (UPPER, LOWER)]
    upper, lower = (np.polyval(np.polyfit(across, height, 2), x) for across, height in lids)
    tint = np.stack([upper - y, y - lower, np.abs(x), np.full_like(x, 0.92)], axis=1)
    return np.asarray(tint, np.float32)
