"""Freckles, moles, age spots and pimples: small marks at random places of the face."""

from __future__ import annotations

import cv2
import numpy as np

from detector.synthetic.paint import Array, Floats, blur, smoothstep
from detector.synthetic.texture_maps import HEAD_ISLAND, SkinMaps

MOLE_MELANIN = (0.5, 1.6)


def _places(maps: SkinMaps, count: int, rng: np.random.Generator, freckled: bool) -> Array:
    """Texels (n, 2) on the front of the head; freckles crowd on nose and cheeks."""
    chosen = rng.integers(len(maps.found), size=count * 3)
    texel = maps.found[chosen]
    row, column = texel[:, 1].astype(int), texel[:, 0].astype(int)
    x, y, z = maps.position[row, column].T
    weight = smoothstep(z, -75.0, -20.0)
    if freckled:
        bridge = np.exp(-(((y + 28.0) / 24.0) ** 2) - (x / 55.0) ** 2)
        weight = weight * (0.12 + 0.88 * bridge) * (maps.island[row, column] == HEAD_ISLAND)
    return texel[rng.random(len(texel)) < weight][:count] + rng.random(2)


def _dots(shape: tuple[int, int], places: Array, radius: Array, strength: Array, soft: float) -> Floats:
    """Discs (H, W) with the given strength in [0, 1]."""
    canvas = np.zeros(shape, np.uint8)
    for (x, y), r, s in zip(places, radius, strength, strict=True):
        centre = (round(x * 16), round(y * 16))
        level = int(255 * np.clip(s, 0.0, 1.0))
        cv2.circle(canvas, centre, max(round(float(r) * 16), 6), level, -1, cv2.LINE_AA, 4)
    return blur(canvas.astype(np.float32) / np.float32(255.0), soft)


def draw_spots(maps: SkinMaps, melanin: float, age: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """More melanin and more haemoglobin (H, W), both, from the marks of one person's skin."""
    scale = maps.texels_per_mm
    more = np.zeros(maps.shape, np.float32)
    blood = np.zeros(maps.shape, np.float32)
    if rng.random() < (0.28 if melanin < 0.5 else 0.06):
        places = _places(maps, int(rng.uniform(60, 700)), rng, freckled=True)
        size = rng.gamma(2.0, 0.28, len(places)) * scale + 0.2
        spots = _dots(maps.shape, places, size, rng.uniform(0.2, 1.0, len(places)), 0.45 * scale)
        more += spots * np.float32(rng.uniform(0.2, 0.75))
    if rng.random() < 0.6:
        places = _places(maps, 1 + int(rng.exponential(4.0)), rng, freckled=False)
        size = rng.gamma(2.5, 0.32, len(places)) * scale + 0.3
        moles = _dots(maps.shape, places, size, rng.uniform(0.35, 1.0, len(places)), 0.45 * scale)
        more += moles * np.float32(rng.uniform(*MOLE_MELANIN))
    if rng.random() < age:
        places = _places(maps, int(rng.integers(8, 60)), rng, freckled=False)
        size = rng.gamma(2.0, 0.75, len(places)) * scale
        more += _dots(maps.shape, places, size, rng.uniform(0.2, 1.0, len(places)), 0.9 * scale) * np.float32(
            0.35
        )
    if rng.random() < 0.4:
        places = _places(maps, int(rng.integers(2, 30)), rng, freckled=False)
        size = rng.gamma(2.0, 0.5, len(places)) * scale + 0.3
        blood += _dots(
            maps.shape, places, size, rng.uniform(0.3, 1.0, len(places)), 1.1 * scale
        ) * np.float32(0.6)
    return more, blood
