"""What a head looks like, apart from its shape: the images and colours that a skin source draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.teeth_paint import MouthTextures

Pixels = NDArray[np.uint8]
Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class HeadTextures:
    """The looks of one person. Images are as in :mod:`detector.synthetic.texture_layout`.

    Attributes:
        skin_albedo: (H, W, 3) uint8 sRGB.
        skin_normal: (H, W, 3) uint8 tangent-space normals, OpenGL (+Y up), or None for smooth skin.
        eye_albedo: (h, w, 3) uint8 sRGB, both eyeballs.
        mouth: teeth, gums and tongue.
        lash_colour: of the lashes; sRGB in [0, 1], as all colours.
        hair_colour: what would grow on this head; brows and beard agree with it.
        roughness: of the skin, 0 (mirror) to 1.
        makeup: how much of it the person wears, 0 to 1; no beard goes with it.
        wrinkling: how deep lines an expression draws, 0 to 1.
    """

    skin_albedo: Pixels
    skin_normal: Pixels | None
    eye_albedo: Pixels
    mouth: MouthTextures
    lash_colour: Colour
    hair_colour: Colour
    roughness: float
    makeup: float
    wrinkling: float


class SkinSource(Protocol):
    """Draws people."""

    def draw(self, rng: np.random.Generator) -> HeadTextures:
        """A random person; the same generator state gives the same person."""
        ...
