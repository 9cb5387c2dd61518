"""Pictures of a head model: what it is like, and how well it lies on the canonical head."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fitting.head_model import HeadModel
from fitting.head_models.registration import Registration
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.mesh import Look, draw_head
from pipeline.drawing.tiles import label, wall

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

VIEWS = (("front", 0.0), ("half from the right", 0.8), ("right side", np.pi / 2))
FAR_MM = 2.0
"""Distances from here on have the last colour."""

_SIZE, _COLUMNS = (420, 500), 3
_STRENGTH = 2.0
_WIRE = Look(alpha=1.0, wire=(60, 64, 70), wire_alpha=0.35)
_GREY = (120.0, 122.0, 128.0)


def draw_model(model: HeadModel) -> Image:
    """A sheet (H, W, 3) RGB: the mean head from three sides, three expressions, three identities."""
    drawing = HeadDrawing(model)
    mean = _head(model)
    tiles = [
        label(_portrait(drawing, mean, yaw, _WIRE, drawing.edges), [f"mean head, {name}"])
        for name, yaw in VIEWS
    ]
    for index in _telling(model.expression_basis, 3):
        amount = min(model.traits.expression.high, _STRENGTH)
        shape = _head(model, expression={index: amount})
        tiles.append(label(_portrait(drawing, shape), [f"{model.expression_names[index]} {amount:+g}"]))
    for index in range(min(3, model.identity_size)):
        shape = _head(model, identity={index: _STRENGTH})
        tiles.append(label(_portrait(drawing, shape), [f"identity {index}: {_STRENGTH:+g} sd"]))
    return wall(tiles, _COLUMNS)


def draw_registration(model: HeadModel, found: Registration) -> Image:
    """A sheet (H, W, 3) RGB of a registration.

    Above, the other model's mean head, coloured by the distance to our head as fitted to it, blue at 0 and
    red at :data:`FAR_MM`; grey corresponds to nothing. Below, its mesh where it lies on the canonical head.

    Args:
        model: the other model. found: its registration.
    """
    drawing = HeadDrawing(model)
    colours = np.tile(np.array(_GREY), (len(drawing.colours), 1))
    compared = np.flatnonzero(found.registered & np.isfinite(found.distance))
    colours[compared] = _colours_of(found.distance[compared] * 1e3)
    mean = _head(model)
    tiles = [
        label(draw_head(drawing.vertices(mean), drawing.triangles, _SIZE, yaw, colours=colours), [name])
        for name, yaw in VIEWS
    ]
    tiles[0] = label(tiles[0], [f"blue 0 mm, red {FAR_MM:g} mm and more", "grey: none"], bottom=True)
    triangles = np.asarray(model.triangles, np.int64)
    triangles = triangles[found.registered[triangles].all(axis=1)]
    for name, yaw in VIEWS:
        placed = draw_head(found.canonical, triangles, _SIZE, yaw, look=_WIRE)
        tiles.append(label(placed, [f"on the canonical head, {name}"]))
    return wall(tiles, _COLUMNS)


def _portrait(
    drawing: HeadDrawing,
    head: Float,
    yaw: float = 0.35,
    look: Look | None = None,
    edges: NDArray[np.int64] | None = None,
) -> Image:
    return draw_head(
        drawing.vertices(head), drawing.triangles, _SIZE, yaw, colours=drawing.colours, edges=edges, look=look
    )


@torch.no_grad()
def _head(
    model: HeadModel, identity: dict[int, float] | None = None, expression: dict[int, float] | None = None
) -> Float:
    """(V, 3) the head of a few coefficients, at rest."""
    beta, psi = model.mean.new_zeros(model.identity_size), model.mean.new_zeros(model.expression_size)
    for coefficients, values in ((beta, identity), (psi, expression)):
        for index, value in (values or {}).items():
            coefficients[index] = value
    return np.asarray(model.shape(beta, psi).cpu().numpy(), np.float64)


def _telling(basis: torch.Tensor, count: int) -> list[int]:
    """The shapes that move the most, in their order."""
    moves = basis.norm(dim=-1).mean(dim=-1)
    return sorted(int(index) for index in moves.argsort(descending=True)[:count])


def _colours_of(millimetres: Float) -> Float:
    """RGB (N, 3) of distances."""
    grey = np.clip(millimetres / FAR_MM * 255.0, 0, 255).astype(np.uint8)
    mapped = np.asarray(cv2.applyColorMap(grey[:, None], cv2.COLORMAP_TURBO))
    return mapped[:, 0, ::-1].astype(np.float64)
