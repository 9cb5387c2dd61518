"""Predictions on held-out samples compared with their labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from detector.metrics import OUTER_EYES
from detector.network import LandmarkNetwork
from detector.region import region_from_landmarks
from detector.training.augment import cover
from detector.training.queries import REGION_LAYOUT, SPARSE_LAYOUT, QueryBatch, QuerySampler
from detector.training.samples import SampleBuffer
from detector.training.warp import MEASURE, random_crops

BATCH = 64


@dataclass(frozen=True, eq=False)
class Residuals:
    """Predictions compared with labels.

    Attributes:
        queries: (L, 3).
        difference: (N, L, 2) mean - label, normalised.
        log_sigma: (N, L).
        eyes: (N,) distance of the labelled outer corners of the eyes, normalised.
        sparse: how many of the first landmarks are those of ibug68: 68 or none.
        covered: (N, L) which points something was laid over; and
        inside: (N, L) which lie in the crop.
    """

    queries: Tensor
    difference: Tensor
    log_sigma: Tensor
    eyes: Tensor
    sparse: int
    covered: Tensor
    inside: Tensor

    @property
    def z(self) -> Tensor:
        """Normalised residuals (N, L, 2)."""
        return self.difference * torch.exp(-self.log_sigma)[..., None]

    @property
    def distance(self) -> Tensor:
        """Errors (N, L), normalised."""
        distance: Tensor = self.difference.norm(dim=-1)
        return distance


@torch.no_grad()
def residuals(
    network: LandmarkNetwork,
    samples: SampleBuffer,
    sampler: QuerySampler,
    *,
    start: int = 0,
    stop: int | None = None,
    covers: bool = False,
) -> Residuals:
    """Predict the samples start to stop, covered or as they are, and compare."""
    stop = len(samples) if stop is None else stop
    batch, sparse = _asked(network, sampler)
    parts = [
        _compare(network, samples, sampler, batch, range(first, min(first + BATCH, stop)), covers)
        for first in range(start, stop, BATCH)
    ]
    difference, log_sigma, eyes, covered, inside = (torch.cat([part[i] for part in parts]) for i in range(5))
    return Residuals(batch.queries, difference, log_sigma, eyes, sparse, covered, inside)


def _asked(network: LandmarkNetwork, sampler: QuerySampler) -> tuple[QueryBatch, int]:
    """The sparse and the dense layout, or what a plain network predicts; how many of them are sparse."""
    sparse = sampler.layouts[SPARSE_LAYOUT]
    if network.config.predictor == "plain":
        name = network.config.layout
        return sampler.layouts[name], len(sparse.queries) if name == SPARSE_LAYOUT else 0
    return sparse.joined(sampler.layouts[REGION_LAYOUT]), len(sparse.queries)


def _compare(
    network: LandmarkNetwork,
    samples: SampleBuffer,
    sampler: QuerySampler,
    batch: QueryBatch,
    which: range,
    covers: bool,
) -> tuple[Tensor, ...]:
    """Differences, log sigma, eye distances, what is covered and what is inside, of one batch."""
    images, pixels = samples.part(which.start, which.stop)
    dense, sparse = sampler.layouts[REGION_LAYOUT], sampler.layouts[SPARSE_LAYOUT]
    regions = region_from_landmarks(dense.positions(pixels), dense.queries)
    labels = torch.cat([batch.positions(pixels), sparse.positions(pixels)], dim=1)
    generator = torch.Generator(images.device).manual_seed(which.start)
    crops, targets = random_crops(images, labels, regions, network.config.input_size, MEASURE, generator)
    targets, sparse_targets = targets[:, : len(batch.queries)], targets[:, len(batch.queries) :]
    left, right = (sparse_targets[:, corner] for corner in OUTER_EYES)
    mask = torch.zeros_like(crops[:, :1], dtype=torch.bool)
    if covers:
        crops, mask = cover(crops, generator)
    mean, log_sigma = network(crops, batch.queries)
    inside = targets.abs().amax(-1) < 1
    return mean - targets, log_sigma, (left - right).norm(dim=-1), _at(mask, targets), inside


def _at(mask: Tensor, points: Tensor) -> Tensor:
    """A mask (N, 1, S, S) at normalised points (N, L, 2); those outside take the nearest edge's."""
    side = mask.shape[-1]
    pixel = ((points + 1) * (side / 2)).long().clamp(0, side - 1)
    image = torch.arange(len(mask), device=mask.device)[:, None]
    return mask[image, 0, pixel[..., 1], pixel[..., 0]]
