"""In which order strands are drawn, and which of them cast shadows: what makes hair quick to render."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.synthetic.surfaces import Floats, Surface

SHADOW_STRANDS = 0.3
"""Share of many strands that cast shadows; they are so much wider."""
MANY_STRANDS = 40_000
"""Indices of triangles from which on only that share does."""


def near_first(surface: Surface, ahead: Floats) -> Surface:
    """Many strands with the nearest first, since what they hide is then not shaded.

    Those that cast shadows stay at the beginning. Other surfaces come back as they are.

    Args:
        surface: what is drawn. ahead: (3,) the direction that the camera looks in.
    """
    triangles = surface.triangles
    if surface.strands is None or triangles.size <= MANY_STRANDS:
        return surface
    depth = (surface.positions @ ahead)[triangles[:, 0]]
    casting = casting_indices(triangles.size) // 3
    order = np.concatenate([np.argsort(depth[:casting]), casting + np.argsort(depth[casting:])])
    return replace(surface, triangles=triangles[order])


def casting_indices(indices: int) -> int:
    """How many of the indices of many strands, from the first on, cast shadows: whole quads."""
    return int(SHADOW_STRANDS * (indices // 6)) * 6
