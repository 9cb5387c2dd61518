"""The fine relief of skin as a tangent-space normal map: pores, creases and wrinkles."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthetic.paint import FINE, Array, Floats, blur, curve, noise, whole
from detector.synthetic.texture_maps import HEAD_ISLAND, SkinMaps

Pixels = NDArray[np.uint8]


def draw_relief(maps: SkinMaps, age: float, rng: np.random.Generator) -> tuple[Pixels, Floats]:
    """The relief of a skin at an age in [0, 1].

    Returns:
        the normal map (H, W, 3) uint8, OpenGL; and the depth (H, W) of its wrinkles in millimetres, for paint
        to darken.
    """
    creases = _wrinkles(maps, age, rng)
    pores = (
        0.35 * noise(maps.shape, 1.0, rng) + 0.5 * noise(maps.shape, 1.7, rng) + noise(maps.shape, 4.0, rng)
    )
    head = (maps.island == HEAD_ISLAND).astype(np.float32)
    height = pores * head * np.float32(rng.uniform(0.02, 0.08)) - creases
    return normals_from_height(height, maps.texels_per_mm), creases


def normals_from_height(height: Floats, texels_per_mm: float) -> Pixels:
    """The normal map (H, W, 3) of a height (H, W) in millimetres: n = (-dh/du, -dh/dv, 1), v up."""
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=-texels_per_mm / 8.0)
    up = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=texels_per_mm / 8.0)
    inverse = 1.0 / np.sqrt(across * across + up * up + 1.0)
    normal = cv2.merge([across * inverse, up * inverse, inverse])
    return np.asarray(cv2.convertScaleAbs(normal * np.float32(127.5) + np.float32(127.5)))


def _wrinkles(maps: SkinMaps, age: float, rng: np.random.Generator) -> Floats:
    """Depth (H, W) of all lines in millimetres."""
    depth = np.zeros(maps.shape, np.float32)
    for lines, strength, width in _line_groups(age, rng):
        if strength > 0.02:
            depth += engrave(maps, lines, width) * np.float32(strength)
    return depth


def _line_groups(age: float, rng: np.random.Generator) -> list[tuple[list[Array], float, float]]:
    """Polylines in millimetres near the mean head, with depth and width in millimetres, by kind."""
    old = float(np.clip(age, 0.0, 1.0))
    return [
        (forehead(rng), 0.5 * old * rng.uniform(0.2, 1.2), 1.3),
        (sides(crows_feet, rng), 0.4 * old * rng.uniform(0.2, 1.2), 0.9),
        (sides(smile_fold, rng), (0.12 + 0.5 * old) * rng.uniform(0.2, 1.0), 2.0),
        (sides(under_eye, rng), (0.06 + 0.35 * old) * rng.uniform(0.2, 1.0), 1.2),
        (sides(frown, rng), 0.35 * old * rng.uniform(0.0, 1.2), 1.4),
        (_neck(rng), (0.08 + 0.35 * old) * rng.uniform(0.2, 1.0), 1.8),
    ]


def sides(make: Callable[[np.random.Generator], list[Array]], rng: np.random.Generator) -> list[Array]:
    """Lines (n, 3) of both sides of the face, each drawn by itself."""
    lines: list[Array] = []
    for side in (-1.0, 1.0):
        lines += [line * np.array([side, 1.0, 1.0]) for line in make(rng)]
    return lines


def forehead(rng: np.random.Generator) -> list[Array]:
    """Lines across the forehead; millimetres near the mean head, as all lines."""
    lines = []
    for height in np.arange(34.0, 60.0, rng.uniform(5.5, 9.0)):
        x = np.linspace(rng.uniform(-42, -15), rng.uniform(15, 42), 7)
        y = height + rng.normal(0, 0.9, 7) + 2.0 * np.cos(x / 22.0 + rng.normal(0, 0.5))
        lines.append(np.stack([x, y, 25.0 - (x / 11.0) ** 2], axis=1))
    return lines


def crows_feet(rng: np.random.Generator) -> list[Array]:
    """Lines that spread from the outer corner of the left eye."""
    lines = []
    for angle in np.linspace(-0.55, 0.5, int(rng.integers(3, 6))):
        reach = np.linspace(3.0, rng.uniform(12.0, 20.0), 5)
        a = angle + rng.normal(0, 0.06)
        x, y = 44.0 + reach * np.cos(a), -2.0 + reach * np.sin(a) + rng.normal(0, 0.3, 5)
        lines.append(np.stack([x, y, 7.0 - 0.9 * reach], axis=1))
    return lines


def smile_fold(rng: np.random.Generator) -> list[Array]:
    """The fold from the left wing of the nose past the mouth's corner."""
    points = np.array([[17.0, -43, 26], [22, -52, 25], [27, -60, 23], [30.5, -68, 19], [31, -77, 16]])
    return [points[: int(rng.integers(3, 6))] + rng.normal(0, 0.7, 3)]


def under_eye(rng: np.random.Generator) -> list[Array]:
    """Lines below the left eye."""
    lines = []
    for drop in (0.0, 3.5)[: int(rng.integers(1, 3))]:
        x = np.linspace(17.0, 42.0, 6)
        y = -11.0 - drop - 4.0 * np.sin((x - 17.0) / 25.0 * np.pi) + rng.normal(0, 0.4, 6)
        lines.append(np.stack([x, y, 16.0 - ((x - 28.0) / 9.0) ** 2], axis=1))
    return lines


def frown(rng: np.random.Generator) -> list[Array]:
    """The upright line beside the left end of the brows."""
    y = np.linspace(10.0, 26.0, 4)
    return [np.stack([5.5 + rng.normal(0, 0.6, 4), y, np.full(4, 30.0)], axis=1)]


def _neck(rng: np.random.Generator) -> list[Array]:
    lines = []
    for height in (-138.0, -152.0):
        x = np.linspace(-45.0, 45.0, 7)
        lines.append(
            np.stack([x, height + rng.normal(0, 1.5, 7) + 0.004 * x**2, -10.0 - (x / 9) ** 2], axis=1)
        )
    return lines


def engrave(maps: SkinMaps, lines: list[Array], width: float) -> Floats:
    """Grooves (H, W) of unit depth along polylines; they fade out at their ends."""
    canvas = np.zeros(maps.shape, np.uint8)
    window = whole(maps.shape)
    for line in lines:
        texels = curve(maps.texel(curve(line, 14)), 40)
        fixed = (window.fine(texels) // FINE).astype(np.int32)
        for level, cut in ((90, 0), (170, 4), (255, 8)):
            cv2.polylines(canvas, [fixed[cut : len(fixed) - cut]], False, level, 1, cv2.LINE_AA, 4)
    sharp = canvas.astype(np.float32) / np.float32(255.0)
    sigma = width * maps.texels_per_mm * 0.55
    return blur(sharp, sigma) * np.float32(2.2 * sigma)
