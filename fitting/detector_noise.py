"""Errors of landmarks such as a detector makes: neighbours err together, and habits stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fitting.observations import Observations
from fitting.rehearsal import Noise

Array = NDArray[np.float64]

REACH = 0.15
"""Share of the head's width in the image over which errors stay alike."""

_WAVES = 12


def detector_noise(habit: float, wander: float, alone: float) -> Noise:
    """Errors of three kinds, in pixels; their sigmas state all three together.

    Args:
        habit: what a camera's landmarks are off by in every frame. It moves with the head.
        wander: what they are off by anew in each frame. As with habits, neighbours share it.
        alone: what each landmark is off by for itself.
    """

    def apply(seen: Observations, rng: np.random.Generator) -> Observations:
        frames, cameras, _ = seen.shape
        centre = seen.mean.mean(axis=2, keepdims=True)
        place = (seen.mean - centre) / (REACH * np.ptp(seen.mean[..., 0], axis=2)[..., None, None])
        errors = (
            habit * _waves(place, (1, cameras), rng)
            + wander * _waves(place, (frames, cameras), rng)
            + alone * rng.normal(size=place.shape)
        )
        sigma = float(np.sqrt(habit**2 + wander**2 + alone**2))
        return replace(seen, mean=seen.mean + errors, sigma=np.full(seen.shape, sigma))

    return apply


def _waves(place: Array, views: tuple[int, int], rng: np.random.Generator) -> Array:
    """Smooth random fields of unit variance (F, C, L, 2) at places (F, C, L, 2), by random Fourier features.

    Args:
        place: in lengths over which the field stays alike.
        views: (F, C) the fields that are drawn; (1, C) gives all frames the same.
        rng: the generator.
    """
    direction = rng.normal(size=(*views, _WAVES, 2, 2))
    phase = rng.uniform(0, 2 * np.pi, (*views, 1, _WAVES, 2))
    # angle[f, c, l, k, i] = place[f, c, l, j] direction[f, c, k, j, i]
    along = np.einsum(
        "fclj,fckji->fclki", place, np.broadcast_to(direction, (*place.shape[:2], _WAVES, 2, 2))
    )
    return np.asarray(np.cos(along + phase).sum(axis=-2) * np.sqrt(2 / _WAVES))
