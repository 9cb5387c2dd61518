"""Skin, eyes and mouth colours of random people: what the rest of the engine needs to know of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.synthetic.photographic_skin import PhotographicSkin
from detector.synthetic.procedural_skin import ProceduralSkin
from detector.synthetic.skin_source import HeadTextures, SkinSource
from detector.synthetic.texture_layout import eye_uv, skin_uv
from fitting.head_model import HeadModel, load_head_model

__all__ = [
    "HeadTextures",
    "MixedSkin",
    "PhotographicSkin",
    "ProceduralSkin",
    "SkinSource",
    "draw_source",
    "eye_uv",
    "skin_uv",
]


class MixedSkin:
    """Draws from two sources, `share` of the people from the second."""

    def __init__(self, first: SkinSource, second: SkinSource, share: float = 0.5) -> None:
        self._first = first
        self._second = second
        self._share = share

    def draw(self, rng: np.random.Generator) -> HeadTextures:
        """A random person."""
        source = self._second if rng.random() < self._share else self._first
        return source.draw(rng)


def draw_source(folder: Path | None = None, model: HeadModel | None = None) -> SkinSource:
    """The source of people for the engine.

    Args:
        folder: photographic skins, mixed half and half with invented ones; None invents all.
        model: the head model, loaded if it is not given.

    Raises:
        InputError: the folder lacks files.
    """
    head = model if model is not None else load_head_model()
    invented = ProceduralSkin(head)
    return invented if folder is None else MixedSkin(invented, PhotographicSkin(folder, head))
