"""Hands that touch or hide a face: a palm, jointed fingers with nails, a wrist and perhaps a sleeve.

A hand is built in its own frame (metres): the wrist at the origin, +Y along the fingers, +X towards the
thumb, +Z out of the back of the hand; then laid on the face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from detector.synthetic.noise import noise
from detector.synthetic.solids import ellipsoid, grid_surface, merged
from detector.synthetic.surfaces import Kind, Material, Surface

Array = NDArray[np.float64]
Colour = tuple[float, float, float]

# Knuckles, lengths of the phalanges and radius of index to little finger, then of the thumb.
KNUCKLES = np.array(
    [[0.027, 0.092, 0.0], [0.009, 0.096, 0.001], [-0.010, 0.092, 0.0], [-0.027, 0.083, -0.003]]
)
PHALANGES = np.array(
    [[0.044, 0.027, 0.021], [0.049, 0.031, 0.022], [0.046, 0.029, 0.022], [0.036, 0.021, 0.019]]
)
RADII = (0.0088, 0.0090, 0.0085, 0.0074)
THUMB_ROOT = np.array([0.024, 0.030, -0.010])
THUMB = (np.array([0.046, 0.036, 0.028]), 0.0102)


@dataclass(frozen=True, eq=False)
class Grip:
    """How a hand is held.

    Attributes:
        curl: (4,) bend of each finger, 0 straight to 1 a fist. spread: radians between neighbours.
        thumb: (3,) direction of the thumb in the hand's frame.
    """

    curl: Array
    spread: float
    thumb: Array


def draw_grip(rng: np.random.Generator) -> Grip:
    """Flat, relaxed, spread, pointing, or a fist."""
    kind = rng.random()
    curl = np.sort(rng.uniform(0.0, 0.35, 4)) + rng.normal(0.0, 0.04, 4)
    spread = float(rng.uniform(0.0, 0.16))
    if kind < 0.3:
        curl = np.sort(rng.uniform(0.3, 0.6, 4))
    elif kind < 0.45:
        curl = rng.uniform(0.75, 1.0, 4)
    elif kind < 0.58:
        curl = np.array([rng.uniform(0.0, 0.3), *rng.uniform(0.6, 1.0, 3)])
    thumb = np.array([rng.uniform(0.1, 1.0), 1.0, rng.uniform(-0.6, 0.1)])
    return Grip(np.clip(curl, 0.0, 1.0), spread, thumb)


def build_hand(
    colour: Colour, grip: Grip, sleeve: Material | None, rng: np.random.Generator
) -> list[Surface]:
    """A right hand in its own frame.

    Args:
        colour: linear RGB of the skin. grip: how it is held. sleeve: of the cloth at the wrist, or None.
        rng: for the wrinkles.
    """
    skin = Material(
        Kind.SKIN,
        colour,
        roughness=float(rng.uniform(0.45, 0.6)),
        specular=0.6,
        scatter=1.0,
        texture=_mottled(rng),
    )
    nails = replace(skin, roughness=0.25, texture=None, colour=_paler(colour))
    parts, tips = [], []
    for i in range(4):
        slant = (1.5 - i) * grip.spread
        path = _bent(KNUCKLES[i], PHALANGES[i], slant, float(grip.curl[i]))
        parts.append(_finger(path, RADII[i], skin))
        tips.append(_nail(path, RADII[i], nails))
    direction = grip.thumb / np.linalg.norm(grip.thumb)
    lengths, radius = THUMB
    bends = THUMB_ROOT + np.cumsum(
        np.outer(np.r_[0.0, lengths], direction) + np.outer([0, 0, 1, 2], [-0.004, 0.001, -0.002]), axis=0
    )
    path = _smooth(bends)
    parts.append(_finger(path, radius, skin))
    tips.append(_nail(path, radius, nails))
    lump = 0.03 * noise(32, 3, rng)[:18, :26].astype(np.float64)
    parts.append(ellipsoid(np.array([0.0, 0.055, -0.002]), np.array([0.041, 0.056, 0.0155]), skin, lump))
    parts.append(ellipsoid(np.array([0.021, 0.038, -0.009]), np.array([0.019, 0.036, 0.015]), skin, lump))
    parts.append(_forearm(0.0, 0.27, 0.0, skin))
    surfaces = [_occluded(merged(parts)), _occluded(merged(tips))]
    if sleeve is not None:
        surfaces.append(_forearm(rng.uniform(0.01, 0.06), 0.34, rng.uniform(0.004, 0.012), sleeve))
    return surfaces


def lay_hand(
    surfaces: list[Surface], at: Array, along: Array, back: Array, left: bool, size: float
) -> list[Surface]:
    """Put a hand where it touches.

    Args:
        surfaces: of the hand, in its frame. at: (3,) where the wrist goes.
        along: (3,) where the fingers point. back: (3,) what the back of the hand faces.
        left: mirror it. size: scale.
    """
    y = along / np.linalg.norm(along)
    z = back - y * (back @ y)
    z /= np.linalg.norm(z)
    x = np.cross(y, z) * (-1.0 if left else 1.0)
    turn = (np.stack([x, y, z]) * size).astype(np.float32)
    return [
        Surface(
            surface.positions @ turn + at.astype(np.float32),
            surface.normals @ (turn / np.float32(size)),
            surface.triangles,
            surface.material,
            surface.uv,
            surface.tint,
        )
        for surface in surfaces
    ]


def _bent(knuckle: Array, lengths: Array, slant: float, curl: float) -> Array:
    """The axis (P, 3) of a finger."""
    angles = np.cumsum(curl * np.array([1.25, 1.6, 1.0]))
    steps = np.stack(
        [np.sin(slant) * np.cos(angles), np.cos(slant) * np.cos(angles), -np.sin(angles)], axis=1
    )
    joints = knuckle + np.cumsum(np.concatenate([np.zeros((1, 3)), lengths[:, None] * steps]), axis=0)
    start = knuckle - np.array([0.0, 0.02, 0.0])
    return _smooth(np.concatenate([start[None], joints]))


def _smooth(joints: Array, count: int = 22) -> Array:
    """A rounded path (count, 3) through joints (J, 3)."""
    reach = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(joints, axis=0), axis=1))]
    t = np.linspace(0.0, reach[-1], count)
    path = np.stack([np.interp(t, reach, joints[:, i]) for i in range(3)], axis=1)
    return np.asarray(gaussian_filter1d(path, 0.9, axis=0, mode="nearest"))


def _finger(path: Array, radius: float, skin: Material) -> Surface:
    t = np.linspace(0.0, 1.0, len(path))
    bulge = 1.12 - 0.28 * t + 0.05 * np.cos(2 * np.pi * 2.6 * t)
    size = radius * bulge * np.sqrt(np.clip((1.015 - t) / 0.09, 0.03, 1.0))
    return grid_surface(_rings(path, size), skin, closed=True, tile=1.0)


def _rings(path: Array, size: Array) -> Array:
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.array([1.0, 0.0, 0.0]) - along * along[:, :1]
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    up = np.cross(side, along)
    a = np.linspace(0.0, 2 * np.pi, 11)[:-1]
    ring = np.cos(a)[None, :, None] * side[:, None] + 0.92 * np.sin(a)[None, :, None] * up[:, None]
    return np.asarray(path[:, None] + size[:, None, None] * ring)


def _nail(path: Array, radius: float, look: Material) -> Surface:
    along = path[-1] - path[-4]
    along /= np.linalg.norm(along)
    side = np.array([1.0, 0.0, 0.0])
    back = np.cross(side, along)
    back = back / np.linalg.norm(back)
    centre = path[-1] - along * radius * 0.55 + back * radius * 0.30
    unit = ellipsoid(np.zeros(3), radius * np.array([0.62, 0.85, 0.55]), look)
    frame = np.stack([np.cross(along, back), along, back]).astype(np.float32)
    return Surface(
        unit.positions @ frame + centre.astype(np.float32),
        unit.normals @ frame,
        unit.triangles,
        look,
        unit.uv,
        unit.tint,
    )


def _forearm(start: float, length: float, gap: float, look: Material) -> Surface:
    """Wrist and forearm, or the sleeve over it, from `start` metres behind the wrist."""
    t = np.linspace(0.0, 1.0, 12)
    path = np.outer(0.03 * (start == 0.0) - start - t * length, [0.0, 1.0, 0.0])
    wide = 0.026 + 0.014 * np.clip(t * length / 0.2, 0.0, 1.0) + gap
    a = np.linspace(0.0, 2 * np.pi, 15)[:-1]
    ring = np.stack([np.cos(a), 0 * a, 0.75 * np.sin(a)], axis=1)
    return grid_surface(path[:, None] + wide[:, None, None] * ring[None], look, closed=True, tile=2.0)


def _occluded(surface: Surface) -> Surface:
    """Less light reaches the palm's side and the gaps at the knuckles."""
    tint = np.zeros((len(surface.positions), 4), np.float32)
    y, z = surface.positions[:, 1], surface.positions[:, 2]
    tint[:, 3] = np.clip(0.85 + 6.0 * z, 0.45, 1.0) - 0.25 * np.exp(-(((y - 0.09) / 0.012) ** 2))
    return replace(surface, tint=tint)


def _mottled(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(96, 96, 3) uint8 sRGB: red and pale patches with fine creases, to multiply a skin colour."""
    red = 0.05 * noise(96, 4, rng)[..., None] * np.array([-0.3, 1.0, 1.0])
    creases = 0.035 * noise(96, 7, rng, 0.95)[..., None]
    return np.asarray(np.clip(0.86 * np.exp(-red - creases) * 255.0, 0, 255), np.uint8)


def _paler(colour: Colour) -> Colour:
    r, g, b = (float(c) for c in np.clip(np.array(colour) * 0.85 + np.array([0.10, 0.06, 0.06]), 0.0, 0.9))
    return r, g, b
