"""The only loss: the Gaussian negative log likelihood of W22, eq. 1."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_nll(mean: Tensor, log_sigma: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Negative log likelihood of labelled positions under predicted circular Gaussians, W22 eq. 1.

    The paper sums over the landmarks of an image; here it is their mean, weighted by lambda, over
    landmarks and images, so that the learning rate does not depend on how many queries are drawn.

    Args:
        mean: (N, L, 2) predicted positions, normalised.
        log_sigma: (N, L) predicted log standard deviations, normalised.
        target: (N, L, 2) labelled positions, normalised.
        weights: lambda, (L,) or (N, L), at least zero and not all zero; ones when absent.

    Returns:
        A scalar.
    """
    squared = (mean - target).square().sum(-1)
    # log(sigma^2) + |mu - mu'|^2 / (2 sigma^2)
    terms = 2 * log_sigma + 0.5 * squared * torch.exp(-2 * log_sigma)
    if weights is None:
        return terms.mean()
    weights = weights.expand_as(terms)
    return (weights * terms).sum() / weights.sum()
