"""How good a network is on held-out samples, and the calibration of its sigma."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from detector.evaluation.sigma import Spread, spread
from detector.head_regions import REGIONS, region_indices, region_weights
from detector.network import LandmarkNetwork
from detector.training.queries import QuerySampler
from detector.training.residuals import Residuals, residuals
from detector.training.samples import SampleBuffer

FIT_ROUNDS = 12


@dataclass(frozen=True)
class HeldOut:
    """Measurements on held-out synthetic samples, framed as inference frames them.

    Attributes:
        samples: how many.
        nme68: mean error of the 68 landmarks, percent of the distance of the outer eye corners; NaN for a
            plain network of another layout.
        dense_nme: mean error of the dense layout, in the same unit.
        dense_px: the same in pixels of the network's input.
        dense_median_px: its median.
        spread: root mean square of (mean - label) / sigma per axis; 1 when sigma is calibrated.
        spread_median: the same from the median of the absolute values, which a few outliers do not move.
        within_1, within_2: share of coordinates within one and two sigma; 0.68 and 0.95 for a Gaussian.
        regions: the spread by region of the head.
    """

    samples: int
    nme68: float
    dense_nme: float
    dense_px: float
    dense_median_px: float
    spread: float
    spread_median: float
    within_1: float
    within_2: float
    regions: dict[str, float]

    def facts(self) -> dict[str, float | None]:
        """As JSON values, without the regions."""
        return _rounded({key: value for key, value in asdict(self).items() if key != "regions"})

    def region_facts(self) -> dict[str, float | None]:
        """The spread by region, as JSON values."""
        return _rounded(self.regions)


@dataclass(frozen=True)
class Hidden:
    """What the network says of points that something covers.

    Covers are those of training (:func:`detector.training.augment.cover`), laid over held-out samples, so
    that it is known what they hide; what hair, glasses and the head itself hide counts as visible here.

    Attributes:
        share_hidden: of the points inside the crops.
        spread_visible, spread_hidden: root mean square of (mean - label) / sigma of either.
        sigma_visible_px, sigma_hidden_px: their median sigma, pixels of the network's input.
        error_visible_px, error_hidden_px: their mean error, in the same unit.
    """

    share_hidden: float
    spread_visible: float
    spread_hidden: float
    sigma_visible_px: float
    sigma_hidden_px: float
    error_visible_px: float
    error_hidden_px: float

    def facts(self) -> dict[str, float | None]:
        """As JSON values."""
        return _rounded(asdict(self))


def measure(
    network: LandmarkNetwork,
    samples: SampleBuffer,
    sampler: QuerySampler,
    *,
    start: int = 0,
    stop: int | None = None,
) -> HeldOut:
    """Measure on the samples start to stop; the network must be in evaluation mode."""
    found = residuals(network, samples, sampler, start=start, stop=stop)
    relative = 100 * found.distance / found.eyes[:, None]
    # a plain network of the 68 has no other landmarks
    dense = slice(found.sparse if found.sparse < len(found.queries) else 0, None)
    pixels = found.distance[:, dense] * (network.config.input_size / 2)
    sigma = _spread(found.z)
    return HeldOut(
        samples=len(found.eyes),
        nme68=float(relative[:, : found.sparse].mean()),
        dense_nme=float(relative[:, dense].mean()),
        dense_px=float(pixels.mean()),
        dense_median_px=float(pixels.median()),
        spread=sigma.rms,
        spread_median=sigma.robust,
        within_1=sigma.within_1,
        within_2=sigma.within_2,
        regions=spread_by_region(found),
    )


def measure_hidden(
    network: LandmarkNetwork,
    samples: SampleBuffer,
    sampler: QuerySampler,
    *,
    start: int = 0,
    stop: int | None = None,
) -> Hidden:
    """Lay covers over the samples start to stop, and measure what is hidden apart from what is not."""
    found = residuals(network, samples, sampler, start=start, stop=stop, covers=True)
    hidden, visible = found.inside & found.covered, found.inside & ~found.covered
    scale = network.config.input_size / 2
    sigma, error = scale * found.log_sigma.exp(), scale * found.distance
    return Hidden(
        share_hidden=float(hidden.sum() / found.inside.sum()),
        spread_visible=_spread(found.z[visible]).rms,
        spread_hidden=_spread(found.z[hidden]).rms,
        sigma_visible_px=float(sigma[visible].median()),
        sigma_hidden_px=float(sigma[hidden].median()),
        error_visible_px=float(error[visible].mean()),
        error_hidden_px=float(error[hidden].mean()),
    )


def spread_by_region(found: Residuals) -> dict[str, float]:
    """Root mean square of the normalised residuals of each region that has landmarks."""
    regions = region_indices(found.queries)
    return {
        name: _spread(found.z[:, regions == index]).rms
        for index, name in enumerate(REGIONS)
        if bool((regions == index).any())
    }


def calibrate_sigma(network: LandmarkNetwork, samples: SampleBuffer, sampler: QuerySampler) -> HeldOut:
    """Scale sigma so that normalised residuals have unit spread in every region of the head.

    Half of the samples fit, half measure.

    Returns:
        The measurements, after calibration, on the half that it was not fitted to.
    """
    half = len(samples) // 2
    network.set_log_sigma_offset(0.0)
    network.sigma_calibration.set_offsets({})
    found = residuals(network, samples, sampler, stop=max(half, 1))
    common = float(found.z.square().mean().sqrt().log())
    network.set_log_sigma_offset(common)
    squares = found.z.square().mean(dim=(0, 2)) * torch.exp(torch.tensor(-2 * common))
    network.sigma_calibration.set_offsets(fit_offsets(found.queries, squares))
    return measure(network, samples, sampler, start=half)


def fit_offsets(queries: Tensor, squares: Tensor) -> dict[str, float]:
    """Offsets of log sigma that bring each region's mean square of the normalised residuals to one.

    The offset of a query is blended from those of the regions about it, so they are found in rounds.

    Args:
        queries: (L, 3).
        squares: (L,) mean square, per axis, of each query's residuals in units of its sigma.
    """
    regions, weights = region_indices(queries), region_weights(queries)
    offsets = torch.zeros(len(REGIONS), device=queries.device)
    present = [index for index in range(len(REGIONS)) if bool((regions == index).any())]
    for _ in range(FIT_ROUNDS):
        scaled = squares * torch.exp(-2 * (weights @ offsets))
        for index in present:
            offsets[index] += 0.5 * scaled[regions == index].mean().clamp(min=1e-12).log()
    return {REGIONS[index]: float(offsets[index]) for index in present}


def _spread(z: Tensor) -> Spread:
    return spread(z.double().cpu().numpy())


def _rounded(values: dict[str, float]) -> dict[str, float | None]:
    """To four places; None for what JSON cannot say."""
    return {key: round(value, 4) if math.isfinite(value) else None for key, value in values.items()}
