"""Telling an image that is bad from a share that is gone: the first is a failed frame, the second is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from calibration.errors import InputError

PASSING = frozenset(
    {
        errno.ESTALE,
        errno.EREMOTEIO,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
    }
)
"""Errors of a network, or of a file system on one, that a second try may not meet."""


class LostShareError(InputError):
    """The place of the images cannot be read for now; nothing can be said of the images."""

    code = "share"


def check_share(path: Path, number: int | None) -> None:
    """Look whether a file could not be read for its own sake.

    Args:
        path: of the image or movie.
        number: of the system's error that reading it met, if any.

    Raises:
        LostShareError: its folder cannot be read either, or the error is one of a network.
    """
    if number not in PASSING:
        try:
            os.scandir(path.parent).close()
        except OSError as error:
            number = error.errno
        else:
            return
    raise LostShareError(
        f"The images cannot be read for now ({os.strerror(number or errno.EIO)})",
        where=str(path.parent),
        fix="Look whether the share is there, and run the same command again",
    )
