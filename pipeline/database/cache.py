"""Keeping the cache in step with the shards.

Whoever looks at the database reads the shards that are new, and puts them into a segment. Small segments are
merged, so that each is at least twice as large as the next, and a frame is copied few times however often
frames come. A segment that is missing, damaged or of another version is made again from its shards.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError, VultusError
from pipeline.database.columns import Block
from pipeline.database.durable import make_folder, sweep
from pipeline.database.folder import Database
from pipeline.database.records import Shard
from pipeline.database.segments import (
    Segment,
    discard,
    open_segment,
    read_manifest,
    wipe,
    write_manifest,
    write_segment,
)
from pipeline.database.shards import ShardName, list_files, read_shard
from pipeline.database.view import View
from pipeline.progress import Progress, silent

log = logging.getLogger(__name__)

SEGMENT_ROWS = 250_000
_GROWTH = 2
_AT_ONCE = 500
_TRIES = 5


@dataclass(frozen=True)
class _State:
    """The segments of now, the shards that there are, and those that could not be read."""

    segments: tuple[Segment, ...]
    present: frozenset[str]
    damaged: dict[str, str]


def look(database: Database, progress: Progress = silent) -> View:
    """All frames of a database as they are now; the cache is brought up to date on the way."""
    state = _refreshed(database, progress)
    return View(state.segments, state.present, state.damaged)


def compact(database: Database, progress: Progress = silent) -> View:
    """Make the cache anew, without what is no longer there, and clear away what dead writers left."""
    sweep(database.folder)
    wipe(database.cache)
    return look(database, progress)


def _refreshed(database: Database, progress: Progress) -> _State:
    state = _step(database, progress)
    for _ in range(_TRIES):
        # Shards that were taken away while the cache was made, perhaps for good reason, must not stay in it.
        gone = state.present - _listed(database)
        if not gone:
            break
        state = _step(database, progress, purge=True)
    return state


def _listed(database: Database) -> frozenset[str]:
    return frozenset(list_files(database.shards))


def _step(database: Database, progress: Progress, *, purge: bool = False) -> _State:
    """Bring the cache up to date once; purged, it holds nothing of shards that are gone."""
    present = _listed(database)
    segments, known, named = list[Segment](), set[str](), read_manifest(database.cache)
    for name in named:
        try:
            segment = open_segment(database.cache, name)
        except InputError as error:
            log.debug("%s", error)
            continue
        if known.isdisjoint(segment.shards):
            segments.append(segment)
            known.update(segment.shards)
    blocks, damaged = _read_new(database, sorted(present - known), progress)
    kept, blocks = _merged(segments, blocks, present, 0.0 if purge else 1 / _GROWTH)
    if not blocks and len(kept) == len(named):
        return _State(tuple(kept), present, damaged)
    written = [write_segment(_folder(database), block) for block in blocks]
    state = _State((*kept, *written), present, damaged)
    _publish(database, state.segments, set(named))
    return state


def _folder(database: Database) -> Path:
    try:
        make_folder(database.cache)
    except VultusError as error:
        log.debug("%s", error)
    return database.cache


def _publish(database: Database, segments: Sequence[Segment], before: set[str]) -> None:
    """Name the segments in the manifest; a cache that cannot be written is told, and done without."""
    names = tuple(segment.name for segment in segments)
    try:
        if not all((database.cache / name).exists() for name in names):
            raise InputError("The cache cannot be kept", where=str(database.cache))
        write_manifest(database.cache, names)
        discard(database.cache, before - set(names))
    except VultusError as error:
        log.warning("%s Each query reads all shards anew.", error)


def _read_new(
    database: Database, names: Sequence[str], progress: Progress
) -> tuple[list[Block], dict[str, str]]:
    """Columns of shards that no segment has, and what is wrong with those that cannot be read."""
    blocks, damaged, shards = list[Block](), dict[str, str](), list[tuple[str, Shard]]()
    for done, text in enumerate(names):
        name = ShardName.parse(text)
        if name is None:
            continue
        try:
            shards.append((text, read_shard(database.shards, name)))
        except InputError as error:
            if (database.shards / text).exists():
                damaged[text] = error.what
        if len(shards) == _AT_ONCE:
            blocks.append(Block.of(shards))
            shards.clear()
            progress(done + 1, len(names), "reading shards")
    if shards:
        blocks.append(Block.of(shards))
    return blocks, damaged


def _merged(
    segments: Sequence[Segment], blocks: Sequence[Block], present: frozenset[str], most_gone: float
) -> tuple[list[Segment], list[Block]]:
    """The segments that stay as they are, and the columns that are to be written in new ones."""
    stale = [segment for segment in segments if _share_gone(segment, present) > most_gone]
    kept = sorted((segment for segment in segments if segment not in stale), key=len)
    blocks = [*blocks, *(segment.block() for segment in stale)]
    while blocks and kept and len(kept[0]) < min(_GROWTH * sum(map(len, blocks)), SEGMENT_ROWS):
        blocks.append(kept.pop(0).block())
    blocks = [
        block.only(np.array([name in present for name in block.shards], dtype=bool)) for block in blocks
    ]
    return kept, _packed([block for block in blocks if len(block)])


def _share_gone(segment: Segment, present: frozenset[str]) -> float:
    """The share of a segment's shards that are no longer there."""
    return sum(name not in present for name in segment.shards) / max(1, len(segment.shards))


def _packed(blocks: Sequence[Block]) -> list[Block]:
    """Blocks put together, up to the size of a segment."""
    packed, group = list[Block](), list[Block]()
    for block in blocks:
        if group and sum(map(len, group)) + len(block) > SEGMENT_ROWS:
            packed.append(Block.join(group))
            group = []
        group.append(block)
    if group:
        packed.append(Block.join(group))
    return packed
