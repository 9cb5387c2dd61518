"""Troubles that pass: a server that was restarted, a file handle that went stale, a GPU that is full."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator

import torch
from torch import OutOfMemoryError

from calibration.errors import NO_SPACE, DiskError, InputError, VultusError
from pipeline.frames.share import PASSING, LostShareError

_PASSING = PASSING | {errno.EIO}


class PassingTroubleError(VultusError):
    """What may be over at the next attempt. It is raised on a worker, for Dask to try again."""

    code = "trouble"


def passing(error: BaseException) -> str:
    """What kind of passing trouble is behind an error, in words; empty where it is one that stays.

    Args:
        error: as raised; those that caused it are looked at too.
    """
    for each in _with_causes(error):
        if isinstance(each, OutOfMemoryError):
            return "the GPU's memory is full"
        if isinstance(each, MemoryError):
            return "the machine's memory is full"
        if isinstance(each, LostShareError):
            return "the share of the images is gone"
        if isinstance(each, TimeoutError) or (isinstance(each, OSError) and each.errno in _PASSING):
            return str(each) or type(each).__name__
    return ""


def explained(error: BaseException) -> VultusError | None:
    """An error of the system that nothing has put in words, as one that a person can act on; else None."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    where, why = str(error.filename), error.strerror or type(error).__name__
    if error.errno in NO_SPACE:
        return DiskError(why, where=where, fix="Free some space and run the same command again")
    return InputError(f"It cannot be read or written ({why})", where=where)


def release(error: BaseException) -> None:
    """Let go of what the frames of an error hold, on the GPU too: the next attempt needs that memory."""
    for each in _with_causes(error):
        traceback.clear_frames(each.__traceback__)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
