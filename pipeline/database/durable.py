"""Files that are on the disk, whole, when a function returns: what was acknowledged is not lost."""

from __future__ import annotations

import errno
import os
import time
import uuid
from pathlib import Path

from calibration.errors import NO_SPACE, DiskError

_PARTIAL = ".partial"
_ABANDONED_S = 24 * 3600.0


def write_durably(path: Path, data: bytes) -> None:
    """Give a file its content in one step that outlasts a crash of the machine.

    The temporary name is of this call alone: machines that write the same file at once do not meet.

    Raises:
        DiskError: the disk is full, or the folder is absent or cannot be written.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}{_PARTIAL}")
    try:
        try:
            with partial.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
            sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskError(
                "The disk is full; what was in the database before is kept",
                where=str(path.parent),
                fix="Free some space and run the same command again",
            ) from error
        raise DiskError(f"cannot be written ({error.strerror})", where=str(path)) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, on the disk for good.

    Raises:
        DiskError: it cannot be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            sync_folder(each.parent)
    except OSError as error:
        raise DiskError(f"The folder cannot be made ({error.strerror})", where=str(folder)) from error


def delete(path: Path) -> bool:
    """Delete a file; False if it was gone already, so that of many who try only one did it.

    Raises:
        DiskError: it cannot be deleted.
    """
    try:
        path.unlink()
        sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DiskError(f"cannot be deleted ({error.strerror})", where=str(path)) from error
    return True


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def sweep(folder: Path) -> int:
    """Delete what writers that died left behind, after a day; return how many files."""
    abandoned = [
        path
        for path in folder.rglob(f"*{_PARTIAL}")
        if path.exists() and time.time() - path.stat().st_mtime > _ABANDONED_S
    ]
    return sum(delete(path) for path in abandoned)
