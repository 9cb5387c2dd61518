"""Taking frames out: those that a query names, and everything of a subject who withdraws consent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, VultusError
from pipeline.database.cache import look
from pipeline.database.folder import Database
from pipeline.database.query import Query
from pipeline.database.segments import wipe
from pipeline.database.shards import ShardName, list_shards, read_shard
from pipeline.database.view import View
from pipeline.progress import Progress, silent


@dataclass(frozen=True)
class Pruned:
    """What a query took out of a shard, or would take out.

    Attributes:
        subject, take: whose. frames: their numbers. left: how many frames stay.
    """

    subject: str
    take: str
    frames: tuple[int, ...]
    left: int


def prune(
    database: Database, query: Query, *, dry_run: bool = False, progress: Progress = silent
) -> list[Pruned]:
    """Take out the frames that a query is true of, shard by shard; a killed prune is run again.

    Args:
        database: to take from. query: which frames. dry_run: only say which.

    Raises:
        DiskError: the disk is full or cannot be written.
    """
    view = look(database, progress)
    found = list(view.takes(query.mask(view)))
    sizes = np.bincount(view.shard, minlength=len(view.shards))
    report = []
    for done, (header, text, rows) in enumerate(found):
        frames = view.frame[rows]
        name = ShardName.parse(text)
        if name is not None and (dry_run or _take_out(database, name, frames)):
            left = int(sizes[view.shards.index(text)]) - len(rows)
            report.append(Pruned(header.subject, header.take, tuple(frames.tolist()), left))
        progress(done + 1, len(found), "pruning")
    return report


def remove(database: Database, subject: str, take: str | None = None) -> int:
    """Take out everything of a subject, or of one take: shards, cache, and what dead writers left.

    A subject that is removed stays away: farms that still have its performances cannot add them again.

    Returns:
        how many shards were deleted.

    Raises:
        InputError: there is no such subject or take.
        DiskError: something cannot be deleted.
    """
    names = list_shards(database.shards, subject=subject)
    if not any(take in (None, name.take) for name in names):
        subjects = sorted({name.subject for name in list_shards(database.shards)})
        raise InputError(
            f"There is no {subject} {take or ''}".rstrip() + " in the database",
            where=str(database.folder),
            fix=f"There are: {_shortened(subjects if not names else sorted(each.take for each in names))}",
        )
    count = database.forget(subject, take)
    wipe(database.cache)
    _check_gone(look(database), subject, take)
    return count


def _take_out(database: Database, name: ShardName, frames: NDArray[np.int64]) -> bool:
    """False if the shard was taken away by somebody else, with its subject perhaps."""
    try:
        shard = read_shard(database.shards, name)
        return database.keep_rows(name, ~np.isin(shard.rows["frame"], frames))
    except VultusError:
        if (database.shards / str(name)).exists():
            raise
        return False


def _check_gone(view: View, subject: str, take: str | None) -> None:
    for header in view.headers:
        if header.subject == subject and take in (None, header.take):
            raise InputError(
                f"Somebody adds {subject} at this moment",
                where=header.take,
                fix="Stop that, and remove again",
            )


def _shortened(names: Iterable[str], most: int = 12) -> str:
    texts = list(dict.fromkeys(names))
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "") or "none"
