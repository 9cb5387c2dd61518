"""Layouts on head models of others: the same queries, and the points of the other model that they are.

The network is asked the same questions whatever is fitted, so that landmarks which are detected once serve
every head model. Where the other model has nothing that corresponds (teeth that it lacks, skin beyond its
rim), a landmark has no point on it, and the fit leaves it out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.layouts.known import nearest_points
from detector.layouts.layout import Layout, on_surface
from detector.region import QUERY_SCALE
from fitting.head_model import HeadModel
from fitting.surface import SurfacePoints

NEAR = 0.0015
"""Metres on the canonical head within which a landmark is a point of the other model."""

_EYES = ("left_eye", "right_eye")


def carried(layout: Layout, ours: HeadModel, model: HeadModel) -> Layout:
    """A layout of our head on a registered model of others; points that it lacks have NaN weights.

    Raises:
        UsageError: the model is not registered.
    """
    if layout.surface is None:
        return layout
    part = np.asarray(ours.traits.part_names)[ours.assets.part[layout.surface.vertices[:, 0]]]
    places = layout.queries.double().numpy() * QUERY_SCALE
    points = SurfacePoints.unknown(len(layout))
    for name in ("skin", *_EYES):
        wanted = np.flatnonzero(part == name)
        triangles = _corresponding(model, name)
        if not len(wanted) or not len(triangles):
            continue
        found, apart = nearest_points(model.canonical, triangles, places[wanted])
        near = apart < NEAR
        points.vertices[wanted[near]] = found.vertices[near]
        points.weights[wanted[near]] = found.weights[near]
    return Layout(layout.name, layout.queries, points)


def own_vertices(model: HeadModel) -> Layout:
    """All vertices of a model of others that correspond to a point of the canonical head's surface."""
    chosen = SurfacePoints.from_vertices(np.flatnonzero(model.traits.registered))
    return on_surface("vertices", chosen, model)


def _corresponding(model: HeadModel, part: str) -> NDArray[np.int64]:
    """The triangles of a part whose corners are all registered."""
    member = np.zeros(len(model.canonical), dtype=bool)
    member[model.parts[part]] = True
    triangles = np.asarray(model.triangles, np.int64)
    return triangles[(member & model.traits.registered)[triangles].all(axis=1)]
