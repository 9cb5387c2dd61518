"""Where the corners of a synthetic checkerboard are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def board_corners(corners: tuple[int, int], square: float, rotation: Array, centre: Array) -> Array:
    """The inner corners (N, 3) in the world, metres, row by row from the top left."""
    x = (np.arange(corners[0]) - (corners[0] - 1) / 2) * square
    y = ((corners[1] - 1) / 2 - np.arange(corners[1])) * square
    grid = np.stack([*np.meshgrid(x, y), np.zeros((len(y), len(x)))], axis=-1).reshape(-1, 3)
    return np.asarray(grid @ rotation.T + centre)
