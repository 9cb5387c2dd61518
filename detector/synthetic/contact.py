"""Skin rests on what lies under it: lids on the eyeballs, lips on the teeth.

The head's shapes are linear: on its way a lid cuts through the eyeball, and lips cut through the teeth of an
identity whose jaw is narrow there. A picture then shows what its labels deny.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats
from detector.synthetic.texture_layout import skin_islands
from detector.synthetic.texture_maps import MOUTH_ISLAND
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel

Indices = NDArray[np.int64]

LID_REACH = 0.022
"""Metres from an eye's centre within which skin belongs to its lids."""
LID_REST = 0.00025
"""Metres by which the lids stand off the eyeball."""
LIP_REACH = 0.046
"""Metres from the middle of the mouth within which skin lies before the teeth."""
LIP_REST = 0.0012
"""Metres by which the lips stand off the teeth."""
LIP_FADE = 0.003
"""Metres above and below the teeth over which they cease to hold the lips off."""
ARCH_RADIUS = 0.030
"""Metres from the front of the teeth to the axis of the dental arch."""
ROWS = 3
CAVITY_NARROWING, CAVITY_DEPTH = 0.12, 0.004
"""How much smaller, and how many metres farther back, the mouth's cavity is than the model's."""


@dataclass(frozen=True, eq=False)
class DentalArch:
    """The outer side of a row of teeth: its vertices (columns, ROWS), from right to left, top to bottom."""

    vertices: Indices


def settle(model: HeadModel, vertices: Floats, skull: HeadFrame) -> Floats:
    """Posed vertices (V, 3) in metres with lids and lips in front of eyeballs, teeth and cavity."""
    return narrow_cavity(model, settle_lips(model, settle_lids(model, vertices), skull), skull)


def narrow_cavity(model: HeadModel, vertices: Floats, skull: HeadFrame) -> Floats:
    """Posed vertices (V, 3) with the mouth's cavity drawn in: in some faces it comes through the cheeks."""
    cavity, share = cavity_vertices(model)
    rotation = skull.rotation.astype(np.float32)
    offset = skull.offset.astype(np.float32)
    local = (vertices[cavity] - offset) @ rotation
    height = local[:, 1].mean()
    local[:, 0] *= 1.0 - CAVITY_NARROWING * share
    local[:, 1] += (height - local[:, 1]) * CAVITY_NARROWING * share
    local[:, 2] -= CAVITY_DEPTH * share
    result = vertices.copy()
    result[cavity] = local @ rotation.T + offset
    return result


def settle_lids(model: HeadModel, vertices: Floats) -> Floats:
    """Posed vertices (V, 3) with the lids outside the eyeballs, wherever they had sunk in."""
    result = vertices.copy()
    for eye, lids in lid_vertices(model):
        ball = vertices[eye]
        centre = ball.mean(axis=0)
        radius = np.linalg.norm(ball - centre, axis=1).max() + LID_REST
        offset = vertices[lids] - centre
        distance = np.linalg.norm(offset, axis=1, keepdims=True)
        result[lids] = centre + offset * np.maximum(radius / distance, 1.0)
    return result


def settle_lips(model: HeadModel, vertices: Floats, skull: HeadFrame) -> Floats:
    """Posed vertices (V, 3) with the lips outside the dental arches, wherever they had sunk in."""
    result = vertices.copy()
    lips = lip_vertices(model)
    rotation, offset = skull.rotation.astype(np.float32), skull.offset.astype(np.float32)
    local = np.asarray((vertices[lips] - offset) @ rotation, np.float32)
    for arch in dental_arches(model):
        teeth = np.asarray((vertices[arch.vertices] - offset) @ rotation, np.float32)
        local = _outside(local, teeth)
    result[lips] = local @ rotation.T + offset
    return result


