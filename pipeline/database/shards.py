"""Shards: immutable HDF5 files whose names say what is in them."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import h5py
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from pipeline.database.durable import write_durably
from pipeline.database.records import ROW, Shard, ShardHeader
from pipeline.stores.hdf5 import CorruptStoreError, reading, stamp

KIND = "vultus-expressions"
SCHEMA = 1
SUFFIX = ".h5"
_SOURCE, _CONTENT = 16, 12
_LONGEST = 180


@dataclass(frozen=True, order=True)
class ShardName:
    """The name of a shard.

    Attributes:
        subject, take: whose frames they are.
        source: digest of the performance they are from. content: of the shard itself; both shortened.
    """

    subject: str
    take: str
    source: str
    content: str

    @classmethod
    def of(cls, shard: Shard) -> ShardName:
        """The name of a shard."""
        header = shard.header
        return cls(header.subject, header.take, short_source(header.origin.source), shard.digest()[:_CONTENT])

    @classmethod
    def parse(cls, text: str) -> ShardName | None:
        """The inverse of str; None for a file that is no shard."""
        folder, _, file = text.rpartition("/")
        take, _, digests = file.removesuffix(SUFFIX).rpartition("__")
        source, _, content = digests.partition("_")
        if not (folder and take and source and content and file.endswith(SUFFIX)):
            return None
        return cls(unquote(folder), unquote(take), source, content)

    def __str__(self) -> str:
        return f"{safe_name(self.subject)}/{safe_name(self.take)}__{self.source}_{self.content}{SUFFIX}"


def short_source(digest: str) -> str:
    """The part of a performance's digest that stands in names."""
    return digest[:_SOURCE]


def safe_name(text: str) -> str:
    """A text as the name of a file or folder, another one for each text.

    Raises:
        UsageError: it is empty or too long.
    """
    name = quote(text, safe="")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if not name or len(name) > _LONGEST:
        raise UsageError(f"'{text}' cannot be the name of a subject or take: it is empty or too long")
    return name


def list_shards(folder: Path, *, subject: str | None = None, source: str | None = None) -> list[ShardName]:
    """Shards by the names of their files, in order: all, those of a subject, or those from a performance."""
    return sorted(
        found for found in map(ShardName.parse, list_files(folder, subject=subject, source=source)) if found
    )


def list_files(folder: Path, *, subject: str | None = None, source: str | None = None) -> list[str]:
    """The same as names of files below the folder, in no order, and perhaps with others among them."""
    folders = [each.name for each in _entries(folder) if each.is_dir()]
    chosen = folders if subject is None else [name for name in folders if name == safe_name(subject)]
    mark = "" if source is None else f"__{short_source(source)}_"
    return [
        f"{name}/{file.name}"
        for name in chosen
        for file in _entries(folder / name)
        if mark in file.name and file.name.endswith(SUFFIX)
    ]


def write_shard(folder: Path, shard: Shard) -> ShardName:
    """Write a shard, whole and on the disk when this returns. Its subject's folder must exist.

    Raises:
        DiskError: the disk is full or the folder is absent or cannot be written.
    """
    name, buffer = ShardName.of(shard), io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("frames", data=shard.rows, chunks=True, shuffle=True, compression="gzip")
        file.attrs["header"] = shard.header.text()
        stamp(file, kind=KIND, schema=SCHEMA, fingerprint=name.content)
    write_durably(folder / str(name), buffer.getvalue())
    return name


def read_shard(folder: Path, name: ShardName) -> Shard:
    """Read a shard.

    Raises:
        InputError: it is not there.
        CorruptStoreError: it is cut short, altered, or of a newer version.
    """
    path = folder / str(name)
    with reading(path, kind=KIND, schema=SCHEMA) as file:
        try:
            shard = Shard(ShardHeader.parse(file.attrs["header"]), file["frames"][:])
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptStoreError("The shard is damaged", where=str(path)) from error
    if shard.rows.dtype != ROW or ShardName.of(shard) != name:
        raise CorruptStoreError("The shard is not what its name says: it was altered", where=str(path))
    return shard


def empty_rows(count: int) -> NDArray[np.void]:
    """(N,) rows of :data:`ROW`, nothing known."""
    rows = np.zeros(count, dtype=ROW)
    for name in ("expression", "residual_px", "residual_sigma", "uncertainty", "expression_sigma"):
        rows[name] = np.nan
    return rows


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"The folder cannot be read ({error.strerror})", where=str(folder)) from error
