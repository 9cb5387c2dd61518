"""Segments: the large files of columns that the cache is made of. Immutable like shards, but derived."""

from __future__ import annotations

import io
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, VultusError
from pipeline.database.columns import FLOATS, INTEGERS, Block
from pipeline.database.durable import delete, write_durably
from pipeline.database.records import ShardHeader
from pipeline.stores.hdf5 import CorruptStoreError, stamp

KIND = "vultus-expression-columns"
SCHEMA = 1
_MANIFEST = "manifest.json"
_SUFFIX = ".columns.h5"


@dataclass(frozen=True, eq=False)
class Segment:
    """A file of columns that is open for reading.

    Attributes:
        name: of the file.
        file: the same, or a copy in memory.
        shards: names of the shards in it. headers: theirs.
    """

    name: str
    file: h5py.File
    shards: tuple[str, ...]
    headers: tuple[ShardHeader, ...]

    def __len__(self) -> int:
        return int(self.file["frame"].shape[0])

    def floats(self, name: str) -> NDArray[np.float32]:
        """(N,) a column of :data:`FLOATS`."""
        values: NDArray[np.float32] = self._read("floats", FLOATS.index(name))
        return values

    def integers(self, name: str) -> NDArray[np.integer]:
        """(N,) a column of :data:`INTEGERS`."""
        values: NDArray[np.integer] = self._read(name, slice(None))
        return values

    def block(self) -> Block:
        """All of it, in memory."""
        return Block(
            self.shards,
            tuple(header.text() for header in self.headers),
            self._read("floats", slice(None)),
            {name: self.integers(name) for name in INTEGERS},
        )

    def _read(self, name: str, part: int | slice) -> NDArray[Any]:
        try:
            values: NDArray[Any] = self.file[name][part]
        except OSError as error:
            # On a network disk a file can vanish for those who read it.
            raise InputError(
                "The cache was renewed by another machine while it was read", where=self.name, fix="Try again"
            ) from error
        return values


def write_segment(folder: Path, block: Block) -> Segment:
    """Write columns and open them; where the folder cannot be written, they stay in memory."""
    name, buffer = f"{uuid.uuid4().hex}{_SUFFIX}", io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["floats"] = block.floats
        for each, values in block.integers.items():
            file[each] = values.astype(INTEGERS[each], copy=False)
        text = json.dumps({"shards": block.shards, "headers": block.headers}).encode()
        file["shards"] = np.frombuffer(text, dtype=np.uint8)
        stamp(file, kind=KIND, schema=SCHEMA, fingerprint=name)
    try:
        write_durably(folder / name, buffer.getvalue())
    except VultusError:
        return _opened(name, h5py.File(buffer, "r"))
    return open_segment(folder, name)


def open_segment(folder: Path, name: str) -> Segment:
    """Open a segment.

    Raises:
        InputError: it is not there, damaged, or of another version.
    """
    path = folder / name
    try:
        return _opened(name, h5py.File(path, "r", locking="best-effort"))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CorruptStoreError("A file of the cache cannot be read", where=str(path)) from error


def read_manifest(folder: Path) -> tuple[str, ...]:
    """The names of the segments that make up the cache; none where there is none that can be read."""
    try:
        data = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return tuple(str(name) for name in data["segments"]) if data["schema"] == SCHEMA else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def write_manifest(folder: Path, names: tuple[str, ...]) -> None:
    """Say in one step which segments make up the cache.

    Raises:
        DiskError: the folder cannot be written.
    """
    write_durably(folder / _MANIFEST, json.dumps({"schema": SCHEMA, "segments": names}).encode())


def wipe(folder: Path) -> None:
    """Delete all segments, also those that somebody is about to name in a manifest.

    Raises:
        DiskError: they cannot be deleted.
    """
    if folder.is_dir():
        for path in folder.iterdir():
            delete(path)


def discard(folder: Path, names: set[str]) -> None:
    """Delete segments that no manifest names any more; who still reads one opens the cache anew."""
    for name in names:
        delete(folder / name)


def _opened(name: str, file: h5py.File) -> Segment:
    if file.attrs["kind"] != KIND or file.attrs["schema_version"] != SCHEMA:
        raise InputError("A file of the cache is of another version", where=name)
    text = json.loads(file["shards"][:].tobytes())
    headers = tuple(ShardHeader.parse(each) for each in text["headers"])
    if file["floats"].shape != (len(FLOATS), len(file["frame"])):
        raise InputError("A file of the cache has other columns", where=name)
    return Segment(name, file, tuple(text["shards"]), headers)
