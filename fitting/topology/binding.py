"""The place of each vertex of a user's mesh on our surface, and how far it is to follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from fitting.closest import Surface, closest_on_triangles
from fitting.surface import SurfacePoints, barycentric
from fitting.topology.islands import FOLLOWED, SKIN, TEETH, TONGUE, OurHead
from fitting.vertex_normals import vertex_normals

Array = NDArray[np.float64]
Int = NDArray[np.int64]

FOLLOWS, FREE = 0.012, 0.040
"""Metres from our surface up to which a vertex follows it wholly, and from which on not at all."""

_FACING, _AGAINST = 0.3, -0.1
_CANDIDATES = 48
_DETOUR = 0.0025
"""Metres that a surface which faces the right way may be farther than one that does not."""


@dataclass(frozen=True, eq=False)
class Binding:
    """Places of V vertices of a user's mesh.

    Attributes:
        points: (V,) on our surface.
        offset: (V, 3) metres from there to the vertex, in canonical axes, while our head has the shape that
            was fitted to the user's.
        hold: (V,) 1 where a vertex follows the surface, 0 where it is too far for that.
        part: (V,) index into :data:`fitting.topology.islands.FOLLOWED`.
    """

    points: SurfacePoints
    offset: Array
    hold: Array
    part: Int

    @property
    def distance(self) -> Array:
        """(V,) metres from our surface."""
        return np.asarray(np.linalg.norm(self.offset, axis=1))


def bind(vertices: Array, normals: Array, part: Int, ours: OurHead) -> Binding:
    """Find the place of each vertex: the closest point of its part that faces the same way.

    Args:
        vertices: (V, 3) metres, where they lie on our head. normals: (V, 3) outwards.
        part: (V,) index into FOLLOWED. ours: our head in the shape that was fitted to the user's.
    """
    corners, weights = np.zeros((len(vertices), 3), np.int64), np.zeros((len(vertices), 3))
    for index, name in enumerate(FOLLOWED):
        members = np.flatnonzero(part == index)
        if not len(members):
            continue
        facing = normals[members] if name in (SKIN, TONGUE) else None
        found = _on_part(vertices[members], facing, ours, name)
        corners[members], weights[members] = found.vertices, found.weights
    points = SurfacePoints(corners, weights)
    offset = vertices - points.evaluate(ours.vertices)
    far = np.clip((np.linalg.norm(offset, axis=1) - FOLLOWS) / (FREE - FOLLOWS), 0.0, 1.0)
    hold = 1.0 - far * far * (3.0 - 2.0 * far)
    return Binding(points, offset, np.where(part == FOLLOWED.index(TONGUE), 1.0, hold), part)


def _on_part(points: Array, facing: Array | None, ours: OurHead, part: str) -> SurfacePoints:
    # a tongue may come in one piece with the gums, which go with the teeth
    triangles = ours.triangles(*((TONGUE, *TEETH) if part == TONGUE else (part,)))
    surface = Surface(ours.vertices, triangles)
    closest, face = surface.closest(points)
    if facing is not None:
        against = np.flatnonzero((surface.normals[face] * facing).sum(axis=1) < _AGAINST)
        _turn_round(against, points, facing, (surface, ours.vertices, triangles), (closest, face))
    corners = triangles[face]
    return SurfacePoints(corners, barycentric(closest, ours.vertices[corners]))


def _turn_round(
    rows: Int, points: Array, facing: Array, of: tuple[Surface, Array, Int], answer: tuple[Array, Int]
) -> None:
    """Give some points (rows) the closest place that faces their way, where there is one not much farther.

    So a vertex of the upper lip does not follow the lower one that it lies on.
    """
    (surface, vertices, triangles), (closest, face) = of, answer
    if not len(rows):
        return
    normals = vertex_normals(vertices, triangles)
    count = min(_CANDIDATES, len(triangles))
    _, near = KDTree(surface.corners.mean(axis=1)).query(points[rows], k=count)
    candidates = np.asarray(near, np.int64).reshape(len(rows), count)
    each = closest_on_triangles(points[rows, None], surface.corners[candidates])
    alike = np.einsum("nkc,nc->nk", normals[triangles[candidates]].mean(axis=2), facing[rows]) > _FACING
    apart = np.where(alike, np.linalg.norm(each - points[rows, None], axis=-1), np.inf)
    pick, index = apart.argmin(axis=1), np.arange(len(rows))
    before = np.linalg.norm(closest[rows] - points[rows], axis=1)
    better = apart[index, pick] < before + _DETOUR
    closest[rows[better]] = each[index, pick][better]
    face[rows[better]] = candidates[index, pick][better]
