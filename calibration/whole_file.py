"""Files that are whole or absent."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calibration.errors import NO_SPACE, DiskError, InputError, VultusError

_NO_ROOM = 2**20


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; it is renamed to ``path`` when the block ends well.

    The folder is made where it is absent, and the temporary file is removed where the block fails.

    Raises:
        DiskError: the disk is full.
        InputError: the folder cannot be made or written to.
    """
    # Processes of several machines may write the same file: a number of their own is not enough.
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskError.full(path.parent) from error
        raise InputError(
            f"cannot be written ({error})", where=str(path), fix="Look at the folder's rights"
        ) from error


def refused(path: Path, what: str) -> VultusError:
    """The error to raise where a library could not write a file and does not say why.

    Args:
        path: of the file; whatever it wrote of it is still there.
        what: happened, as a sentence without its full stop.
    """
    try:
        full = shutil.disk_usage(path.parent).free < _NO_ROOM
    except OSError:
        full = False
    if full:
        return DiskError.full(path.parent)
    return InputError(what, where=str(path), fix="Look at the folder's rights")


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, so that it is whole or absent; errors as :func:`whole_file`."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file so that it is whole or absent; errors as :func:`whole_file`."""
    with whole_file(path) as partial:
        partial.write_bytes(data)
