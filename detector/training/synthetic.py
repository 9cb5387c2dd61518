"""The synthetic engine as a source of training samples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from detector.synthetic.engine import EngineOptions, SyntheticEngine
from fitting.anatomy import BonePoints, anatomy
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
        model = load_head_model()
        return SyntheticSampler(SyntheticEngine(model, self.options), anatomy(model))


@dataclass(frozen=True, eq=False)
class SyntheticSampler:
    """Samples by seed.

    Attributes:
        engine: draws them.
        bones: what is labelled besides the vertices.
    """

    engine: SyntheticEngine
    bones: BonePoints

    def __call__(self, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
        """An image (S, S, 3) uint8 and the pixels (V + A, 2) of the model's vertices, then of the bones."""
        sample = self.engine.sample(seed)
        who = sample.performer
        state = (
            torch.as_tensor(np.asarray(part)).float() for part in (who.identity, who.expression, who.pose)
        )
        with torch.no_grad():
            bones = self.bones(*state).double().numpy()
        return sample.image, np.concatenate([sample.vertices_px, sample.camera.project(bones)])
