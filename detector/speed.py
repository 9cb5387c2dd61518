"""How many images a second a network looks at, and where the time goes (C23 figure 14)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.predictor import Image, Predictor
from detector.region import to_pixels

Progress = Callable[[int, int, str], None]

PARTS = ("read", "decode", "upload", "crop", "backbone", "queries", "download")
"""What happens to an image, in this order: from the disk to landmarks in memory."""

NETWORK_PARTS = ("crop", "backbone", "queries", "download")
"""The parts that wait for the device; the others can go on in threads meanwhile."""

ENOUGH_SECONDS = 3.0
"""What takes longer than this in all is not repeated further."""

T = TypeVar("T")

REGION_SHARE = 0.5
"""Side of the regions looked at, in short sides of the image."""


@dataclass(frozen=True)
class SpeedPlan:
    """What is measured.

    Attributes:
        batches: images per forward pass.
        queries: landmarks per image.
        repeats: of which the median is told, after one that warms up.
    """

    batches: Sequence[int] = (1, 16)
    queries: Sequence[int] = (68, 320, 703, 5_000, 50_000)
    repeats: int = 5

    def __len__(self) -> int:
        return len(self.batches) * len(self.queries)


@dataclass(frozen=True)
class Speed:
    """One measurement.

    Attributes:
        variant: which network.
        device: where it ran.
        batch: images per forward pass.
        queries: landmarks per image.
        milliseconds: per image, of each of :data:`PARTS`.
    """

    variant: str
    device: str
    batch: int
    queries: int
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def images_per_second(self) -> float:
        """From images on the device to landmarks in memory."""
        return 1000.0 / sum(self.milliseconds[part] for part in NETWORK_PARTS)

    def facts(self) -> dict[str, object]:
        """The numbers as JSON values."""
        parts = {name: round(value, 4) for name, value in self.milliseconds.items()}
        rate = round(self.images_per_second, 2)
        return asdict(self) | {"milliseconds": parts, "images_per_second": rate}


@dataclass(frozen=True)
class ImageFile:
    """An image as it comes from a disk.

    Attributes:
        read: gives the bytes of the file.
        decode: makes an image (H, W, 3) uint8 RGB of them.
    """

    read: Callable[[], bytes]
    decode: Callable[[bytes], Image]


def measure_speed(
    predictor: Predictor,
    variant: str,
    file: ImageFile,
    plan: SpeedPlan,
    progress: Progress | None = None,
) -> list[Speed]:
    """Time all parts for all batches and numbers of queries, of one network on one device.

    Args:
        predictor: whose network and device are measured; its layout does not matter.
        variant: what to call it.
        file: an image, of which a batch holds copies.
        plan: what is measured.
        progress: called with (done, total, what) after each measurement.
    """
    clock = _Clock(predictor.device, plan.repeats)
    read, data = clock.median(file.read)
    decode, image = clock.median(lambda: file.decode(data))
    upload, pixels = clock.median(lambda: predictor.upload(image))
    single = {"read": read, "decode": decode, "upload": upload}
    rows: list[Speed] = []
    for batch in plan.batches:
        regions = _regions(image, batch)
        crop, crops = clock.median(partial(_crops, predictor, pixels, regions))
        backbone, descriptors = clock.median(partial(predictor.describe, crops))
        for count in plan.queries:
            asked = _queries(count).to(predictor.device)
            queries, answer = clock.median(partial(predictor.answer, descriptors, asked))
            download, _ = clock.median(partial(_download, answer, regions.to(predictor.device)))
            batched = {"crop": crop, "backbone": backbone, "queries": queries, "download": download}
            parts = single | {name: seconds / batch for name, seconds in batched.items()}
            milliseconds = {name: 1000 * parts[name] for name in PARTS}
            rows.append(Speed(variant, str(predictor.device), batch, count, milliseconds))
            if progress is not None:
                progress(len(rows), len(plan), f"{variant}, batch {batch}, {count} queries")
    return rows


@dataclass(frozen=True)
class _Clock:
    """Takes times on a device that may still be at work when a call returns."""

    device: torch.device
    repeats: int

    def median(self, work: Callable[[], T]) -> tuple[float, T]:
        """Seconds, the median of some runs after one that warms up, and what the work gave."""
        result = work()
        seconds: list[float] = []
        while len(seconds) < self.repeats and sum(seconds) < ENOUGH_SECONDS:
            self._wait()
            start = time.perf_counter()
            result = work()
            self._wait()
            seconds.append(time.perf_counter() - start)
        return median(seconds), result

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _regions(image: Image, count: int) -> Tensor:
    """Regions (N, 4) about the middle, a little turned, none like another."""
    height, width = image.shape[:2]
    side = REGION_SHARE * min(height, width)
    turn = torch.linspace(-0.2, 0.2, count) if count > 1 else torch.full((1,), 0.1)
    middle = torch.tensor([width / 2, height / 2, side]).expand(count, 3)
    return torch.cat([middle, turn[:, None]], dim=1)


def _crops(predictor: Predictor, pixels: Tensor, regions: Tensor) -> Tensor:
    """One crop of each of N images, as a batch is made of them."""
    return torch.cat([predictor.crop(pixels, region) for region in torch.split(regions, 1)])


def _queries(count: int) -> Tensor:
    """Queries (L, 3) all over the head; where they are does not change the time."""
    return 2 * torch.rand(count, 3, generator=torch.Generator().manual_seed(0)) - 1


def _download(
    answer: tuple[Tensor, Tensor], regions: Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Landmarks in pixels, in memory."""
    mean, log_sigma = answer
    pixels, sigma = to_pixels(mean, regions), log_sigma.exp() * (regions[:, 2:3] / 2)
    return pixels.float().cpu().numpy(), sigma.float().cpu().numpy()
