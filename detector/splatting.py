"""Which points of a surface lie behind others, seen from far away in one direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def depth_behind(
    points: NDArray[np.floating], direction: NDArray[np.floating], cell: float
) -> NDArray[np.floating]:
    """How far (N,) each point lies behind the foremost point of its cell; lengths in the unit of the points.

    Args:
        points: (N, 3), dense enough that the surface leaves no cell empty.
        direction: (3,) unit vector from the surface towards the eye.
        cell: side of the square cells that the view is divided into.
    """
    side = np.cross(direction, [0.31, 0.87, 0.38])
    side /= np.linalg.norm(side)
    plane = np.stack([side, np.cross(direction, side)], axis=1)
    cells = np.floor((points @ plane) / cell).astype(np.int64)
    cells -= cells.min(axis=0)
    index = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
    depth = points @ direction
    front = np.full(index.max() + 1, -np.inf)
    np.maximum.at(front, index, depth)
    behind: NDArray[np.floating] = front[index] - depth
    return behind
