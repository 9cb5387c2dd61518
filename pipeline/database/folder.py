"""The folder of a database: making it, knowing it, adding to it and taking from it."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, VultusError
from pipeline.database.durable import delete, make_folder, write_durably
from pipeline.database.records import Shard, now, within
from pipeline.database.shards import ShardName, list_shards, read_shard, safe_name, short_source, write_shard

log = logging.getLogger(__name__)

KIND = "vultus-database"
SCHEMA = 1
_ABOUT, _SHARDS, _CACHE, _REMOVED = "database.json", "shards", "cache", "removed"


class DuplicateError(VultusError):
    """Frames that are in the database already."""

    code = "duplicate"


class RemovedError(VultusError):
    """A subject whose frames were removed, to stay away."""

    code = "removed"


class Added(Enum):
    """What became of a shard that was to be added."""

    ADDED = "added"
    REPLACED = "added, in place of an older fit"
    THERE = "already there"


@dataclass(frozen=True)
class Database:
    """A database; it holds no open file and no lock, and any number of machines have it at once.

    Attributes:
        folder: where it lies.
    """

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Database:
        """A database that there is.

        Raises:
            InputError: there is none, or it was made by a newer version.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            kind, schema = about["kind"], int(about["schema"])
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(
                "There is no expression database here",
                where=str(folder),
                fix="Make one with: vultus database add",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                "The file that describes the database is damaged", where=str(folder / _ABOUT)
            ) from error
        if kind != KIND:
            raise InputError("This is not an expression database", where=str(folder))
        if schema > SCHEMA:
            raise InputError(
                f"The database was made by a newer version of vultus (schema {schema}, known is {SCHEMA})",
                where=str(folder),
                fix="Update vultus",
            )
        return cls(folder)

    @classmethod
    def open_or_make(cls, folder: Path) -> tuple[Database, bool]:
        """The database of a folder, and whether it was made just now.

        Raises:
            InputError: something else lies there, or it was made by a newer version.
            DiskError: it cannot be made.
        """
        if (folder / _ABOUT).exists():
            return cls.open(folder), False
        # Another machine may be making it, so that the shards' folder is there already.
        strange = folder.exists() and not (folder / _SHARDS).is_dir()
        if strange and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                "This is not an expression database, and not an empty folder either", where=str(folder)
            )
        make_folder(folder / _SHARDS)
        write_durably(folder / _ABOUT, json.dumps({"kind": KIND, "schema": SCHEMA}).encode())
        return cls(folder), True

    @property
    def shards(self) -> Path:
        """Where the shards lie, a folder for each subject."""
        return self.folder / _SHARDS

    @property
    def cache(self) -> Path:
        """Where the cache lies; it may be deleted at any time."""
        return self.folder / _CACHE

    def add(self, shard: Shard, *, replacing: bool = False, readmit: bool = False) -> tuple[Added, ShardName]:
        """Add frames. When this returns, they are on the disk.

        Args:
            shard: what is to be added.
            replacing: let it stand in for what is there of the same frames.
            readmit: let a subject in whose frames were removed.

        Raises:
            DuplicateError: some of these frames are there from another fit, or under another name.
            RemovedError: the subject was removed.
            DiskError: the disk is full or cannot be written.
        """
        subject = shard.header.subject
        if readmit:
            delete(self._removed(subject))
        self._admit(subject)
        names = self._names_of_take(shard)
        take = self._readable(names)
        source, runs = short_source(shard.header.origin.source), shard.header.covers
        for each, old in take.items():
            if each.source == source and (not replacing or old.same_frames(shard)):
                return Added.THERE, each
        same = list_shards(self.shards, source=source)
        renamed = [each for each in same if (each.subject, each.take) != (subject, shard.header.take)]
        older = {each: old for each, old in take.items() if within(old.rows["frame"], runs).any()}
        if not replacing and (renamed or older):
            raise _duplicate(shard, renamed, list(older.values()))
        covered = [each for each, old in older.items() if within(old.rows["frame"], runs).all()]
        damaged = [each for each in names if each.source == source and each not in take]
        retired = (*renamed, *covered, *damaged)
        last = max((old.header.added for old in older.values()), default="")
        make_folder(self.shards / safe_name(subject))
        shard = _signed(shard, added=now(last), replaces=tuple(str(each) for each in retired))
        name = write_shard(self.shards, shard)
        self._withdraw_if_contested(name, shard, set(names))
        for each in retired:
            delete(self.shards / str(each))
        return (Added.REPLACED if renamed or older else Added.ADDED), name

    def keep_rows(self, name: ShardName, kept: NDArray[np.bool_]) -> bool:
        """Leave only some rows (N,) of a shard; False if somebody else took the shard away meanwhile."""
        old = read_shard(self.shards, name)
        if not kept.any():
            return delete(self.shards / str(name))
        rest = Shard(old.header, old.rows[kept])
        # The folder is not made where it has gone: a subject that is removed meanwhile stays away.
        new = write_shard(self.shards, _signed(rest, replaces=(*old.header.replaces, str(name))))
        if delete(self.shards / str(name)):
            return True
        delete(self.shards / str(new))
        return False

    def forget(self, subject: str, take: str | None = None) -> int:
        """Delete all shards of a subject, or of one take; the subject stays away until let in again.

        What the cache has of them is the caller's to delete.

        Returns:
            how many shards were deleted.
        """
        folder = self.shards / safe_name(subject)
        if take is None:
            make_folder(self.folder / _REMOVED)
            write_durably(self._removed(subject), b"")
        names = [name for name in list_shards(self.shards, subject=subject) if take in (None, name.take)]
        deleted = sum(delete(self.shards / str(name)) for name in names)
        if take is None and folder.is_dir():
            for rest in folder.iterdir():
                delete(rest)
            # Who writes here at this moment finds the subject removed, and takes back what they wrote.
            with suppress(OSError):
                folder.rmdir()
        return deleted

    def _admit(self, subject: str) -> None:
        if self._removed(subject).exists():
            raise RemovedError(
                f"{subject} was removed from this database",
                where=str(self.folder),
                fix="To let them in again, say --readmit",
            )

    def _removed(self, subject: str) -> Path:
        # Who wants to be forgotten is not remembered by name.
        return self.folder / _REMOVED / hashlib.sha256(subject.encode()).hexdigest()[:32]

    def _names_of_take(self, shard: Shard) -> list[ShardName]:
        names = list_shards(self.shards, subject=shard.header.subject)
        return [name for name in names if name.take == shard.header.take]

    def _readable(self, names: Iterable[ShardName]) -> dict[ShardName, Shard]:
        """Shards by name, without those that are damaged: adding their performances again mends them."""
        found = {}
        for name in names:
            try:
                found[name] = read_shard(self.shards, name)
            except InputError as error:
                log.warning("%s: %s", error.where, error.what)
        return found

    def _withdraw_if_contested(self, name: ShardName, shard: Shard, before: set[ShardName]) -> None:
        """Two machines that add the same frames at once: none of them acknowledges what it added."""
        since = set(self._names_of_take(shard)) - before - {name}
        try:
            self._admit(shard.header.subject)
            for other in self._readable(since).values():
                if within(other.rows["frame"], shard.header.covers).any():
                    raise DuplicateError(
                        "Another machine adds the same frames at this moment",
                        where=str(name),
                        fix="Try again",
                    )
        except VultusError:
            delete(self.shards / str(name))
            raise


def _signed(shard: Shard, **changes: Any) -> Shard:
    """A shard with changes of its header, to be written under a name of its own."""
    return Shard(replace(shard.header, writer=uuid.uuid4().hex, **changes), shard.rows)


def _duplicate(shard: Shard, renamed: Sequence[ShardName], older: Sequence[Shard]) -> DuplicateError:
    header = shard.header
    where = f"{header.subject} {header.take}"
    if renamed:
        return DuplicateError(
            f"The same performance is there as {renamed[0].subject} {renamed[0].take}",
            where=where,
            fix="To rename it, say --replace",
        )
    frames = sum(int(within(old.rows["frame"], header.covers).sum()) for old in older)
    return DuplicateError(
        f"{frames} of these frames are there from another fit, added {older[0].header.added}",
        where=where,
        fix="To put this fit in its place, say --replace",
    )
