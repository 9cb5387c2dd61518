"""Where on the head the fit meets the landmarks, and where it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from detector.layouts import LAYOUTS, layout
from fitting.posed import neutral_vertices
from fitting.surface import SurfacePoints
from pipeline.drawing.error_map import VIEWS, error_colours
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.mesh import Look, draw_head
from pipeline.drawing.shading import CLAY
from pipeline.drawing.tiles import beside
from pipeline.report.facts import Facts
from pipeline.report.svg import data_uri

Float = NDArray[np.float64]

_SIZE = (300, 366)
_REACH = 0.02
"""Metres from a landmark within which the surface has its colour."""


@dataclass(frozen=True)
class ResidualHeads:
    """Portraits coloured by residuals.

    Attributes:
        picture: address of the picture.
        most_px: what the last colour of the scale means; the first is 0.
    """

    picture: str
    most_px: float


def residual_heads(facts: Facts) -> ResidualHeads | None:
    """The actor at rest from three sides, coloured by the mean residual; None without landmarks."""
    points, mean = _landmarks(facts), _mean_residual(facts.performance.residual_px)
    known = np.isfinite(mean)
    if points is None or len(points) != len(mean) or not known.any():
        return None
    performance = facts.performance
    neutral = neutral_vertices(facts.model, performance.identity, performance.personal_shape)
    drawing = HeadDrawing(facts.model)
    drawn = drawing.vertices(neutral)
    values = _spread(points.evaluate(neutral)[known], mean[known], drawn)
    most = float(np.quantile(mean[known], 0.98))
    # the grey of what is not known would be read as a colour of the scale
    colours = np.where(np.isfinite(values)[:, None], error_colours(values, most), np.array(CLAY, np.float64))
    look = Look(alpha=1.0)
    portraits = [draw_head(drawn, drawing.triangles, _SIZE, yaw, colours=colours, look=look) for yaw in VIEWS]
    return ResidualHeads(data_uri(beside(portraits), ".jpg"), most)


def _landmarks(facts: Facts) -> SurfacePoints | None:
    """The fitted landmarks on the head model; None where their layout is gone."""
    name = facts.info.layout if facts.info.layout in LAYOUTS else facts.shoot.fit_layout
    if name not in LAYOUTS and name != facts.shoot.fit_layout:
        return None
    surface = layout(name, facts.model).surface
    # landmarks that a head model of others has no point for were not fitted
    return None if surface is None else surface.subset(np.isfinite(surface.weights).all(axis=1))


def _mean_residual(pixels: NDArray[np.floating]) -> Float:
    """(L,) over the frames and cameras that saw each landmark; NaN for none."""
    seen = np.isfinite(pixels)
    count = seen.sum(axis=(0, 1))
    total = np.where(seen, pixels, 0.0).sum(axis=(0, 1), dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _spread(places: Float, values: Float, over: Float) -> Float:
    """Values of some places (N, 3) over others (M, 3), by distance; NaN beyond :data:`_REACH`."""
    near = min(4, len(places))
    distance, index = KDTree(places).query(over, k=near)
    distance, index = np.reshape(distance, (-1, near)), np.reshape(index, (-1, near))
    weight = 1.0 / np.maximum(distance, 1e-4) ** 2
    mixed = (values[index] * weight).sum(axis=1) / weight.sum(axis=1)
    return np.where(distance[:, 0] < _REACH, mixed, np.nan)
