"""Costumes: which skin, hair, beard, clothes and accessories a person wears, and how they sit on a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.head_surfaces import HeadSurfaces, PosedHead
from detector.synthetic.surfaces import Surface
from detector.synthetic.textures import HeadTextures, SkinSource
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel

Array = NDArray[np.float64]

BLOCK = 16
"""Neighbouring seeds that share a few skins, so that one worker's chunk draws them once."""
SKINS_PER_BLOCK = 4


@dataclass(frozen=True, eq=False)
class Costume:
    """What one person wears."""

    textures: HeadTextures


class Wardrobe:
    """Draws costumes and puts them on heads."""

    def __init__(self, model: HeadModel, heads: HeadSurfaces, skins: SkinSource) -> None:
        self._model = model
        self._heads = heads
        self._skins = skins
        self._block = -1
        self._drawn: dict[int, HeadTextures] = {}

    def draw(self, seed: int, rng: np.random.Generator) -> Costume:
        """A random costume; `seed` says which skins are shared."""
        return Costume(self._skin(seed // BLOCK, int(rng.integers(SKINS_PER_BLOCK))))

    def dress(self, costume: Costume, head: PosedHead, identity: Array, torso: HeadFrame) -> list[Surface]:
        """All surfaces of a head in a costume."""
        bare = np.zeros(len(head.positions), np.float32)
        return self._heads.build(head, costume.textures, bare, (0.02, 0.015, 0.01))

    def _skin(self, block: int, number: int) -> HeadTextures:
        if block != self._block:
            self._block, self._drawn = block, {}
        if number not in self._drawn:
            self._drawn[number] = self._skins.draw(np.random.default_rng([block, number, 0x5C14]))
        return self._drawn[number]
