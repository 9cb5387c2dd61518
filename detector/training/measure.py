"""How good a network is on held-out samples, and the calibration of its sigma."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from detector.metrics import normalised_errors
from detector.network import LandmarkNetwork
from detector.region import region_from_landmarks
from detector.training.queries import REGION_LAYOUT, QuerySampler
from detector.training.samples import SampleBuffer
from detector.training.warp import MEASURE, random_crops

BATCH = 64


@dataclass(frozen=True)
class HeldOut:
    """Measurements on held-out synthetic samples, framed as inference frames them.

    Attributes:
        samples: how many.
        nme68: mean error of the 68 landmarks, percent of the distance of the outer eye corners.
        dense_px: mean error of the dense layout, pixels of the network's input.
        dense_median_px: its median.
        spread: root mean square of (mean - label) / sigma per axis; 1 when sigma is calibrated.
        spread_median: the same from the median of the absolute values, which a few outliers do not move.
        within_1, within_2: share of coordinates within one and two sigma; 0.68 and 0.95 for a Gaussian.
    """

    samples: int
    nme68: float
    dense_px: float
    dense_median_px: float
    spread: float
    spread_median: float
    within_1: float
    within_2: float

    def facts(self) -> dict[str, float]:
        """As JSON values."""
        return {key: round(float(value), 4) for key, value in asdict(self).items()}


@torch.no_grad()
def measure(
    network: LandmarkNetwork,
    samples: SampleBuffer,
    sampler: QuerySampler,
    *,
    start: int = 0,
    stop: int | None = None,
) -> HeldOut:
    """Measure on the samples start to stop; the network must be in evaluation mode."""
    stop = len(samples) if stop is None else stop
    parts = [
        _residuals(network, samples, sampler, first, min(first + BATCH, stop))
        for first in range(start, stop, BATCH)
    ]
    sparse, dense, z = (torch.cat([part[i] for part in parts]) for i in range(3))
    scale = network.config.input_size / 2
    magnitude = z.abs()
    return HeldOut(
        samples=stop - start,
        nme68=float(100 * sparse.mean()),
        dense_px=float(scale * dense.mean()),
        dense_median_px=float(scale * dense.median()),
        spread=float(z.square().mean().sqrt()),
        spread_median=float(magnitude.median() / 0.6745),
        within_1=float((magnitude < 1).float().mean()),
        within_2=float((magnitude < 2).float().mean()),
    )


def _residuals(
    network: LandmarkNetwork, samples: SampleBuffer, sampler: QuerySampler, start: int, stop: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Errors of 68 points relative to the eyes' distance, errors of the dense ones, and their z scores."""
    images, pixels = samples.part(start, stop)
    sparse, dense = sampler.layouts["ibug68"], sampler.layouts[REGION_LAYOUT]
    labels = torch.cat([sparse.positions(pixels), dense.positions(pixels)], dim=1)
    count = len(sparse.queries)
    regions = region_from_landmarks(labels[:, count:], dense.queries)
    generator = torch.Generator(images.device).manual_seed(start)
    crops, targets = random_crops(images, labels, regions, network.config.input_size, MEASURE, generator)
    mean, log_sigma = network(crops, torch.cat([sparse.queries, dense.queries]))
    error = (mean - targets).norm(dim=-1)
    z = (mean - targets)[:, count:] * torch.exp(-log_sigma)[:, count:, None]
    return (
        normalised_errors(mean[:, :count], targets[:, :count]).flatten(),
        error[:, count:].flatten(),
        z.flatten(),
    )


def calibrate_sigma(network: LandmarkNetwork, samples: SampleBuffer, sampler: QuerySampler) -> HeldOut:
    """Scale sigma so that normalised residuals have unit spread; half of the samples fit, half measure.

    Returns:
        The measurements, after calibration, on the half that it was not fitted to.
    """
    half = len(samples) // 2
    before = measure(network, samples, sampler, stop=max(half, 1))
    offset = float(network.log_sigma_offset) + float(torch.tensor(before.spread).log())
    network.set_log_sigma_offset(offset)
    return measure(network, samples, sampler, start=half)
