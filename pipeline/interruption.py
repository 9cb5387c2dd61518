"""Leaving in good order when the farm or the user asks for it.

SIGTERM comes some 30 s before SIGKILL. The handler only notes the signal; the work goes on to its next safe
place, which is where it reports progress, and stops there with the exit status that a farm manager expects.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from calibration.errors import VultusError


class InterruptedRunError(VultusError):
    """Stopped by the user (SIGINT); what was done is on disk."""

    code = "interrupted"
    exit_status = 130


class TerminatedRunError(InterruptedRunError):
    """Stopped by the machine (SIGTERM); what was done is on disk."""

    code = "terminated"
    exit_status = 143


class Interruption:
    """Whether a signal has asked for an end."""

    def __init__(self) -> None:
        self._signal: int | None = None

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """Remember a signal; a second one is not waited for."""
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

    def check(self) -> None:
        """Raise if a signal has come.

        Raises:
            InterruptedRunError: after SIGINT.
            TerminatedRunError: after SIGTERM.
        """
        if self._signal is None:
            return
        kind = TerminatedRunError if self._signal == signal.SIGTERM else InterruptedRunError
        raise kind("Stopped on request; what was done is kept", fix="Run the same command again to go on")


@contextmanager
def listen() -> Iterator[Interruption]:
    """Note SIGINT and SIGTERM while the block runs (in the main thread, where Python delivers signals)."""
    interruption = Interruption()
    previous = {
        number: signal.signal(number, interruption.note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
