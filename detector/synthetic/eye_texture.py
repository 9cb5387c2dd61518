"""Eyeballs: iris with its fibres, pupil, limbus, and a sclera with veins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthetic.paint import Array, Floats, noise, smoothstep
from detector.synthetic.pigment import Colour, linear_colour, to_srgb
from detector.synthetic.texture_layout import IRIS_AXIS, IRIS_HALF_ANGLE
from detector.synthetic.texture_maps import EyeMaps

Pixels = NDArray[np.uint8]

# Colours of the outer iris and of the ring round the pupil, and how common they are on pale and on dark skin.
IRISES: tuple[tuple[Colour, Colour, float, float], ...] = (
    ((0.20, 0.11, 0.06), (0.15, 0.08, 0.05), 0.14, 0.60),
    ((0.33, 0.19, 0.10), (0.26, 0.14, 0.07), 0.24, 0.34),
    ((0.42, 0.31, 0.16), (0.45, 0.27, 0.11), 0.14, 0.04),
    ((0.37, 0.40, 0.26), (0.45, 0.33, 0.16), 0.12, 0.01),
    ((0.36, 0.47, 0.56), (0.47, 0.50, 0.46), 0.20, 0.005),
    ((0.27, 0.39, 0.55), (0.38, 0.46, 0.52), 0.08, 0.005),
    ((0.43, 0.47, 0.49), (0.48, 0.47, 0.41), 0.08, 0.0),
)


def draw_eyes(maps: EyeMaps, melanin: float, age: float, rng: np.random.Generator) -> Pixels:
    """Both eyeballs (h, w, 3) sRGB of a person with skin of this melanin at an age in [0, 1]."""
    shape = maps.direction.shape[:2]
    angle, turn = _polar(maps)
    sclera = _sclera(shape, angle, age, rng)
    radius = angle / np.float32(IRIS_HALF_ANGLE * rng.normal(1.0, 0.025))
    iris = _iris(radius, turn, melanin, rng)
    edge = float(rng.uniform(0.03, 0.07))
    inside = smoothstep(radius, 1.0 + edge, 1.0 - edge)[..., None]
    return to_srgb(sclera + (iris - sclera) * inside)


def _polar(maps: EyeMaps) -> tuple[Floats, Floats]:
    """Angle (h, w) from the pupil's axis in radians, and the direction round it."""
    left = np.linspace(0.0, 1.0, maps.direction.shape[1])[None, :, None] < 0.5
    axis = np.where(left, _unit(IRIS_AXIS), _unit((-IRIS_AXIS[0], *IRIS_AXIS[1:])))
    across = np.cross(np.broadcast_to(np.array([0.0, 1.0, 0.0]), axis.shape), axis)
    up = np.cross(axis, across)
    d = maps.direction
    x, y, z = (np.einsum("hwc,hwc->hw", d, np.broadcast_to(v, d.shape)) for v in (across, up, axis))
    angle = np.arctan2(np.hypot(x, y), z)
    return angle.astype(np.float32), np.arctan2(y, x).astype(np.float32)


def _unit(vector: tuple[float, ...]) -> Array:
    v = np.asarray(vector, np.float64)
    return np.asarray(v / np.linalg.norm(v))


def _iris(radius: Floats, turn: Floats, melanin: float, rng: np.random.Generator) -> Floats:
    """Linear RGB (h, w, 3) of iris and pupil; radius is 1 at the limbus."""
    dark = float(np.clip(melanin / 0.8, 0.0, 1.0))
    chance = np.array([pale * (1 - dark) + deep * dark for _, _, pale, deep in IRISES])
    outer, ring, _, _ = IRISES[rng.choice(len(IRISES), p=chance / chance.sum())]
    shift = np.exp(rng.normal(0.0, 0.12) + rng.normal(0.0, 0.05, 3)).astype(np.float32)
    pupil = float(rng.uniform(0.24, 0.5))
    out = np.clip((radius - pupil) / (1.0 - pupil), 0.0, 1.0)
    near = np.exp(-out / np.float32(rng.uniform(0.15, 0.4)))[..., None]
    base = (linear_colour(outer) + (linear_colour(ring) - linear_colour(outer)) * near) * shift
    fibres = 1.0 + 0.26 * _fibres(out, turn, rng)
    limbus = 1.0 - rng.uniform(0.35, 0.75) * smoothstep(radius, 0.78, 1.0)
    colour = base * (fibres * limbus)[..., None]
    hole = smoothstep(radius, pupil + 0.04, pupil - 0.02)[..., None]
    return np.asarray(np.clip(colour, 0.003, 1.0) * (1.0 - hole) + np.float32(0.004) * hole, np.float32)


def _fibres(out: Floats, turn: Floats, rng: np.random.Generator) -> Floats:
    """(h, w) streaks from the pupil outwards: noise in polar coordinates."""
    polar = noise((24, 512), (14.0, 7.0), rng) + 0.7 * noise((24, 512), (20.0, 18.0), rng)
    polar[:, -12:] = polar[:, :1] * 0.5 + polar[:, -12:] * 0.5
    column = (turn + np.float32(np.pi)) * np.float32(511.0 / (2 * np.pi))
    streaks = cv2.remap(
        polar, column, out * np.float32(23.0), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(streaks, np.float32)


def _sclera(shape: tuple[int, ...], angle: Floats, age: float, rng: np.random.Generator) -> Floats:
    """Linear RGB (h, w, 3): off-white, yellower with age, red towards the corners, with veins."""
    size = (shape[0], shape[1])
    bright = rng.uniform(0.36, 0.6)
    white = np.array([1.0, 0.955 - 0.03 * age, 0.91 - 0.10 * age]) * bright
    red = smoothstep(angle, 0.55, 1.25)[..., None] * np.float32(rng.uniform(0.4, 0.9))
    flesh = np.array([0.60, 0.30, 0.27]) * (bright / 0.6)
    colour = white + (flesh - white) * red
    colour = colour * (1.0 + 0.04 * noise(size, 12.0, rng))[..., None]
    veins = _veins(size, rng) * smoothstep(angle, 0.40, 0.75) * np.float32(rng.uniform(0.1, 0.6))
    colour += (np.array([0.42, 0.07, 0.06]) - colour) * veins[..., None]
    return np.asarray(colour, np.float32)


def _veins(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """(h, w) thin wandering lines: where smooth noise crosses zero."""
    field = noise(shape, 16.0, rng) + 0.5 * noise(shape, 7.0, rng)
    return np.asarray(np.exp(-((field / np.float32(0.05)) ** 2)), np.float32)
