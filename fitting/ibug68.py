"""The 68 landmarks of iBUG, 300-W and Multi-PIE on MakeHuman's base mesh."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from fitting.surface import SurfacePoints


def ibug68_on(base_index: NDArray[np.int64]) -> SurfacePoints:
    """The 68 points on a head whose vertices are the given (V,) sorted vertices of the base mesh."""
    table = json.loads(resources.files("fitting").joinpath("ibug68.json").read_text())["landmarks"]
    base_vertices = np.asarray([row["vertices"] for row in table], np.int64)
    weights = np.asarray([row["weights"] for row in table], np.float64)
    return SurfacePoints(
        np.searchsorted(base_index, base_vertices), weights / weights.sum(axis=1, keepdims=True)
    )
