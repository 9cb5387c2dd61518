"""Photographs with sparse labels as a second source of crops, C23 section 3.4."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from detector.photographs import Photograph, list_photographs
from detector.region import crop, region_from_landmarks, to_normalised
from detector.training.samples import SampleBuffer, SampleChunk, pack_positions

CONTEXT = 1.6
"""How much more than the region a stored crop shows, so that augmentation has a margin."""


@dataclass(frozen=True, eq=False)
class RealSamples:
    """Crops of photographs on the training device; labels are the layout's landmarks, not vertices."""

    buffer: SampleBuffer

    def __len__(self) -> int:
        return len(self.buffer)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images (count, S, S, 3) uint8 and labels (count, 68, 2) in pixels."""
        return self.buffer.draw(count, generator)


def load_real(folder: Path, queries: Tensor, size: int, device: torch.device) -> RealSamples:
    """Cut the faces out of a folder of photographs.

    Args:
        folder: images beside .pts files.
        queries: (68, 3) of ibug68.
        size: side of the stored crops, pixels.
        device: where they are kept.
    """
    photographs = list_photographs(folder)
    buffer = SampleBuffer(len(photographs), size, len(queries), device)
    for index, photograph in enumerate(photographs):
        buffer.add(_cut(photograph, queries.cpu(), size, index))
    return RealSamples(buffer)


def _cut(photograph: Photograph, queries: Tensor, size: int, index: int) -> SampleChunk:
    points = torch.as_tensor(photograph.points, dtype=torch.float32)[None]
    region = region_from_landmarks(points, queries)
    region[:, 2] *= CONTEXT
    image = crop(torch.from_numpy(photograph.read()), region, size)
    # a normalised position u is pixel (u + 1) * size / 2 - 1/2 of the crop
    pixels = (to_normalised(points, region) + 1) * (size / 2) - 0.5
    content = (image * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return SampleChunk(index, False, content, pack_positions(pixels.numpy()))
