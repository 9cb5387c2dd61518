"""Several looks at the same head: slightly different crops, their mirror images, and what they agree on."""

from __future__ import annotations

import math

import torch
from torch import Tensor

JITTER_SHIFT = 0.02
JITTER_SCALE = 0.03


def jittered(regions: Tensor, count: int) -> Tensor:
    """Each of the regions (N, 3 or 4), and ``count - 1`` like it, a little shifted and scaled.

    The pattern is fixed, so that a prediction can be repeated.

    Returns:
        (count, N, 3 or 4); the first are the regions themselves.
    """
    views = [regions]
    for i in range(1, count):
        angle = i * math.pi * (3 - math.sqrt(5))
        step = torch.tensor([math.cos(angle), math.sin(angle)]).to(regions) * JITTER_SHIFT
        scale = math.exp(JITTER_SCALE * (1 if i % 2 else -1))
        moved = regions.clone()
        moved[:, :2] += step * regions[:, 2:3]
        moved[:, 2] *= scale
        views.append(moved)
    return torch.stack(views)


def mirrored(values: Tensor) -> Tensor:
    """Queries (..., 3) of the other half of the head, or positions (..., 2) in the mirror image of a crop."""
    return torch.cat([-values[..., :1], values[..., 1:]], dim=-1)


def combine(mean: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Average predictions of the same landmarks from several crops.

    The error of each is a part that all share plus a part of its own; how the predictions differ tells the
    variance v of the latter. Averaging n of them leaves sigma^2 - v (1 - 1/n).

    Args:
        mean: (N, n, L, 2). sigma: (N, n, L).

    Returns:
        (N, L, 2) and (N, L).
    """
    count = mean.shape[1]
    if count == 1:
        return mean[:, 0], sigma[:, 0]
    squared = sigma.square().mean(1)
    own = mean.var(dim=1).mean(-1)
    # few samples estimate v badly: never claim more than half the variance away
    return mean.mean(1), torch.maximum(squared - own * (1 - 1 / count), squared / 2).sqrt()
