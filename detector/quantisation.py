"""Weights in eight bits: symmetric, with one scale per output channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LARGEST = 127
HALF_STEP = 2.0**-14
"""The smallest scale: half precision is exact to a thousandth above it."""


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Eight bits and scales of a weight of which the first axis is the output channel.

    Args:
        weight: (O, ...), finite.

    Returns:
        int8 (O, ...) and float16 scales (O,), so that scale * value is within half a scale of the weight.
    """
    rows = weight.detach().float().flatten(1)
    scale = (rows.abs().amax(1) / LARGEST).clamp(min=HALF_STEP).half()
    # rounded up where half precision rounded down, or the largest weights would be cut off
    short = scale.float() * LARGEST < rows.abs().amax(1)
    scale = torch.where(short, torch.nextafter(scale, torch.full_like(scale, torch.inf)), scale)
    values = (rows / scale.float()[:, None]).round().clamp(-LARGEST, LARGEST)
    return values.to(torch.int8).reshape(weight.shape), scale


def dequantise(values: Tensor, scale: Tensor) -> Tensor:
    """The float32 weight (O, ...) of int8 values (O, ...) and scales (O,)."""
    return values.float() * scale.float().reshape(-1, *[1] * (values.ndim - 1))


def quantisable(network: nn.Module) -> frozenset[str]:
    """Names of the weights of a network's convolutions and linear layers.

    The encoder of queries and the predictor's last layer are left out: they are small, and what they lose
    reaches the landmarks undiminished.
    """
    layers = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and not name.startswith("query_encoder.")
    ]
    return frozenset(f"{name}.weight" for name in layers[:-1])
