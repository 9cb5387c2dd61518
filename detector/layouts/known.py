"""The layouts that come with vultus."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from detector.layouts.density import sampling_density, seen_triangles
from detector.layouts.layout import Layout, on_bones, on_surface
from detector.recent import Recent
from detector.synthetic.texture_layout import IRIS_AXIS, IRIS_HALF_ANGLE, part_triangles
from fitting.anatomy import JAW_POINTS, SKULL_POINTS
from fitting.closest import Surface
from fitting.head_model import HeadModel
from fitting.model_arrays import as_array, mean_head
from fitting.spread import farthest_points, scattered, thinned
from fitting.surface import SurfacePoints, barycentric, concatenated

TEETH = 500
"""Landmarks on the upper teeth, and on the lower ones, as in C23 section 3.4."""

DENSE = 50_000
CANDIDATES = 4
"""Candidates for each landmark of an even layout."""

RING = 4
"""Landmarks on the edge of an iris."""

Array = NDArray[np.float64]


def _ibug68(model: HeadModel) -> SurfacePoints:
    return model.ibug68


def _vertices(model: HeadModel) -> SurfacePoints:
    return SurfacePoints.from_vertices(np.arange(len(model.mean)))


def _farthest(count: int) -> Callable[[HeadModel], SurfacePoints]:
    def build(model: HeadModel) -> SurfacePoints:
        chosen = farthest_points(mean_head(model), count, sampling_density(model))
        return SurfacePoints.from_vertices(chosen)

    return build


def _dense50k(model: HeadModel) -> SurfacePoints:
    """All that can be seen of the head, and the teeth."""
    return even_points(model, seen_triangles(model), DENSE)


def _teeth(model: HeadModel) -> SurfacePoints:
    """The upper teeth, then the lower."""
    rows = [part_triangles(model, part) for part in ("upper_teeth", "lower_teeth")]
    return concatenated([even_points(model, each, TEETH) for each in rows])


def _eyes(model: HeadModel) -> SurfacePoints:
    """Of the left eye, then the right: the pupil; the iris's edge to the actor's left, up, right, down."""
    mean, found = mean_head(model), []
    for part, mirror in (("left_eye", 1.0), ("right_eye", -1.0)):
        centre = mean[model.region(part)].reshape(-1, 3)
        middle = 0.5 * (centre.min(axis=0) + centre.max(axis=0))
        axis = np.array(IRIS_AXIS) * [mirror, 1.0, 1.0]
        rays = np.concatenate([_unit(axis)[None], _cone(_unit(axis), float(IRIS_HALF_ANGLE))])
        triangles = np.asarray(model.triangles)[part_triangles(model, part)]
        radius = np.linalg.norm(centre - middle, axis=1).max()
        found.append(nearest_points(mean, triangles, middle + radius * rays)[0])
    return concatenated(found)


def even_points(model: HeadModel, rows: NDArray[np.int64], count: int) -> SurfacePoints:
    """Points (count) spread evenly over the mean head's triangles of these numbers."""
    mean = mean_head(model)
    candidates = scattered(mean, np.asarray(model.triangles)[rows], CANDIDATES * count)
    return candidates.subset(thinned(np.asarray(candidates.evaluate(mean), np.float64), count))


def nearest_points(
    vertices: Array, triangles: NDArray[np.int64], places: Array
) -> tuple[SurfacePoints, Array]:
    """The points of a mesh nearest to places (L, 3), and their distances (L,)."""
    nearest, face = Surface(vertices, triangles).closest(places)
    weights = barycentric(nearest, vertices[triangles[face]])
    return SurfacePoints(triangles[face], weights), np.linalg.norm(nearest - places, axis=1)


def _cone(axis: Array, angle: float) -> Array:
    """Unit vectors (RING, 3) at an angle from the axis, to +x, +y, -x and -y of it."""
    right = _unit(np.cross([0.0, 1.0, 0.0], axis))
    up = np.cross(axis, right)
    turn = 2 * np.pi * np.arange(RING)[:, None] / RING
    rays: Array = np.cos(angle) * axis + np.sin(angle) * (np.cos(turn) * right + np.sin(turn) * up)
    return rays


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


_SURFACE: Mapping[str, Callable[[HeadModel], SurfacePoints]] = MappingProxyType(
    {
        "ibug68": _ibug68,
        "dense320": _farthest(320),
        "dense703": _farthest(703),
        "vertices": _vertices,
        "dense50k": _dense50k,
        "teeth": _teeth,
        "eyes": _eyes,
    }
)
_BONES: Mapping[str, NDArray[np.int64]] = MappingProxyType(
    {"skull": np.arange(SKULL_POINTS), "jaw": SKULL_POINTS + np.arange(JAW_POINTS)}
)

LAYOUTS = (*_SURFACE, *_BONES)
"""Names of the layouts that come with vultus."""


_made: Recent[Layout] = Recent(4)


def known_layout(name: str, model: HeadModel) -> Layout:
    """The layout of one of the names of :data:`LAYOUTS`; that of a head model is made once in a process."""
    head = hashlib.sha256()
    for array in (as_array(model.mean), model.canonical, np.asarray(model.triangles)):
        head.update(np.ascontiguousarray(array).tobytes())
    return _made.get((name, head.hexdigest()), lambda: _make(name, model))


def _make(name: str, model: HeadModel) -> Layout:
    if name in _BONES:
        return on_bones(name, _BONES[name], model)
    return on_surface(name, _SURFACE[name](model), model)
