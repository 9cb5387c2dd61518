"""How much memory a detection takes, so that a farm knows before it begins."""

from __future__ import annotations

from pipeline.frames.sources import MOST_READ_THREADS, READ_THREADS, READY
from pipeline.segments import BLOCK, SEGMENT

NETWORK = 420 * 2**20
"""The network and what it works in (measured with face-base; the number of landmarks hardly matters)."""

BATCH = 16
"""As in :mod:`detector.predictor`, which needs torch: who plans a night does not."""

_PICTURE, _DECODING = 3, 15
"""Bytes of a pixel: as it waits, and besides while it is read (linear images are read as floats)."""

_LANDMARK = 3 * 4 * 3
"""Bytes of a landmark in an image: x, y and sigma, in the network's answer, as a guess and in a row."""


def detect_memory(frames: int, cameras: int, landmarks: int, pixels: int, device: str = "cpu") -> int:
    """The most memory, in bytes, that a detection of a take or a chunk holds beside its process.

    However long the take is, there are only so many images in flight, the results of a block, and those of a
    segment while they are put together. Measured with eight cameras of 8.8 million pixels: 1260 MiB, where
    this says 1850, of which 500 are for images that are read as floats.

    Args:
        frames: of the take, or of the chunk.
        cameras: that are looked at side by side.
        landmarks: per image.
        pixels: of one image.
        device: a GPU holds the images that wait in its own memory.
    """
    threads, waiting = READ_THREADS, READ_THREADS + READY + 1 + max(BATCH, cameras)
    if not device.startswith("cpu"):
        threads = waiting = MOST_READ_THREADS
    images = (waiting * _PICTURE + threads * _DECODING) * pixels
    rows = BLOCK * cameras + min(frames, 2 * SEGMENT)
    return NETWORK + images + rows * landmarks * _LANDMARK
