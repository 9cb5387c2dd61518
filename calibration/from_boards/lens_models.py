"""Which numbers of a lens its model frees, and what is believed of them before any image is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calibration.camera import LensModel
from calibration.from_boards.board_images import LENS_SIZE
from calibration.from_boards.bundle import Prior

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

LensChoice = LensModel | Literal["auto"]
"""A model, or the simplest that the corners are content with."""

K3 = 8
"""Where k3 of a perspective lens is among its numbers."""

# Numbers of the lens that each model frees: fx fy cx cy, then as calibration.lens lists its coefficients.
# Brown's k3 stays 0 until the corners insist.
_FREED = {
    "brown": (0, 1, 2, 3, 4, 5, 6, 7),
    "rational": tuple(range(LENS_SIZE)),
    "fisheye": (0, 1, 2, 3, 4, 5, 6, 7),
}
# What the terms of the lens may plausibly do at the image's corner, as shares of the distance from the
# middle, and the power of the radius that each goes with. It matters only where the corners do not say
# better. The terms of a rational lens cancel each other in part.
_PLAUSIBLE = {
    "brown": (0.10, 0.02, 0.001, 0.001, 0.01, 0.01, 0.01, 0.01),
    "rational": (0.30, 0.20, 0.001, 0.001, 0.10, 0.30, 0.20, 0.10),
    "fisheye": (0.10, 0.05, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01),
}
_POWERS = {
    "brown": (2, 4, 1, 1, 6, 2, 4, 6),
    "rational": (2, 4, 1, 1, 6, 2, 4, 6),
    "fisheye": (2, 4, 6, 8, 6, 2, 4, 6),
}
_PRINCIPAL_SHARE = 0.05


def freed(model: LensModel) -> Bools:
    """(LENS_SIZE,) which numbers of a lens may change."""
    free = np.zeros(LENS_SIZE, dtype=bool)
    free[list(_FREED[model])] = True
    return free


def lens_prior(sizes: Sequence[tuple[int, int]], lenses: Array, models: Sequence[LensModel]) -> Prior:
    """Beliefs about lenses (C, LENS_SIZE): a principal point near the middle, a distortion not absurd."""
    shape = np.array(sizes, dtype=np.float64)
    mean = np.zeros((len(sizes), LENS_SIZE))
    mean[:, 2:4] = (shape - 1) / 2
    sigma = np.full(mean.shape, np.inf)
    sigma[:, 2:4] = _PRINCIPAL_SHARE * shape.max(axis=1, keepdims=True)
    radius = np.linalg.norm(shape / 2 / lenses[:, :2], axis=1, keepdims=True)
    plausible = np.array([_PLAUSIBLE[model] for model in models])
    sigma[:, 4:] = plausible / radius ** np.array([_POWERS[model] for model in models])
    return Prior(mean, sigma)
