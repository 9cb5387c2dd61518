"""Points spread over a surface: the same ones each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from fitting.surface import SurfacePoints

_PLASTIC = 1.324717957244746
"""Its powers drive the most even additive sequence in the plane (Roberts 2018, the R2 sequence)."""


def scattered(
    vertices: NDArray[np.float64],
    triangles: NDArray[np.int64],
    count: int,
    density: NDArray[np.float64] | None = None,
) -> SurfacePoints:
    """Points (count) over the triangles in proportion to area times density; nothing about it is random.

    Args:
        vertices: (V, 3) in any unit.
        triangles: (T, 3) indices.
        count: how many.
        density: (T,) wanted points per area, in any unit; even when absent.

    Raises:
        UsageError: there is no area to put points on.
    """
    corners = vertices[triangles]
    mass = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    mass = mass if density is None else mass * density
    if not mass.sum() > 0:
        raise UsageError("there is no surface to spread points over")
    step = np.arange(count) + 0.5
    face = np.searchsorted(np.cumsum(mass), step / count * mass.sum()).clip(max=len(triangles) - 1)
    first, second = (step / _PLASTIC) % 1.0, (step / _PLASTIC**2) % 1.0
    root = np.sqrt(first)
    weights = np.stack([1.0 - root, root * (1.0 - second), root * second], axis=1)
    return SurfacePoints(np.asarray(triangles, np.int64)[face], weights)


def farthest_points(
    points: NDArray[np.float64], count: int, density: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Indices (count,) of a farthest point sample, spaced more closely where the density is higher.

    Deterministic: it starts at the frontmost point, and ties go to the lower index.

    Args:
        points: (V, 3) positions.
        count: how many to choose.
        density: (V,) wanted points per area, in any unit; 0 excludes a point.

    Raises:
        UsageError: fewer points than that have any density.
    """
    allowed = density > 0
    if allowed.sum() < count:
        raise UsageError(f"{count} points were asked for, the head has {int(allowed.sum())}")
    chosen = np.empty(count, dtype=np.int64)
    chosen[0] = int(np.argmax(np.where(allowed, points[:, 2], -np.inf)))
    distance = np.where(allowed, np.inf, -1.0)
    for i in range(1, count):
        step = np.linalg.norm(points - points[chosen[i - 1]], axis=1) * np.sqrt(density)
        distance = np.where(allowed, np.minimum(distance, step), -1.0)
        chosen[i] = int(np.argmax(distance))
    return chosen
