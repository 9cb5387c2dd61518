"""The losses of training: W22's Gaussian negative log likelihood, and plain squares to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

LossName = Literal["gnll", "l2"]

SPAN_SIGMA = 0.015
"""How precisely a span of the face shows, normalised: a pixel of a crop of 128."""


def gaussian_nll(mean: Tensor, log_sigma: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Negative log likelihood of labelled positions under predicted circular Gaussians, W22 eq. 1.

    The paper sums over the landmarks of an image; here it is their mean, weighted by lambda, over
    landmarks and images, so that the learning rate does not depend on how many queries are drawn.

    Args:
        mean: (N, L, 2) predicted positions, normalised.
        log_sigma: (N, L) predicted log standard deviations, normalised.
        target: (N, L, 2) labelled positions, normalised; they may be anything finite where not labelled.
        weights: lambda, (L,) or (N, L), at least zero; 0 where there is no label. Ones when absent.

    Returns:
        A scalar; zero if nothing is labelled.
    """
    squared = (mean - target).square().sum(-1)
    # log(sigma^2) + |mu - mu'|^2 / (2 sigma^2)
    terms = 2 * log_sigma + 0.5 * squared * torch.exp(-2 * log_sigma)
    return weighted_mean(terms, weights)


def squared_distance(
    mean: Tensor, log_sigma: Tensor, target: Tensor, weights: Tensor | None = None
) -> Tensor:
    """The mean squared distance, which W22 (figure 8) compares its likelihood with; sigma learns nothing.

    Arguments and result are those of :func:`gaussian_nll`.
    """
    return weighted_mean((mean - target).square().sum(-1), weights)


def spans_loss(mean: Tensor, target: Tensor, pairs: Tensor) -> Tensor:
    """How wrongly a face moves: half the squared error of what parts the two ends of its spans.

    Both lids of an eye mostly err together, by more than a blink moves them, so that the likelihood of each
    by itself teaches little about their distance. This term does; the papers have no such term.

    Args:
        mean: (N, L, 2) predicted positions, normalised.
        target: (N, L, 2) labelled positions, normalised.
        pairs: (M, 2) which of the L points are the ends of a span.

    Returns:
        A scalar, the mean over pairs and images in units of :data:`SPAN_SIGMA` squared.
    """
    first, second = pairs.T
    error = (mean[:, first] - mean[:, second]) - (target[:, first] - target[:, second])
    return 0.5 * (error / SPAN_SIGMA).square().sum(-1).mean()


def weighted_mean(terms: Tensor, weights: Tensor | None) -> Tensor:
    """The mean of terms (N, L) by weights (L,) or (N, L); zero where all weights are."""
    if weights is None:
        return terms.mean()
    weights = weights.expand_as(terms)
    return (weights * terms).sum() / weights.sum().clamp(min=torch.finfo(terms.dtype).tiny)


LOSSES: Mapping[LossName, Callable[..., Tensor]] = MappingProxyType(
    {"gnll": gaussian_nll, "l2": squared_distance}
)
"""The losses by name."""
