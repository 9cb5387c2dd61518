"""One process at a time: work that several shoots share is done by the first, and the others wait for it."""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from calibration.errors import NO_SPACE, DiskError, InputError

_FILE = ".lock"
_PATIENCE = 0.2
_TAKEN = (errno.EAGAIN, errno.EACCES)


@contextmanager
def alone(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a folder for the block; other processes and threads, on other machines too, wait until it ends.

    The lock goes with the process, so that one that was killed holds up nobody. On a file system that cannot
    lock, the block runs all the same: files that are renamed when they are whole bear that.

    Args:
        folder: made where it is absent.
        waiting: called again and again while another one holds it; it may raise to give up.

    Raises:
        DiskError: the disk is full.
        InputError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / _FILE).open("a")
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskError.full(folder) from error
        raise InputError(f"The folder cannot be written ({error})", where=str(folder)) from error
    with handle:
        while not _taken(handle.fileno()):
            waiting()
            time.sleep(_PATIENCE)
        yield


def is_held(folder: Path) -> bool | None:
    """Whether anybody, on any machine, holds a folder now; None where that cannot be told."""
    try:
        with (folder / _FILE).open("rb") as handle:
            return is_locked(handle.fileno())
    except FileNotFoundError:
        return False
    except OSError:
        return None


def is_locked(descriptor: int) -> bool | None:
    """Whether another process holds a file, open for reading here; None without locks on its file system."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in _TAKEN else None
    return False


def _taken(descriptor: int) -> bool:
    """Whether the file is now ours, or cannot be anybody's. Closing it lets it go."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
