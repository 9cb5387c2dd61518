"""Files that are whole or absent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calibration.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; it is renamed to ``path`` when the block ends well.

    The folder is made where it is absent, and the temporary file is removed where the block fails.

    Raises:
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
        raise InputError(
            f"cannot be written ({error})",
            where=str(path),
            fix="Look at the folder's rights and at the free space",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, so that it is whole or absent; errors as :func:`whole_file`."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file so that it is whole or absent; errors as :func:`whole_file`."""
    with whole_file(path) as partial:
        partial.write_bytes(data)
