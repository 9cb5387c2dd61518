"""Pictures of a registered topology: our head and the user's mesh on it, and how far apart they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel
from fitting.polygons import face_sizes, fan
from fitting.topology.islands import EYES, FOLLOWED, SKIN
from fitting.topology.registration import fitted_head
from fitting.topology.store import Topology
from pipeline.drawing.error_map import VIEWS, error_map
from pipeline.drawing.head import PART_COLOURS, HeadDrawing
from pipeline.drawing.mesh import Look, draw_head, triangle_edges
from pipeline.drawing.shading import CLAY, Colour
from pipeline.drawing.tiles import beside, fit_tile, label

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

FAR_MM = 3.0
"""Distances from here on have the last colour."""

_SIZE = (360, 440)
_WIRE = Look(alpha=1.0, wire=(60, 64, 70), wire_alpha=0.35)
_EYE: Colour = (214, 226, 240)
_LOOSE: Colour = (150, 140, 190)


def draw_topology(topology: Topology, head: HeadModel) -> Image:
    """A sheet (H, W, 3) RGB of three rows, each from three sides.

    Our head in the shape that was fitted to the user's; the user's mesh on it, its parts in the colours of
    ours, violet what is too far to follow wholly; and the distances of the mesh from our surface.
    """
    ours = fitted_head(head, topology.identity)
    drawing = HeadDrawing(head)
    vertices = drawing.vertices(ours.vertices)
    first = beside(
        [draw_head(vertices, drawing.triangles, _SIZE, yaw, colours=drawing.colours) for yaw in VIEWS]
    )
    triangles = fan(topology.faces, face_sizes(topology.faces))
    edges = triangle_edges(topology.faces[:, :4])
    colours = _colours(topology)
    second = beside(
        [
            draw_head(topology.neutral, triangles, _SIZE, yaw, colours=colours, edges=edges, look=_WIRE)
            for yaw in VIEWS
        ]
    )
    apart = topology.binding.distance * 1e3
    third = error_map(topology.neutral, triangles, np.where(_compared(topology), apart, np.nan), FAR_MM)
    size = (third.shape[1], third.shape[0])
    titles = ("our head as fitted to it", f"{topology.name}, on our head", "apart; grey: not compared")
    rows = [
        label(fit_tile(row, size), [text]) for row, text in zip((first, second, third), titles, strict=True)
    ]
    return np.concatenate(rows)


def _compared(topology: Topology) -> NDArray[np.bool_]:
    return np.asarray((topology.binding.part == FOLLOWED.index(SKIN)) & (topology.binding.hold >= 1.0))


def _colours(topology: Topology) -> Float:
    by_part = np.array(
        [_EYE if part in EYES else PART_COLOURS.get(part, CLAY) for part in FOLLOWED], np.float64
    )
    colours = by_part[topology.binding.part]
    colours[topology.binding.hold < 1.0] = _LOOSE
    return np.asarray(colours)
