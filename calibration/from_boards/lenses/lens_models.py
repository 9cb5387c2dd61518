"""Which numbers of a lens its model frees, and what is believed of them before any image is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calibration.camera import LensModel
from calibration.from_boards.adjustment.board_images import LENS_SIZE
from calibration.from_boards.adjustment.bundle import Prior

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

LensChoice = LensModel | Literal["auto"]
"""A model, or the simplest that the corners are content with."""

# Numbers of the lens that each model frees: fx fy cx cy, then as calibration.lens lists its coefficients.
_FREED = {"brown": 9, "rational": LENS_SIZE, "fisheye": 8}
# What the terms of a lens may plausibly do at the image's corner, as shares of the distance from the middle,
# and the power of the radius that each goes with. It matters only where the corners do not say better: k3
# stays near 0 until they do. The terms of a rational lens cancel each other in part.
_PLAUSIBLE = {
    "brown": (0.10, 0.02, 0.001, 0.001, 0.002, 1.0, 1.0, 1.0),
    "rational": (0.30, 0.20, 0.001, 0.001, 0.10, 0.30, 0.20, 0.10),
    "fisheye": (0.10, 0.02, 0.01, 0.005, 1.0, 1.0, 1.0, 1.0),
}
_POWERS = {
    "brown": (2, 4, 1, 1, 6, 2, 4, 6),
    "rational": (2, 4, 1, 1, 6, 2, 4, 6),
    "fisheye": (2, 4, 6, 8, 6, 2, 4, 6),
}
# Wide lenses bend more: what no belief is narrower than. A lens between perspective and equidistant has the
# terms of atan(r) / r = 1 - r^2 / 3 + r^4 / 5 - r^6 / 7; fisheyes lie between sin and tan of the half angle.
_WIDE = {
    "brown": (1 / 3, 1 / 5, 0.0, 0.0, 1 / 7, 0.0, 0.0, 0.0),
    "rational": (1 / 3, 1 / 5, 0.0, 0.0, 1 / 7, 1 / 3, 1 / 5, 1 / 7),
    "fisheye": (1 / 6, 1 / 12, 1 / 24, 1 / 48, 0.0, 0.0, 0.0, 0.0),
}
_PRINCIPAL_SHARE = 0.05


def freed(model: LensModel) -> Bools:
    """(LENS_SIZE,) which numbers of a lens may change."""
    return np.arange(LENS_SIZE) < _FREED[model]


def lens_prior(sizes: Sequence[tuple[int, int]], lenses: Array, models: Sequence[LensModel]) -> Prior:
    """Beliefs about lenses (C, LENS_SIZE): a principal point near the middle, a distortion not absurd."""
    shape = np.array(sizes, dtype=np.float64)
    mean = np.zeros((len(sizes), LENS_SIZE))
    mean[:, 2:4] = (shape - 1) / 2
    sigma = np.full(mean.shape, np.inf)
    sigma[:, 2:4] = _PRINCIPAL_SHARE * shape.max(axis=1, keepdims=True)
    radius = np.linalg.norm(shape / 2 / lenses[:, :2], axis=1, keepdims=True)
    plausible, powers, wide = (np.array([of[m] for m in models]) for of in (_PLAUSIBLE, _POWERS, _WIDE))
    sigma[:, 4:] = plausible / radius**powers + wide
    return Prior(mean, sigma)
