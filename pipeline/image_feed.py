"""The images of a take on their way to the network: read, decoded and uploaded in threads ahead of it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from detector.predictor import Picture
from pipeline.frames.images import UnreadableImageError
from pipeline.frames.sources import MOST_READ_THREADS, READ_THREADS, READY, read_ahead
from pipeline.shoot.shoot import Shoot

Seen = Tensor | UnreadableImageError | None
Step = list[Seen]
"""An image of each camera, for each lane; None where a camera has no such frame."""


@dataclass
class FeedMeasure:
    """How well the network was fed.

    Attributes:
        images: that were looked at.
        seconds: from the first wish for an image to the end.
        waited: of these, how long the network waited for images.
    """

    images: int = 0
    seconds: float = 0.0
    waited: float = 0.0

    @property
    def waiting_share(self) -> float:
        """The share of the time in which the network waited."""
        return self.waited / self.seconds if self.seconds else 0.0

    @property
    def images_per_second(self) -> float:
        """From files to landmarks on disk."""
        return self.images / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        rate, share = self.images_per_second, 100 * self.waiting_share
        return f"{self.images} images, {rate:.1f} a second, {share:.0f} % of the time waiting for images"


class ImageFeed:
    """Gives the images of the cameras of a shoot, step by step.

    Args:
        shoot: whose images they are.
        upload: brings an image to the device; it is called in the threads.
        threads: that read.
        measure: of the feed, which is kept up.
    """

    def __init__(
        self,
        shoot: Shoot,
        upload: Callable[[Picture], Tensor],
        threads: int = READ_THREADS,
        measure: FeedMeasure | None = None,
    ) -> None:
        self._sources = list(shoot.sources.values())
        self._having = [set(source.frames) for source in self._sources]
        self._frames, self._upload, self._threads = shoot.frames, upload, threads
        self.measure = measure if measure is not None else FeedMeasure()

    def steps(
        self, blocks: Sequence[Sequence[Sequence[int | None]]], ahead: int
    ) -> Generator[tuple[Step, list[Step]], None, None]:
        """The images of each step, with those of at most ``ahead`` of the steps after it in its block.

        Args:
            blocks: of steps; each a position in the shoot's frames for each lane, None where one has ended.
            ahead: steps; no more images are held.
        """
        wanted = (
            (source, self._frames[at])
            for block in blocks
            for step in block
            for at in step
            if at is not None
            for source, having in zip(self._sources, self._having, strict=True)
            if self._frames[at] in having
        )
        started = time.perf_counter()
        before = self.measure.seconds
        images = read_ahead(wanted, self._upload, threads=self._threads, held=self._threads + READY)
        with closing(images):
            for block in blocks:
                held: deque[Step] = deque()
                for number in range(len(block)):
                    for step in block[number + len(held) : number + 1 + max(0, ahead)]:
                        held.append(self._images(images, step))
                    now = held.popleft()
                    yield now, list(held)
                    self.measure.seconds = before + time.perf_counter() - started

    def _images(
        self, images: Generator[Tensor | UnreadableImageError, None, None], step: Sequence[int | None]
    ) -> Step:
        asked = time.perf_counter()
        found: Step = []
        for at in step:
            for having in self._having:
                there = at is not None and self._frames[at] in having
                found.append(next(images) if there else None)
                self.measure.images += there
        self.measure.waited += time.perf_counter() - asked
        return found


def reading_threads(device: str) -> int:
    """Threads that read for a device of this kind (``cpu``, ``cuda``); a GPU asks for many images."""
    if device == "cpu":
        return READ_THREADS
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(np.clip(mine, READ_THREADS, MOST_READ_THREADS))
