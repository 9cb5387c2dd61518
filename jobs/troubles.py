"""Troubles that pass: a server that was restarted, a file handle that went stale, a GPU that is full."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from torch import OutOfMemoryError

from calibration.errors import VultusError
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


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
