"""The rims of the lids, and what people paint around their eyes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.synthetic.paint import FINE, Array, Floats, Window, blur, curve, fill, mix, multiply
from detector.synthetic.pigment import Colour, linear_colour
from detector.synthetic.texture_maps import SkinMaps

RIGHT_LID, LEFT_LID = slice(36, 42), slice(42, 48)
SHADOWS: tuple[Colour, ...] = (
    (0.35, 0.25, 0.22),
    (0.20, 0.18, 0.20),
    (0.45, 0.30, 0.38),
    (0.30, 0.35, 0.45),
    (0.60, 0.42, 0.35),
    (0.55, 0.30, 0.25),
    (0.28, 0.36, 0.32),
)


@dataclass(frozen=True)
class LidStyle:
    """How the lids look.

    Attributes:
        lash: darkness of the line where the lashes grow, in [0, 1].
        liner: opacity of a drawn line on the upper lid.
        liner_mm: its width.
        shadow: sRGB of the eye shadow.
        shadow_cover: its opacity.
    """

    lash: float
    liner: float
    liner_mm: float
    shadow: Colour
    shadow_cover: float


def draw_lid_style(makeup: float, rng: np.random.Generator) -> LidStyle:
    """Lids of a person who wears this much makeup, in [0, 1]."""
    return LidStyle(
        lash=rng.uniform(0.4, 0.9),
        liner=rng.uniform(0.4, 0.95) if rng.random() < makeup else 0.0,
        liner_mm=rng.uniform(0.5, 1.8),
        shadow=SHADOWS[rng.integers(len(SHADOWS))],
        shadow_cover=rng.uniform(0.15, 0.6) if rng.random() < makeup else 0.0,
    )


def paint_lids(image: Floats, maps: SkinMaps, style: LidStyle) -> None:
    """Paint both eyes' surroundings on linear RGB (H, W, 3), in place."""
    for lid in (RIGHT_LID, LEFT_LID):
        _paint_eye(image, maps, maps.landmarks[lid], style)


def _paint_eye(image: Floats, maps: SkinMaps, points: Array, style: LidStyle) -> None:
    scale = maps.texels_per_mm
    window = Window.around(points, 18.0 * scale, maps.shape)
    loop = curve(points, 60, closed=True)
    upper = curve(points[[0, 1, 2, 3]], 40)
    if style.shadow_cover > 0:
        # The lid shadow rises from the lash line towards the brow, which is -x.
        height = 9.0 * scale * np.sin(np.linspace(0.25, np.pi - 0.25, 40))
        crease = upper - np.stack([height, np.zeros(40)], axis=1)
        area = blur(fill(window, np.concatenate([upper, crease[::-1]])), 1.8 * scale)
        mix(image, window, linear_colour(style.shadow), area * np.float32(style.shadow_cover))
    rim = _line(window, loop, 1.1 * scale, closed=True)
    multiply(
        image, window, np.array([0.86, 0.60, 0.60], np.float32), blur(rim, 0.5 * scale) * np.float32(0.8)
    )
    inside = blur(fill(window, loop), 0.4 * scale)
    multiply(image, window, np.array([0.72, 0.48, 0.48], np.float32), inside)
    # The lashes' roots and their shadow lie on the rim, which is +x of the landmarks.
    lashes = blur(_line(window, upper + np.array([0.4 * scale, 0.0]), 1.8 * scale), 0.4 * scale)
    dark = np.array([0.03, 0.022, 0.02], np.float32)
    mix(image, window, dark, lashes * np.float32(style.lash))
    lower = curve(points[[3, 4, 5, 0]], 40)
    mix(
        image,
        window,
        dark,
        blur(_line(window, lower, 0.5 * scale), 0.5 * scale) * np.float32(0.45 * style.lash),
    )
    if style.liner > 0:
        line = _line(window, upper - np.array([0.5 * style.liner_mm * scale, 0.0]), style.liner_mm * scale)
        mix(image, window, dark, blur(line, 0.3 * scale) * np.float32(style.liner))


def _line(window: Window, points: Array, width: float, closed: bool = False) -> Floats:
    """The coverage (h, w) of a line `width` texels wide."""
    canvas = window.canvas()
    thickness = max(1, round(width * FINE))
    cv2.polylines(canvas, [window.fine(points)], closed, 255, thickness, cv2.LINE_AA, 4)
    return window.shrink(canvas)
