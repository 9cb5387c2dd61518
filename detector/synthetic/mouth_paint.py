"""Lips as people have and colour them, and the inside of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.synthetic.paint import (
    Array,
    Floats,
    Window,
    blur,
    curve,
    fill,
    mix,
    multiply,
    noise,
    smoothstep,
)
from detector.synthetic.pigment import Colour, linear_colour
from detector.synthetic.texture_maps import MOUTH_ISLAND, SOCKET_ISLANDS, SkinMaps

OUTER_LIP = slice(48, 60)
INNER_LIP = slice(60, 68)
CAVITY_DEPTH_MM = 25.0

LIPSTICKS: tuple[Colour, ...] = (
    (0.62, 0.10, 0.13),
    (0.78, 0.36, 0.37),
    (0.74, 0.40, 0.38),
    (0.50, 0.17, 0.27),
    (0.62, 0.33, 0.28),
    (0.80, 0.42, 0.45),
    (0.35, 0.08, 0.10),
    (0.72, 0.30, 0.24),
    (0.50, 0.27, 0.22),
    (0.78, 0.30, 0.42),
)


@dataclass(frozen=True)
class LipStyle:
    """How lips look.

    Attributes:
        tint: linear RGB that multiplies the skin's colour where the lip is fullest.
        strength: of the tint.
        stick: sRGB of a lipstick.
        cover: how much the lipstick covers; 0 is none.
        upper: further darkening of the upper lip.
        edge: softness of the border in millimetres.
        grooves: contrast of the furrows.
        swell: scale of the outline about the middle of the mouth; near 1.
    """

    tint: Floats
    strength: float
    stick: Colour
    cover: float
    upper: float
    edge: float
    grooves: float
    swell: float


def draw_lip_style(melanin: float, makeup: float, rng: np.random.Generator) -> LipStyle:
    """Lips for a skin with this much melanin; `makeup` in [0, 1] is how much of it the person wears."""
    dark = float(np.clip(melanin / 2.0, 0.0, 1.0))
    tint = np.array([0.80, 0.46, 0.54]) * (1 - dark) + np.array([1.16, 0.74, 0.84]) * dark
    tint = tint * np.exp(rng.normal(0.0, 0.07, 3))
    stick = LIPSTICKS[rng.integers(len(LIPSTICKS))]
    varied = np.clip(np.asarray(stick) + rng.normal(0.0, 0.04, 3), 0.02, 0.95)
    return LipStyle(
        tint=np.asarray(tint, np.float32),
        strength=rng.uniform(0.45, 1.1),
        stick=(float(varied[0]), float(varied[1]), float(varied[2])),
        cover=rng.uniform(0.1, 1.0) ** 1.5 * 0.9 if rng.random() < makeup else 0.0,
        upper=rng.uniform(0.0, 0.18 + 0.2 * dark),
        edge=rng.uniform(0.35, 1.1),
        grooves=rng.uniform(0.02, 0.08),
        swell=rng.normal(1.0, 0.02),
    )


def lip_outline(maps: SkinMaps, swell: float = 1.0) -> Array:
    """The border of the vermilion as a polygon (96, 2) in texels."""
    points = maps.landmarks[OUTER_LIP]
    middle = maps.landmarks[INNER_LIP].mean(axis=0)
    return curve(middle + (points - middle) * swell, 96, closed=True)


def paint_mouth(image: Floats, maps: SkinMaps, style: LipStyle, rng: np.random.Generator) -> None:
    """Paint lips and the mouth's cavity on linear RGB (H, W, 3), in place."""
    scale = maps.texels_per_mm
    outline = lip_outline(maps, style.swell)
    window = Window.around(outline, 8.0 * scale, maps.shape)
    body = blur(fill(window, outline), style.edge * scale if style.cover == 0 else 0.35 * scale)
    upper = _upper(maps, window, scale)
    ridges = 1.0 + style.grooves * noise(window.shape, (1.6 * scale, 7.0 * scale), rng)
    ridges += 0.5 * style.grooves * noise(window.shape, (3.0 * scale, 3.0 * scale), rng)
    tint = style.tint[None, None] * (1.0 - style.upper * upper)[..., None]
    multiply(image, window, tint ** np.float32(style.strength), body)
    if style.cover > 0:
        mix(image, window, linear_colour(style.stick), body * np.float32(style.cover))
    image[window.slices] *= (1.0 + (ridges - 1.0) * body)[..., None]
    _paint_seam(image, maps, window)
    _paint_cavity(image, maps)


def _upper(maps: SkinMaps, window: Window, scale: float) -> Floats:
    """(h, w) 1 on the upper lip, 0 on the lower."""
    ends, inner = maps.landmarks[OUTER_LIP], maps.landmarks[INNER_LIP]
    return blur(fill(window, np.concatenate([ends[:7], inner[4::-1]])), 0.5 * scale)


def _paint_seam(image: Floats, maps: SkinMaps, window: Window) -> None:
    """Inside the landmarks 60-67 the lips are wet, redder and in shadow."""
    inside = blur(fill(window, curve(maps.landmarks[INNER_LIP], 64, closed=True)), 0.5 * maps.texels_per_mm)
    multiply(image, window, np.array([0.66, 0.42, 0.44], np.float32), inside)


def _paint_cavity(image: Floats, maps: SkinMaps) -> None:
    """Throat and sockets: red flesh that goes dark with depth."""
    mouth = maps.island == MOUTH_ISLAND
    depth = smoothstep(maps.position[mouth][:, 2], 30.0, 30.0 - CAVITY_DEPTH_MM)[:, None]
    image[mouth] = np.array([0.26, 0.06, 0.06]) * (1.0 - depth) + np.array([0.02, 0.004, 0.004]) * depth
    image[np.isin(maps.island, SOCKET_ISLANDS)] = np.array([0.32, 0.13, 0.12])
