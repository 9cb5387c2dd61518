"""The frames of a database at one moment, by columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fitting.arkit import ARKIT_SHAPES
from pipeline.database.records import ShardHeader, within
from pipeline.database.segments import Segment

Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)


class View:
    """N frames of S shards; columns are read when they are asked for.

    Attributes:
        shards: names of the shards. headers: theirs, in the same order.
        damaged: what is wrong with shards that cannot be read, by name.
    """

    def __init__(
        self, segments: Sequence[Segment], present: frozenset[str], damaged: Mapping[str, str]
    ) -> None:
        """Put segments together.

        Args:
            segments: all of the cache; they may hold shards that are gone.
            present: names of the shards that there are.
            damaged: see the class.
        """
        self._segments = tuple(segments)
        self.shards: tuple[str, ...] = tuple(name for segment in segments for name in segment.shards)
        self.headers: tuple[ShardHeader, ...] = tuple(
            header for segment in segments for header in segment.headers
        )
        self.damaged = dict(damaged)
        self._alive = self._find_alive(present)

    def __len__(self) -> int:
        return self._total if self._alive is None else int(self._alive.sum())

    @property
    def _total(self) -> int:
        return sum(map(len, self._segments))

    @cached_property
    def shard(self) -> NDArray[np.int32]:
        """(N,) index into :attr:`shards`."""
        return self._living(self._all_shards)

    @cached_property
    def frame(self) -> Index:
        """(N,) frame numbers."""
        return self._living(self._all_frames)

    def floats(self, name: str) -> NDArray[np.float32]:
        """(N,) a column of :data:`pipeline.database.columns.FLOATS`."""
        return self._living(_join([segment.floats(name) for segment in self._segments], np.float32))

    def integers(self, name: str) -> NDArray[np.integer]:
        """(N,) a column of :data:`pipeline.database.columns.INTEGERS` but ``shard``."""
        return self._living(_join([segment.integers(name) for segment in self._segments], np.int64))

    def table(self, names: Sequence[str], rows: Mask | Index | None = None) -> NDArray[np.float32]:
        """(n, len(names)) float columns of some rows, a mask or positions; all if None."""
        columns = (self.floats(name) for name in names)
        return np.stack([values if rows is None else values[rows] for values in columns]).T

    def expression(self, rows: Mask | Index | None = None) -> NDArray[np.float32]:
        """(n, 52) the weights; NaN where a head model lacks a shape."""
        return self.table(ARKIT_SHAPES, rows)

    def per_shard(self, attribute: str) -> NDArray[np.str_]:
        """(S,) texts of the headers: subject, take, added, or what :class:`Provenance` says."""
        return np.array([_said(header, attribute) for header in self.headers], dtype=np.str_)

    def takes(self, rows: Mask | None = None) -> Iterator[tuple[ShardHeader, str, Index]]:
        """Header, name and positions of the chosen frames of each shard that has any, by subject and take."""
        positions = np.arange(len(self)) if rows is None else np.flatnonzero(rows)
        owner = self.shard[positions]
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(len(self.shards) + 1))
        by_name = sorted(
            range(len(self.shards)), key=lambda at: (self.headers[at].subject, self.headers[at].take)
        )
        for at in by_name:
            own = positions[order[starts[at] : starts[at + 1]]]
            if len(own):
                yield self.headers[at], self.shards[at], own

    @cached_property
    def _all_frames(self) -> Index:
        parts = [segment.integers("frame").astype(np.int64, copy=False) for segment in self._segments]
        return _join(parts, np.int64)

    @cached_property
    def _all_shards(self) -> NDArray[np.int32]:
        first = np.cumsum([0, *(len(segment.shards) for segment in self._segments)])
        parts = [
            segment.integers("shard") + start for segment, start in zip(self._segments, first, strict=False)
        ]
        return _join(parts, np.int64).astype(np.int32)

    def _living(self, values: NDArray[T]) -> NDArray[T]:
        return values if self._alive is None else values[self._alive]

    def _find_alive(self, present: frozenset[str]) -> Mask | None:
        """Which of all rows count; None for all. Shards that are gone or replaced, and older fits, do not."""
        replaced = {
            name
            for shard, header in zip(self.shards, self.headers, strict=True)
            if shard in present
            for name in header.replaces
        }
        living = np.array([name in present and name not in replaced for name in self.shards], dtype=bool)
        superseded = self._superseded(living)
        if living.all() and not superseded:
            return None
        alive = living[self._all_shards]
        if superseded:
            frames = self._all_frames
            for at, headers in superseded.items():
                own = np.flatnonzero(self._all_shards == at)
                for header in headers:
                    alive[own[within(frames[own], header.covers)]] = False
        return alive

    def _superseded(self, living: Mask) -> dict[int, list[ShardHeader]]:
        """For each shard the newer fits of the same take that cover frames of it."""
        takes = defaultdict[tuple[str, str], list[int]](list)
        for at, header in enumerate(self.headers):
            if living[at]:
                takes[header.subject, header.take].append(at)
        found: dict[int, list[ShardHeader]] = {}
        for group in takes.values():
            for at in group:
                newer = [
                    self.headers[other]
                    for other in group
                    if (self.headers[other].added, self.shards[other])
                    > (self.headers[at].added, self.shards[at])
                    and _meet(self.headers[other], self.headers[at])
                ]
                if newer:
                    found[at] = newer
        return found


def _meet(one: ShardHeader, other: ShardHeader) -> bool:
    return any(a <= d and c <= b for a, b in one.covers for c, d in other.covers)


def _said(header: ShardHeader, attribute: str) -> str:
    return str(getattr(header if hasattr(header, attribute) else header.origin, attribute))


def _join(parts: Sequence[NDArray[T]], dtype: type[np.generic]) -> NDArray[T]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
