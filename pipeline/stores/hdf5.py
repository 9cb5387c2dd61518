"""What all HDF5 stores share: identity of the file, whole-or-absent writing, errors a person understands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import h5py

from calibration.errors import NO_SPACE, DiskError, InputError

_FULL = tuple(os.strerror(number) for number in NO_SPACE)


class CorruptStoreError(InputError):
    """A store is damaged or is not what its name says."""

    code = "store"


def partial_path(path: Path) -> Path:
    """The temporary name, in the same folder, of a file that is being written."""
    return path.with_name(f".{path.name}.partial")


def publish(path: Path) -> Path:
    """Give a finished temporary file its name, durably and in one step."""
    partial = partial_path(path)
    with partial.open("rb+") as stream:
        os.fsync(stream.fileno())
    partial.replace(path)
    return path


def stamp(file: h5py.File, *, kind: str, schema: int, fingerprint: str) -> None:
    """Write what every store says of itself: kind, schema version, program, fingerprint of its sources."""
    file.attrs["kind"] = kind
    file.attrs["schema_version"] = schema
    file.attrs["vultus_version"] = version("vultus")
    file.attrs["fingerprint"] = fingerprint


@contextmanager
def reading(path: Path, *, kind: str, schema: int, oldest: int | None = None) -> Iterator[h5py.File]:
    """Open a store for reading.

    Args:
        path: the file.
        kind: what it must be.
        schema: the newest schema that the caller reads.
        oldest: the oldest, if that is another.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged, of another kind, or of a schema that this version does not know.
    """
    if not path.exists():
        raise InputError("The file does not exist", where=str(path))
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            _check_identity(file, path, kind, range(oldest or schema, schema + 1))
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise CorruptStoreError(
            "The file is damaged or incomplete", where=str(path), fix="Delete it and run its stage again"
        ) from error


@contextmanager
def writing(path: Path, mode: str) -> Iterator[h5py.File]:
    """Open a file for writing; it is flushed and closed at the end of the block.

    Raises:
        DiskError: the disk is full, or the folder cannot be written.
    """
    try:
        with h5py.File(path, mode, locking="best-effort") as file:
            yield file
    except (OSError, RuntimeError, ValueError) as error:
        # h5py has no one exception for a failed write: while a dataset is made it is a ValueError.
        if any(reason in str(error) for reason in _FULL):
            raise DiskError.full(path.parent) from error
        if isinstance(error, ValueError):
            raise
        reason = str(error).splitlines()[0]
        raise DiskError(f"The file cannot be written ({reason})", where=str(path)) from error


def stored_fingerprint(path: Path, *, kind: str, schema: int, oldest: int | None = None) -> str | None:
    """The fingerprint in a store; None where there is no store.

    Raises:
        CorruptStoreError: there is a file, but it is damaged or of another kind.
    """
    if not path.exists():
        return None
    with reading(path, kind=kind, schema=schema, oldest=oldest) as file:
        return str(file.attrs["fingerprint"])


def carried_fingerprint(path: Path) -> str:
    """The fingerprint in a store of any kind, for the record; empty where it has none."""
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            return str(file.attrs.get("fingerprint", ""))
    except (OSError, RuntimeError):
        return ""


def _check_identity(file: h5py.File, path: Path, kind: str, schemas: range) -> None:
    if file.attrs.get("kind") != kind:
        raise CorruptStoreError(f"This is not a {kind} file", where=str(path))
    if file.attrs["schema_version"] not in schemas:
        known = " to ".join(str(each) for each in sorted({schemas[0], schemas[-1]}))
        raise CorruptStoreError(
            f"The file has schema {file.attrs['schema_version']}, this version reads {known}",
            where=str(path),
            fix="Run its stage again",
        )
