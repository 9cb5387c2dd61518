"""Frames as the columns of a plot: gaps stay gaps, and long takes are brought together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

MOST_COLUMNS = 480


class Timeline:
    """Equal columns over the frame numbers of a take.

    Args:
        frames: (F,) frame numbers, ascending.
    """

    def __init__(self, frames: NDArray[np.int64]) -> None:
        self.first, self.last = int(frames[0]), int(frames[-1])
        every = int(np.gcd.reduce(np.diff(frames))) if len(frames) > 1 else 1
        places = (self.last - self.first) // every + 1
        self.wide = every * -(-places // MOST_COLUMNS)
        """How many frame numbers a column spans."""
        self.columns = (self.last - self.first) // self.wide + 1

    def columns_of(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """(F,) the column of each frame."""
        return (frames - self.first) // self.wide

    def spread(
        self, frames: NDArray[np.int64], values: Float, together: Callable[..., Float] = np.nanmax
    ) -> Float:
        """Values (..., F) of frames as values (..., columns); NaN where there is none.

        Args:
            frames: (F,) their numbers.
            values: of them; NaN where not known.
            together: what becomes of several in one column, such as ``np.nanmax``.
        """
        result = np.full((*values.shape[:-1], self.columns), np.nan)
        owner = self.columns_of(frames)
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        for column, part in zip(owner[starts], np.split(values, starts[1:], axis=-1), strict=True):
            known = np.isfinite(part).any(axis=-1)
            result[known, column] = together(part[known], axis=-1)
        return result

    def share(self, frame: float) -> float:
        """Where the middle of a frame's column is, from 0 at the left to 1 at the right."""
        return ((frame - self.first) // self.wide + 0.5) / self.columns

    @cached_property
    def ticks(self) -> tuple[int, ...]:
        """Some round frame numbers to write under a plot."""
        span = max(self.last - self.first, 1)
        step = next(each for each in _round_steps() if span / each <= 10)
        inner = range(-(-self.first // step) * step, self.last + 1, step)
        return tuple(inner) or (self.first,)


def _round_steps() -> Iterator[int]:
    scale = 1
    while True:
        yield from (scale, 2 * scale, 5 * scale)
        scale *= 10