def _outside(points: Floats, teeth: Floats) -> Floats:
    """Points (n, 3) moved away from the axis of an arch (columns, ROWS, 3) until they are outside it."""
    axis = np.array([teeth[..., 0].mean(), teeth[..., 2].max() - ARCH_RADIUS], np.float32)
    flat = teeth[..., [0, 2]] - axis
    turn = np.arctan2(flat[..., 0], flat[..., 1]).mean(axis=1)
    out = points[:, [0, 2]] - axis
    radius = np.linalg.norm(out, axis=1)
    at = np.arctan2(out[:, 0], out[:, 1])
    height = np.stack([np.interp(at, turn, teeth[:, i, 1]) for i in range(ROWS)])
    reach = np.stack([np.interp(at, turn, np.linalg.norm(flat[:, i], axis=1)) for i in range(ROWS)])
    beyond = np.maximum(points[:, 1] - height.max(axis=0), height.min(axis=0) - points[:, 1])
    held = np.clip(1.0 - beyond / LIP_FADE, 0.0, 1.0)
    depth = np.maximum(reach.max(axis=0) + LIP_REST - radius, 0.0) * held
    moved = points.copy()
    moved[:, [0, 2]] += out * (depth / np.maximum(radius, 1e-6))[:, None]
    return moved


@lru_cache(maxsize=2)
def lid_vertices(model: HeadModel) -> tuple[tuple[Indices, Indices], ...]:
    """For each eye the vertices of the eyeball and those of the skin around it, not of the socket."""
    mean = model.assets.mean
    outer = model.region("outer_skin")
    pairs = []
    for part in ("left_eye", "right_eye"):
        eye = model.parts[part]
        centre = mean[eye].mean(axis=0)
        close = np.linalg.norm(mean[outer] - centre, axis=1) < LID_REACH
        pairs.append((eye, outer[close & (mean[outer, 2] > centre[2])]))
    return tuple(pairs)


@lru_cache(maxsize=2)
def lip_vertices(model: HeadModel) -> Indices:
    """The skin around the mouth."""
    mean = model.assets.mean
    outer = model.region("outer_skin")
    mouth = model.ibug68.evaluate(mean.astype(np.float64))[48:68].mean(axis=0)
    close = np.linalg.norm(mean[outer] - mouth, axis=1) < LIP_REACH
    return np.asarray(outer[close & (mean[outer, 2] > -0.005)])


@lru_cache(maxsize=2)
def cavity_vertices(model: HeadModel) -> tuple[Indices, Floats]:
    """The vertices of the mouth's cavity, and how far (n,) each may move: not where it meets the lips."""
    mean = model.assets.mean.astype(np.float64)
    corners = model.triangles_uv.ravel()
    inside = np.unique(model.triangles.ravel()[skin_islands(model)[corners] == MOUTH_ISLAND])
    lips = model.ibug68.evaluate(mean)[60:68]
    away = np.linalg.norm(mean[inside, None] - lips[None], axis=-1).min(axis=1)
    return inside, np.clip((away - 0.006) / 0.010, 0.0, 1.0).astype(np.float32)


@lru_cache(maxsize=2)
def dental_arches(model: HeadModel) -> tuple[DentalArch, ...]:
    """The upper and the lower teeth's outer sides."""
    return tuple(_arch(model, part) for part in ("upper_teeth", "lower_teeth"))


def _arch(model: HeadModel, part: str) -> DentalArch:
    index = model.parts[part]
    teeth = model.assets.mean[index].astype(np.float64)
    axis = teeth[:, 2].max() - ARCH_RADIUS
    radius = np.hypot(teeth[:, 0], teeth[:, 2] - axis)
    # The inner side is a single row some nine millimetres nearer to the axis.
    outer = radius > np.where(teeth[:, 2] > axis - 0.015, 0.025, 0.030)
    turn = np.arctan2(teeth[outer, 0], teeth[outer, 2] - axis)
    by_turn = np.asarray(index[outer])[np.argsort(turn, kind="stable")]
    columns = by_turn.reshape(-1, ROWS)
    downwards = np.argsort(-model.assets.mean[columns, 1], axis=1)
    return DentalArch(np.take_along_axis(columns, downwards, axis=1))
