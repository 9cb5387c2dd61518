"""Labelled crops in memory and on disk: pixels as bytes, positions in fixed point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.errors import InputError
from calibration.whole_file import whole_file

UNIT = 32.0
"""Fixed point steps per pixel: positions to 1/64 pixel within 1,000 pixels of the crop."""

MISSING = np.iinfo(np.int16).min
"""Fixed point of both coordinates of a position that is not known; :func:`pack_positions` never gives it."""


@dataclass(frozen=True, eq=False)
class SampleChunk:
    """Some rendered samples, as they travel between processes.

    Attributes:
        index: which chunk of the sequence; it fixes the seeds.
        held_out: whether these are kept for measuring.
        images: (n, S, S, 3) uint8 sRGB.
        positions: (n, P, 2) int16, pixels of all labels times UNIT: the head model's vertices, then the
            points of :func:`fitting.anatomy.anatomy`, which older files lack.
    """

    index: int
    held_out: bool
    images: NDArray[np.uint8]
    positions: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.images)


def pack_positions(pixels: NDArray[np.floating]) -> NDArray[np.int16]:
    """Fixed point of pixels (..., 2)."""
    limit = np.iinfo(np.int16).max
    packed: NDArray[np.int16] = np.clip(np.rint(pixels * UNIT), -limit, limit).astype(np.int16)
    return packed


def known(pixels: Tensor) -> Tensor:
    """Which of the positions (..., 2) that a buffer gives are labels, (...) bool; the others are fillers."""
    return pixels[..., 0] > MISSING / UNIT


def shard_path(folder: Path, index: int, held_out: bool) -> Path:
    """Where a chunk lies in a folder of samples."""
    return folder / f"{'held' if held_out else 'train'}_{index:07d}.npz"


def write_shard(folder: Path, chunk: SampleChunk) -> Path:
    """Write a chunk, whole or not at all."""
    path = shard_path(folder, chunk.index, chunk.held_out)
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, images=chunk.images, positions=chunk.positions)
    return path


def read_shard(path: Path) -> SampleChunk:
    """Read a chunk that :func:`write_shard` wrote.

    Raises:
        InputError: the file is damaged.
    """
    kind, _, number = path.stem.partition("_")
    try:
        with np.load(path) as data:
            return SampleChunk(int(number), kind == "held", data["images"], data["positions"])
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"the samples cannot be read ({error})", where=str(path)) from error


def list_shards(folder: Path) -> list[Path]:
    """The shards in a folder, held-out ones first, in order."""
    return sorted(folder.glob("held_*.npz")) + sorted(folder.glob("train_*.npz"))


class SampleBuffer:
    """A ring of samples on the training device: random batches come out while new samples come in."""

    def __init__(
        self, capacity: int, image_size: int, labels: int, device: torch.device, optional: int = 0
    ) -> None:
        """Make room for ``capacity`` samples of ``labels`` positions, the last ``optional`` often missing."""
        self.images = torch.empty((capacity, image_size, image_size, 3), dtype=torch.uint8, device=device)
        self.positions = torch.empty((capacity, labels, 2), dtype=torch.int16, device=device)
        self.capacity = capacity
        self.required = labels - optional
        self.received = 0

    def __len__(self) -> int:
        return min(self.received, self.capacity)

    def add(self, chunk: SampleChunk) -> None:
        """Take a chunk in; once the ring is full, the oldest samples go.

        Raises:
            InputError: its samples are of another size.
        """
        side, labels = chunk.images.shape[1], chunk.positions.shape[1]
        expected = self.positions.shape[1]
        if chunk.images.shape[1:] != self.images.shape[1:] or labels not in (self.required, expected):
            raise InputError(
                f"samples of {side} pixels and {labels} labels, "
                f"expected {self.images.shape[1]} and {expected}",
                fix="Use an empty folder of samples, or the settings that it was made with",
            )
        start = self.received % self.capacity
        count = min(len(chunk), self.capacity - start)
        place = slice(start, start + count)
        self.images[place].copy_(torch.from_numpy(chunk.images[:count]))
        self.positions[place, :labels].copy_(torch.from_numpy(chunk.positions[:count]))
        self.positions[place, labels:] = MISSING
        self.received += count

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Random samples: images (count, S, S, 3) uint8 and pixels (count, P, 2) float32 of the labels.

        All numbers are finite; :func:`known` tells labels from fillers.
        """
        index = torch.randint(len(self), (count,), generator=generator, device=self.images.device)
        return self.images[index], self.positions[index].float() / UNIT

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Samples start to stop of the ring, in the form of :meth:`draw`."""
        return self.images[start:stop], self.positions[start:stop].float() / UNIT


def capacity_for(memory: int, image_size: int, labels: int) -> int:
    """How many samples fit into so many bytes."""
    return max(1, memory // (image_size * image_size * 3 + labels * 4))
