"""Smooth noise and colours that go together, for whatever is painted around the face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def noise(size: int, octaves: int, rng: np.random.Generator, roughness: float = 0.55) -> Image:
    """Smooth noise (size, size) about zero with unit spread: octaves of ever finer, weaker grids."""
    total = np.zeros((size, size), np.float32)
    cells, weight = 2, 1.0
    for _ in range(octaves):
        grid = rng.normal(size=(min(cells, size) + 1,) * 2).astype(np.float32)
        total += weight * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * roughness
    return np.asarray(total / max(float(total.std()), 1e-6))


def palette(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Colours (count, 3) that go together: one hue family with an odd one out now and then."""
    # The world is mostly brown, grey and blue.
    hue = rng.random() if rng.random() < 0.35 else rng.choice([0.07, 0.58]) + rng.normal(0.0, 0.04)
    spread = rng.choice([0.02, 0.06, 0.3])
    colours = []
    for _ in range(count):
        saturation = rng.beta(1.2, 3.2)
        hsv = np.array(
            [[[(hue + rng.normal(0.0, spread)) % 1.0 * 360, saturation, rng.uniform(0.1, 1.0)]]], np.float32
        )
        colours.append(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64))
    return np.stack(colours)
