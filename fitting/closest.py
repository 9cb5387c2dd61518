"""Exact closest points on a triangle mesh, vectorised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Array = NDArray[np.float64]

_CANDIDATES = 8


class Surface:
    """A triangle mesh that answers where the closest point of its surface is.

    Triangles are found by their centroids, in classes of like size: one whose centroid is farther than the
    best distance so far plus the largest radius of its class cannot be closer. A handful of neighbours
    usually settles it; points that they do not settle ask for more and more, so that the answer is exact.

    Args:
        vertices: (V, 3) metres. triangles: (T, 3) vertex indices.
    """

    def __init__(self, vertices: Array, triangles: NDArray[np.int64]) -> None:
        corners = np.asarray(vertices, dtype=np.float64)[triangles]
        centroids = corners.mean(1)
        radius = np.linalg.norm(corners - centroids[:, None], axis=-1).max(1)
        size = np.ceil(np.log2(np.maximum(radius, 1e-9)))
        self.corners = corners
        self.classes = [
            _SizeClass(np.flatnonzero(size == each), centroids, radius)
            for each in sorted(set(size), key=lambda value: -np.count_nonzero(size == value))
        ]
        edges = corners[:, 1:] - corners[:, :1]
        crossed = np.cross(edges[:, 0], edges[:, 1])
        self.normals = crossed / np.maximum(np.linalg.norm(crossed, axis=-1, keepdims=True), 1e-300)

    def closest(self, points: Array) -> tuple[Array, NDArray[np.int64]]:
        """The closest points on the surface.

        Args:
            points: (N, 3) metres.

        Returns:
            closest: (N, 3) metres. triangle: (N,) the triangle each lies on.
        """
        points = np.asarray(points, dtype=np.float64)
        best = _Best(points)
        for each in self.classes:
            open_rows, count = np.arange(len(points)), _CANDIDATES
            while len(open_rows):
                count = min(count, len(each.members))
                reach, near = each.tree.query(points[open_rows], k=count)
                best.offer(open_rows, each.members[near.reshape(-1, count)], self.corners)
                if count == len(each.members):
                    break
                farthest = np.reshape(reach, (-1, count))[:, -1]
                open_rows = open_rows[best.distance[open_rows] + each.radius > farthest]
                count *= 4
        return best.closest, best.triangle


class _SizeClass:
    """Triangles of like size, and the largest distance of a corner from its centroid among them."""

    def __init__(self, members: NDArray[np.int64], centroids: Array, radius: Array) -> None:
        self.members = members
        self.tree = KDTree(centroids[members])
        self.radius = float(radius[members].max())


class _Best:
    """The best answers so far for points (N, 3)."""

    def __init__(self, points: Array) -> None:
        self.points = points
        self.closest = np.full_like(points, np.nan)
        self.triangle = np.full(len(points), -1, dtype=np.int64)
        self.distance = np.full(len(points), np.inf)

    def offer(self, rows: NDArray[np.int64], candidates: NDArray[np.int64], corners: Array) -> None:
        """Try triangles (n, k) for points rows (n,)."""
        each = closest_on_triangles(self.points[rows, None], corners[candidates])
        apart = np.linalg.norm(each - self.points[rows, None], axis=-1)
        pick = apart.argmin(1)
        index = np.arange(len(rows))
        better = apart[index, pick] < self.distance[rows]
        chosen = rows[better]
        self.closest[chosen] = each[index, pick][better]
        self.triangle[chosen] = candidates[index, pick][better]
        self.distance[chosen] = apart[index, pick][better]


def closest_on_triangles(points: Array, corners: Array) -> Array:
    """The closest point of each triangle to its point (Ericson, Real-Time Collision Detection, 5.1.5).

    Args:
        points: (..., 3). corners: (..., 3, 3), the corners along the last axis but one.

    Returns:
        (..., 3).
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d1, d2 = _dot(ab, ap), _dot(ac, ap)
    bp, cp = points - b, points - c
    d3, d4, d5, d6 = _dot(ab, bp), _dot(ac, bp), _dot(ab, cp), _dot(ac, cp)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    area = va + vb + vc
    cases = [
        (d1 <= 0) & (d2 <= 0),
        (d3 >= 0) & (d4 <= d3),
        (d6 >= 0) & (d5 <= d6),
        (vc <= 0) & (d1 >= 0) & (d3 <= 0),
        (vb <= 0) & (d2 >= 0) & (d6 <= 0),
        (va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0),
    ]
    zero, one = np.zeros_like(d1), np.ones_like(d1)
    along_bc = _ratio(d4 - d3, (d4 - d3) + (d5 - d6))
    v = np.select(cases, [zero, one, zero, _ratio(d1, d1 - d3), zero, 1 - along_bc], _ratio(vb, area))
    w = np.select(cases, [zero, zero, one, zero, _ratio(d2, d2 - d6), along_bc], _ratio(vc, area))
    return np.asarray(a + v[..., None] * ab + w[..., None] * ac)


def _dot(a: Array, b: Array) -> Array:
    return np.asarray((a * b).sum(-1))


def _ratio(above: Array, below: Array) -> Array:
    return np.asarray(above / np.where(below == 0, 1.0, below))
