"""A camera that is out of step: its frames are of other moments than those of the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fitting.camera_checks.hypothesis import Hypothesis, Suspects
from fitting.camera_checks.sample import Sample

_FARTHEST = 12
_FEWEST = 2
_SELDOM = 0.15


def out_of_step(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """Each suspect so many frames early or late, as far as the sample has frames to compare."""
    for offset in possible_offsets(sample):
        for index in suspects.single:
            late = offset > 0
            count = f"{abs(offset)} frame{'s' if abs(offset) > 1 else ''}"
            yield Hypothesis(
                "out-of-sync",
                (index,),
                f"it is out of step: its frames are {count} {'late' if late else 'early'}",
                f"Count its frames {abs(offset)} {'lower' if late else 'higher'} (start_frame of a movie, or "
                "the numbers in the names of its images)",
                lambda sample, index=index, offset=offset: in_step(sample, index, offset),  # type: ignore[misc]
                in_rig=False,
                prior=_SELDOM,
            )


def possible_offsets(sample: Sample) -> list[int]:
    """By how many frames a camera can be shifted and still be compared with the others."""
    apart = sample.frames[None, :] - sample.frames[:, None]
    return [
        offset
        for offset in sorted(range(-_FARTHEST, _FARTHEST + 1), key=abs)
        if offset and np.count_nonzero(apart == offset) >= _FEWEST
    ]


def in_step(sample: Sample, index: int, offset: int) -> Sample:
    """As if what a camera shows in frame n + offset had happened in frame n; NaN where that is not known."""
    places, known = partners(sample.frames, offset)
    pixels = sample.pixels[places, :, index]
    return sample.with_pixels(index, np.where(known[:, None, None], pixels, np.nan))


def partners(frames: NDArray[np.int64], offset: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(F,) where frame n + offset is among the frames, and whether it is."""
    places = np.clip(np.searchsorted(frames, frames + offset), 0, len(frames) - 1)
    return places, frames[places] == frames + offset
