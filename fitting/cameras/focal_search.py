"""How long the lenses are, from the perspective of a head that is roughly known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fitting.cameras.perspective import Views, pose_heads, refine_poses

Array = NDArray[np.float64]

# In image diagonals: from a wide phone to a long portrait lens.
_USUAL, _SPREAD = 1.5, 0.5
_CANDIDATES = np.exp(np.linspace(np.log(0.5), np.log(8.0), 24))
_ROUNDS = 4
# What a camera's landmarks are worth together: their errors are the head's own, and few.
_INDEPENDENT = 30.0
_ALIKE = 0.15


def search_focals(cameras: Sequence[Views], diagonals: Array, head: Array) -> Array:
    """The focal lengths that explain heads best, over all frames of each camera.

    A face half a metre deep in the picture tells its lens to some 30 percent only, so that all cameras are
    searched together, and each may then differ from the others as far as it insists.

    Args:
        cameras: for each of C cameras its images, in pixels from the image centre.
        diagonals: (C,) of the images, in pixels.
        head: (L, 3) landmarks of the head in metres.

    Returns:
        (C,) focal lengths in pixels.
    """
    costs = np.stack([_costs(views, d, head) for views, d in zip(cameras, diagonals, strict=True)])
    grid = np.log(_CANDIDATES)
    usual = 0.5 * ((grid - np.log(_USUAL)) / _SPREAD) ** 2
    common = grid[np.argmin(_INDEPENDENT * costs.sum(0) + usual)]
    alike = 0.5 * ((grid - common) / _ALIKE) ** 2
    own = np.argmin(_INDEPENDENT * costs + alike, axis=1)
    return np.asarray(_CANDIDATES[own] * diagonals)


def _costs(views: Views, diagonal: float, head: Array) -> Array:
    """(candidates,) robust cost of each focal length, mean over the images and their landmarks."""
    middle = len(_CANDIDATES) // 2
    first = views.scaled(1 / (_CANDIDATES[middle] * diagonal))
    start = pose_heads(first, head)
    costs = np.zeros(len(_CANDIDATES))
    for way in (range(middle, len(_CANDIDATES)), range(middle - 1, -1, -1)):
        poses, before = start, _CANDIDATES[middle]
        for index in way:
            moved = poses.translation * [1.0, 1.0, _CANDIDATES[index] / before]
            poses = type(poses)(poses.rotation, moved, poses.known, poses.cost)
            scaled = views.scaled(1 / (_CANDIDATES[index] * diagonal))
            poses, before = refine_poses(scaled, head, poses, _ROUNDS), _CANDIDATES[index]
            costs[index] = poses.cost[poses.known].mean() if poses.known.any() else 0.0
    return costs
