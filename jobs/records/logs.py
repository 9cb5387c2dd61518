"""The log of a task: a file in the job's folder that outlives worker and client."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from jobs.records.receipts import log_file
from pipeline import PACKAGES

_HEADING = "==== attempt "
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


@dataclass(frozen=True)
class TaskLog:
    """Where a task's words go.

    Attributes:
        attempt: 1 for the first time that the task is tried.
        file: relative to the job's folder; empty where it cannot be written.
    """

    attempt: int
    file: str


@contextmanager
def task_log(folder: Path, key: str, heading: str) -> Iterator[TaskLog]:
    """Send what vultus and Python's warnings say in the block to the task's log, below a heading.

    The process has to be the task's own for the block. Where the log cannot be written, the work goes on
    without it.

    Args:
        folder: of the job.
        key: of the task.
        heading: of this attempt: where and when.
    """
    path = log_file(folder, key)
    attempt = 1 + _attempts(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError:
        yield TaskLog(attempt, "")
        return
    handler = _LogFile(stream)
    handler.write(f"{_torn(path)}{_HEADING}{attempt}: {key}, {heading}\n")
    try:
        with _attached(handler), _warnings_to_log():
            yield TaskLog(attempt, path.relative_to(folder).as_posix())
    finally:
        handler.close()


def _attempts(path: Path) -> int:
    """How often the task was tried before, killed attempts included."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return sum(line.startswith(_HEADING) for line in lines)
    except OSError:
        return 0


def _torn(path: Path) -> str:
    """The end of line that a killed attempt left out."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return "" if file.read() == b"\n" else "\n"
    except OSError:
        return ""  # it is empty


class _LogFile(logging.Handler):
    """Appends records to an open file; what a full disk does not take is left out."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        self.write(self.format(record) + "\n")

    def write(self, text: str) -> None:
        """Append text, and bring it to the file at once: the process may be killed."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return

    def close(self) -> None:
        """Close the file."""
        try:
            self._stream.close()
        except OSError:
            return
        finally:
            super().close()


@contextmanager
def _attached(handler: logging.Handler) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in PACKAGES]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        if not each.isEnabledFor(logging.INFO):
            each.setLevel(logging.INFO)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.removeHandler(handler)
            each.setLevel(level)


@contextmanager
def _warnings_to_log() -> Iterator[None]:
    log = logging.getLogger("jobs.warnings")

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        log.warning("%s (%s, %s:%d)", message, category.__name__, filename, lineno)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
