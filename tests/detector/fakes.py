"""A stand-in for the synthetic engine: the head model's vertices as coloured dots, drawn in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import MissingDependencyError
from fitting.head_model import HeadModel, load_head_model


@dataclass(frozen=True)
class DotFactory:
    """Makes a :class:`DotSampler` in a worker."""

    size: int = 96

    def __call__(self) -> DotSampler:
        return DotSampler(load_head_model(), self.size)


@dataclass(frozen=True)
class BrokenFactory:
    """Fails as an engine without OpenGL does."""

    def __call__(self) -> DotSampler:
        raise MissingDependencyError("no EGL on this machine")


@dataclass
class DotSampler:
    """Heads turned at random, seen by an orthographic camera; colours name the canonical position."""

    model: HeadModel
    size: int

    @cached_property
    def colours(self) -> NDArray[np.uint8]:
        mean = self.model.mean.numpy()
        spread = (mean - mean.min(0)) / np.ptp(mean, axis=0)
        colours: NDArray[np.uint8] = (40 + 215 * spread).astype(np.uint8)
        return colours

    def __call__(self, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
        rng = np.random.default_rng(seed)
        pose = torch.zeros(15)
        pose[:3] = torch.as_tensor(rng.normal(0, 0.3, 3))
        identity = self.model.sample_identity(1, rng)[0]
        vertices = self.model(identity, torch.zeros(self.model.expression_size), pose).numpy()
        scale = self.size * rng.uniform(2.4, 2.8)
        pixels = vertices[:, :2] * [scale, -scale] + self.size / 2 + rng.uniform(-0.04, 0.04, 2) * self.size
        image = np.full((self.size, self.size, 3), rng.integers(0, 60, 3), dtype=np.uint8)
        order = np.argsort(vertices[:, 2])
        where = np.rint(pixels[order]).astype(int)
        inside = ((where >= 0) & (where < self.size)).all(axis=1)
        image[where[inside, 1], where[inside, 0]] = self.colours[order][inside]
        return image, pixels
