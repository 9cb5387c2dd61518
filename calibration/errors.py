"""The one family of errors that a user can meet.

Every error that is caused by the input, the settings or the machine (not by a defect in vultus) is a
:class:`VultusError`. It says what is wrong, where, and what to do, and it carries the exit status that
farm managers read.
"""

from __future__ import annotations

import errno

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of the system that say that a disk, or what somebody may use of it, is full."""


class VultusError(Exception):
    """Something a user can act on, told in one line.

    Args:
        what: what is wrong, as a sentence without its full stop.
        where: the file, camera or frame that it concerns.
        fix: what to do about it, as a sentence without its full stop.
    """

    code = "failed"
    exit_status = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        prefix = f"{self.where}: " if self.where else ""
        suffix = f" {self.fix}." if self.fix else ""
        return f"{prefix}{self.what}.{suffix}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between processes; the default pickling would lose the keyword arguments.
        return _rebuild, (type(self), self.what, self.where, self.fix)


def _rebuild(kind: type[VultusError], what: str, where: str, fix: str) -> VultusError:
    return kind(what, where=where, fix=fix)


class UsageError(VultusError):
    """An option or a setting has a value that makes no sense."""

    code = "usage"
    exit_status = 2


class InputError(VultusError):
    """A file or folder is missing, unreadable, or not what it should be."""

    code = "input"
    exit_status = 3


class DiskError(VultusError):
    """A result cannot be written."""

    code = "disk"

    @classmethod
    def full(cls, folder: object) -> DiskError:
        """The disk on which a folder lies is full."""
        return cls(
            "The disk is full; what was done before is kept",
            where=str(folder),
            fix="Free some space and run the same command again",
        )


class CalibrationError(InputError):
    """The images of a board do not determine the cameras."""

    code = "calibration"


class NoFaceError(InputError):
    """No face was found where at least one is needed."""

    code = "no-face"


class SolverError(VultusError):
    """A solver diverged or did not reach its gate."""

    code = "solver"
    exit_status = 5


class MissingDependencyError(VultusError):
    """A library of the machine (such as OpenGL) that this operation needs is absent."""

    code = "dependency"
