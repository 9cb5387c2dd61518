"""Leaving an event loop in good order when the farm or the user asks for it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any, NoReturn

from pipeline.interruption import InterruptedRunError, TerminatedRunError

Stop = asyncio.Future[signal.Signals | None]


def stop_on_signals() -> Stop:
    """What SIGINT or SIGTERM sets, for the event loop that runs."""
    loop = asyncio.get_running_loop()
    stop: Stop = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, settle, stop, number)
    return stop


def settle(future: asyncio.Future[Any], value: object) -> None:
    """Set a future, unless it is."""
    if not future.done():
        future.set_result(value)


def stopped(by: signal.Signals, what: str) -> NoReturn:
    """Leave with the exit status of a signal.

    Raises:
        InterruptedRunError, TerminatedRunError: always.
    """
    raise (TerminatedRunError if by == signal.SIGTERM else InterruptedRunError)(what)
