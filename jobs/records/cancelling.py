"""Asking a job to stop, from any machine that sees its folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError, VultusError
from calibration.whole_file import write_text

MARKER = "cancel"
"""The file in a job's folder that asks for it."""

_PATIENCE = 2.0


class CancelledRunError(VultusError):
    """The job was asked to stop this sequence; what was done is on disk."""

    code = "cancelled"


@dataclass(frozen=True)
class Cancellation:
    """What of a job shall stop.

    Attributes:
        whole: all of it.
        sequences: otherwise these.
    """

    whole: bool = False
    sequences: frozenset[str] = frozenset()

    def covers(self, sequence: str) -> bool:
        """Whether a sequence shall stop."""
        return self.whole or sequence in self.sequences


def read_cancellation(folder: Path) -> Cancellation:
    """What has been asked to stop; nothing where there is no marker.

    Raises:
        InputError: the marker cannot be read.
    """
    path = folder / MARKER
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return Cancellation(bool(given["whole"]), frozenset(map(str, given["sequences"])))
    except FileNotFoundError:
        return Cancellation()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The marker cannot be read ({error})", where=str(path), fix="Remove it if nothing is to stop"
        ) from error


def cancel(folder: Path, sequences: Iterable[str] = ()) -> None:
    """Ask a job to stop some sequences besides those already asked for, or all of it where none are named.

    Raises:
        InputError: the job's folder cannot be written.
    """
    named, before = frozenset(sequences), read_cancellation(folder)
    _write(folder, Cancellation(before.whole or not named, before.sequences | named))


def take_back(folder: Path, sequences: Iterable[str]) -> None:
    """No longer ask for the end of some sequences; that of the whole job is no longer asked for at all.

    Raises:
        InputError: the job's folder cannot be written.
    """
    left = read_cancellation(folder).sequences - frozenset(sequences)
    if left:
        _write(folder, Cancellation(False, left))
        return
    try:
        (folder / MARKER).unlink(missing_ok=True)
    except OSError as error:
        raise InputError("The job's folder cannot be written", where=str(folder)) from error


def stopping(folder: Path, sequence: str) -> Callable[[], None]:
    """A check for the worker of a sequence, to be called as often as it reports progress.

    It looks at the marker at most every two seconds, and raises :class:`CancelledRunError` when the
    sequence shall stop. A marker that cannot be read for the moment stops nothing.
    """
    looked = -_PATIENCE

    def check() -> None:
        nonlocal looked
        now = time.monotonic()
        if now - looked < _PATIENCE:
            return
        looked = now
        if (folder / MARKER).exists() and read_cancellation(folder).covers(sequence):
            raise CancelledRunError(
                "Cancelled; what was done is kept", fix="vultus jobs retry goes on with it"
            )

    return check


def _write(folder: Path, cancellation: Cancellation) -> None:
    given = {"whole": cancellation.whole, "sequences": sorted(cancellation.sequences)}
    write_text(folder / MARKER, json.dumps(given))
