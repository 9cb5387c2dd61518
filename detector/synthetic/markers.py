"""Tracking markers: dots painted or stuck on a face, as for marker-based capture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats, Kind, Material, Surface
from fitting.head_model import HeadModel

Array = NDArray[np.float64]

CLEAR = 0.009
"""Metres round eyes and lips that stay free of dots."""
LIFT = 0.0006
"""Metres by which a dot stands off the skin, so that it is not lost in it."""
SIDES = 9
INKS = ((0.01, 0.01, 0.012), (0.02, 0.03, 0.25), (0.02, 0.25, 0.06), (0.85, 0.85, 0.85), (0.35, 0.02, 0.02))


class Markers:
    """Knows where on a head dots are painted."""

    def __init__(self, model: HeadModel) -> None:
        mean = model.assets.mean.astype(np.float64)
        outline = np.asarray(model.ibug68.evaluate(mean), np.float64)
        skin = model.region("outer_skin")
        at = mean[skin]
        face = (at[:, 2] > -0.045) & (at[:, 1] > -0.125) & (at[:, 1] < 0.075)
        free = np.linalg.norm(at[:, None] - outline[None, 36:68], axis=-1).min(axis=1) > CLEAR
        self._spots = skin[face & free]
        self._mean = mean[self._spots]

    def paint(self, vertices: Floats, normals: Floats, rng: np.random.Generator) -> Surface:
        """Dots on a posed head: vertices (V, 3) in metres and their normals (V, 3)."""
        chosen = self._spread(int(rng.integers(12, 130)), rng)
        radius = rng.uniform(0.0009, 0.0022) * np.exp(rng.normal(0.0, 0.08, len(chosen)))
        n = normals[chosen].astype(np.float64)
        side = np.cross(n, [0.13, 0.97, 0.2])
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        up = np.cross(n, side)
        a = np.linspace(0.0, 2 * np.pi, SIDES, endpoint=False)
        rim = np.cos(a)[None, :, None] * side[:, None] + np.sin(a)[None, :, None] * up[:, None]
        centre = vertices[chosen].astype(np.float64) + LIFT * n
        points = np.concatenate([centre[:, None], centre[:, None] + radius[:, None, None] * rim], axis=1)
        first = np.arange(len(chosen))[:, None] * (SIDES + 1)
        i = np.arange(SIDES)
        fan = np.stack([0 * i, 1 + i, 1 + (i + 1) % SIDES], axis=1)
        return Surface(
            points.reshape(-1, 3).astype(np.float32),
            np.repeat(n, SIDES + 1, axis=0).astype(np.float32),
            (first[:, :, None] + fan[None]).reshape(-1, 3),
            Material(Kind.SOLID, INKS[rng.integers(len(INKS))], roughness=0.6, specular=0.5),
        )

    def _spread(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Vertices well apart from one another, each the farthest from those before it."""
        chosen = [int(rng.integers(len(self._spots)))]
        gap = np.full(len(self._spots), np.inf)
        for _ in range(min(count, len(self._spots)) - 1):
            gap = np.minimum(gap, np.linalg.norm(self._mean - self._mean[chosen[-1]], axis=1))
            chosen.append(int(np.argmax(gap)))
        return np.asarray(self._spots[chosen])
