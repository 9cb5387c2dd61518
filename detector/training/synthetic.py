"""The synthetic engine as a source of training samples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.engine import EngineOptions, SyntheticEngine
from fitting.head_model import load_head_model


@dataclass(frozen=True)
class SyntheticFactory:
    """Makes the engine inside a worker process.

    Attributes:
        options: of the engine; they name the size of the samples and the assets.
    """

    options: EngineOptions = field(default_factory=EngineOptions)

    def __call__(self) -> SyntheticSampler:
        """Build the engine; the renderer opens here, once per process."""
        return SyntheticSampler(SyntheticEngine(load_head_model(), self.options))


@dataclass(frozen=True, eq=False)
class SyntheticSampler:
    """Samples by seed."""

    engine: SyntheticEngine

    def __call__(self, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
        """An image (S, S, 3) uint8 and the pixels (V, 2) of the head model's vertices."""
        sample = self.engine.sample(seed)
        return sample.image, sample.vertices_px
