"""Points spread over a surface: the same ones each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.errors import UsageError
from fitting.surface import SurfacePoints

_PLASTIC = 1.324717957244746
"""Its powers drive the most even additive sequence in the plane (Roberts 2018, the R2 sequence)."""

_GOLDEN = 0.6180339887498949
_HALVINGS = 12


def scattered(
    vertices: NDArray[np.float64],
    triangles: NDArray[np.int64],
    count: int,
    density: NDArray[np.float64] | None = None,
) -> SurfacePoints:
    """Points (count) over the triangles in proportion to area times density; nothing about it is random.

    Arguments and errors are those of :func:`scattered_on`.
    """
    face, weights = scattered_on(vertices, triangles, count, density)
    return SurfacePoints(np.asarray(triangles, np.int64)[face], weights)


def scattered_on(
    vertices: NDArray[np.float64],
    triangles: NDArray[np.int64],
    count: int,
    density: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The points of :func:`scattered` as numbers (count,) of triangles, and weights (count, 3) of corners.

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
    return face, weights


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


def thinned(points: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Indices (count,) of an even choice of points: no two closer than can be helped (Poisson discs).

    Quick for very many. The points are taken in one fixed order, each if none before it is too close, and
    the distance is searched for that leaves as many as are wanted.

    Args:
        points: (M, 3) candidates on a surface, several times as many as are wanted.
        count: how many to choose.

    Raises:
        UsageError: there are fewer points than that.
    """
    if len(points) < count:
        raise UsageError(f"{count} points were asked for, there are {len(points)}")
    order = np.argsort(np.arange(len(points)) * _GOLDEN % 1.0, kind="stable")
    placed = points[order]
    low, high = 0.0, _wide_spacing(placed, count)
    while len(_discs(len(points), *_pairs(placed, high))) > count:
        low, high = high, 1.3 * high
    first, second = _pairs(placed, high)
    apart = np.linalg.norm(placed[first] - placed[second], axis=1)
    kept = np.arange(len(points))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        near = apart < middle
        found = _discs(len(points), first[near], second[near])
        if len(found) >= count:
            low, kept = middle, found
        else:
            high = middle
    return np.sort(order[kept[:count]])


def _wide_spacing(points: NDArray[np.float64], count: int) -> float:
    """A distance that fewer than ``count`` of the points can keep, mostly."""
    nearest = np.asarray(KDTree(points).query(points, k=2)[0])[:, 1]
    return float(2.2 * np.median(nearest) * np.sqrt(len(points) / count)) + 1e-9


def _pairs(points: NDArray[np.float64], radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs closer than the radius, the earlier point first."""
    pairs = np.sort(KDTree(points).query_pairs(radius, output_type="ndarray"), axis=1).astype(np.int64)
    return pairs[:, 0], pairs[:, 1]


def _discs(count: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of so many points stand when each, in order, keeps away those after it that it pairs with."""
    open_, taken = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    while open_.any():
        blocked = np.zeros(count, dtype=bool)
        blocked[second] = True
        now = open_ & ~blocked
        taken |= now
        open_ &= ~now
        open_[second[now[first]]] = False
        left = open_[first] & open_[second]
        first, second = first[left], second[left]
    return np.flatnonzero(taken)
