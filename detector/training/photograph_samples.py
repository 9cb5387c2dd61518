"""Labelled photographs as a second source of crops, beside the rendered ones: C23 section 3.4."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from calibration.errors import InputError, UsageError
from detector.datasets import LabelLayout, LabelledPhotograph, read_dataset
from detector.region import crop, region_from_landmarks, to_normalised
from detector.training.samples import MISSING, SampleBuffer, SampleChunk, known, pack_positions

LOG = logging.getLogger(__name__)

CONTEXT = 1.6
"""How much more than the region a stored crop shows, so that augmentation has a margin."""

LEAST_LABELS = 8
"""A face with fewer labels says too little of where the head is, and is left out."""


@dataclass(frozen=True)
class MixedDataset:
    """A set of photographs that training mixes in.

    Attributes:
        path: folder or file, as :func:`detector.datasets.read_dataset` takes it.
        share: of each batch, above 0 and below 1.
        layout: what its labels stand for, by name.
        format: of its labels, "auto" to tell by what is there.

    Raises:
        UsageError: the share makes no sense.
    """

    path: Path
    share: float = 0.15
    layout: str = "ibug68"
    format: str = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(f"a dataset's share of a batch is between 0 and 1, not {self.share:g}")


@dataclass(frozen=True, eq=False)
class PhotographSamples:
    """Crops of photographs on the training device; their labels are of one layout.

    Attributes:
        buffer: crops and labels.
        queries: (L, 3) of the layout.
        share: of each batch.
    """

    buffer: SampleBuffer
    queries: Tensor
    share: float

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Images (count, S, S, 3) uint8, labels (count, L, 2) in pixels, and which there are (count, L).

        Where there is no label stands the mean of those that there are.
        """
        images, pixels = self.buffer.draw(count, generator)
        weights = known(pixels).float()
        total = weights.sum(1, keepdim=True)
        middle = (weights[..., None] * pixels).sum(1, keepdim=True) / total[..., None]
        return images, torch.where(weights[..., None] > 0, pixels, middle), weights


def load_photographs(
    dataset: MixedDataset, queries: Tensor, size: int, device: torch.device
) -> PhotographSamples:
    """Cut the faces out of a dataset.

    Args:
        dataset: where it is and what its labels stand for.
        queries: (L, 3) of its layout.
        size: side of the stored crops, pixels.
        device: where they are kept.

    Raises:
        InputError: it cannot be read, or no face has labels enough.
    """
    layout = LabelLayout(dataset.layout, len(queries))
    found = read_dataset(dataset.path, dataset.format, layout)
    photographs = [one for one in found if one.labelled.sum() >= LEAST_LABELS]
    if not photographs:
        raise InputError(f"no face has {LEAST_LABELS} labels or more", where=str(dataset.path))
    if len(photographs) < len(found):
        LOG.info(
            "%s: %d faces with fewer than %d labels are left out",
            dataset.path.name,
            len(found) - len(photographs),
            LEAST_LABELS,
        )
    buffer = SampleBuffer(len(photographs), size, len(queries), device)
    for index, photograph in enumerate(photographs):
        buffer.add(_cut(photograph, queries.cpu(), size, index))
    return PhotographSamples(buffer, queries.to(device), dataset.share)


def _cut(photograph: LabelledPhotograph, queries: Tensor, size: int, index: int) -> SampleChunk:
    points = torch.as_tensor(photograph.points, dtype=torch.float32)[None]
    labelled = torch.as_tensor(photograph.labelled)[None]
    region = region_from_landmarks(points, queries, labelled.float())
    region[:, 2] *= CONTEXT
    image = crop(torch.from_numpy(photograph.read()), region, size)
    # a normalised position u is pixel (u + 1) * size / 2 - 1/2 of the crop
    pixels = (to_normalised(points, region) + 1) * (size / 2) - 0.5
    content = (image * 255).round().byte().permute(0, 2, 3, 1).numpy()
    packed = pack_positions(pixels.numpy())
    return SampleChunk(index, False, content, np.where(labelled[..., None], packed, np.int16(MISSING)))
