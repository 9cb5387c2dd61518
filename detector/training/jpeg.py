"""The artefacts of JPEG, on the device: blocks of 8 x 8, a cosine transform, coarse steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BLOCK = 8
QUALITY = (0.4, 5.0)
"""Factors on the standard's table: about quality 80 down to 10."""

LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""ITU-T T.81, table K.1."""

TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def jpeg_artefacts(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images (N, 3, S, S) in [0, 1], S a multiple of 8, as if saved with a random quality.

    Colour differences use the luminance table at twice the step, which stands in for their subsampling.
    """
    count, _, height, width = images.shape
    device = images.device
    low, high = (math.log(value) for value in QUALITY)
    factor = torch.exp(
        low + (high - low) * torch.rand((count, 1, 1, 1, 1, 1), generator=generator, device=device)
    )
    table = torch.tensor(LUMINANCE, dtype=images.dtype, device=device) / 255.0
    channel = torch.tensor([1.0, 2.0, 2.0], device=device).view(1, 3, 1, 1, 1, 1)
    step = table.view(1, 1, 1, BLOCK, 1, BLOCK) * channel * factor
    to_ycc = torch.tensor(TO_YCC, dtype=images.dtype, device=device)
    ycc = torch.einsum("ij,njhw->nihw", to_ycc, images)
    blocks = ycc.reshape(count, 3, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    dct = _dct(device)
    waves = torch.einsum("pi,qj,nchiwj->nchpwq", dct, dct, blocks)
    waves = (waves / step).round() * step
    blocks = torch.einsum("pi,qj,nchpwq->nchiwj", dct, dct, waves)
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycc), blocks.reshape(images.shape))


def _dct(device: torch.device) -> Tensor:
    """The orthonormal cosine transform (8, 8)."""
    k = torch.arange(BLOCK, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi / BLOCK * (k[None, :] + 0.5) * k[:, None]) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2.0)
    return basis
