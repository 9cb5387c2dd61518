"""What a task takes of its worker: time, processor, memory."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # proc(5): "Reset the peak resident set size to the process's current value"
_SAMPLING_S = 0.1


@dataclass
class Measured:
    """What a block took, so far while it runs.

    Attributes:
        started: by this machine's clock, ISO 8601 in UTC.
        seconds: by a clock that only goes forward.
        cpu_seconds: of all threads of the process.
        peak_bytes: the most memory that the process held.
    """

    started: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measuring() -> Iterator[Measured]:
    """Measure a block that has the process for itself; the figures are there when it ends."""
    taken = Measured(datetime.now(UTC).isoformat(timespec="milliseconds"))
    wall, cpu = time.monotonic(), time.process_time()
    with _peak(taken):
        try:
            yield taken
        finally:
            taken.seconds, taken.cpu_seconds = time.monotonic() - wall, time.process_time() - cpu


@contextmanager
def _peak(taken: Measured) -> Iterator[None]:
    """The kernel's own mark of the most memory, where it can be reset (Linux); else what sampling sees."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        with _sampled(taken):
            yield
        return
    try:
        yield
    finally:
        taken.peak_bytes = _high_water_mark()


def _high_water_mark() -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


@contextmanager
def _sampled(taken: Measured) -> Iterator[None]:
    process, ended = psutil.Process(os.getpid()), threading.Event()

    def sample() -> None:
        while True:
            taken.peak_bytes = max(taken.peak_bytes, process.memory_info().rss)
            if ended.wait(_SAMPLING_S):
                return

    thread = threading.Thread(target=sample, name="peak of memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
