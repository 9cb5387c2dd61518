"""Notes of what runs now: a worker writes one when it starts a task, and removes it at the end.

A worker that is killed leaves its note behind. So the worker holds a lock on its note, which goes with the
process: whoever reads a note without a lock knows that its task was lost, from any machine and without
comparing clocks.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pipeline.stores.lock import is_locked

log = logging.getLogger(__name__)

FOLDER = "running"


class Life(StrEnum):
    """What can be told of the process behind a note."""

    ALIVE = "alive"
    LOST = "lost"
    UNKNOWN = "unknown"
    """The file system keeps no locks."""


@dataclass(frozen=True)
class RunningNote:
    """A task that is running, and where.

    Attributes:
        key: of the task.
        attempt: 1 for the first.
        host, worker, process: where it runs.
        log: its log file, relative to the job's folder.
    """

    key: str
    attempt: int = 1
    host: str = ""
    worker: str = ""
    process: int = 0
    log: str = ""


@contextmanager
def running(folder: Path, note: RunningNote) -> Iterator[str]:
    """Leave a note in the job's folder while the block runs; host and process are filled in.

    A note that cannot be written is only missed by who looks on: the work goes on without it.

    Returns:
        when it was written, ISO 8601 in UTC, by the clock of the disk that the folder is on: that is one for
        all machines, however their own go. Empty where it could not be written.
    """
    filled = {**asdict(note), "host": socket.gethostname(), "process": os.getpid()}
    path = folder / FOLDER / f"{filled['host']}.{filled['process']}.{secrets.token_hex(4)}.json"
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = partial.open("wb", buffering=0)  # Nothing is left to be written when it is closed.
    except OSError as error:
        log.debug("No note of what runs: %s", error)
        yield ""
        return
    # The lock is taken before the note gets its name, so that nobody sees it without.
    written = ""
    with handle:
        try:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            handle.write(json.dumps(filled).encode())
            partial.replace(path)
            written = _text(os.fstat(handle.fileno()).st_mtime)
        except OSError as error:
            log.debug("No note of what runs: %s", error)
        try:
            yield written
        finally:
            for left in (partial, path):
                _remove(left)


def read_notes(folder: Path) -> list[tuple[RunningNote, Life]]:
    """All notes in a job's folder, and what can be told of the processes behind them."""
    found = []
    for path in sorted((folder / FOLDER).glob("[!.]*.json")):
        try:
            with path.open("rb") as handle:
                note = RunningNote(**json.load(handle))
                found.append((note, _life(handle.fileno())))
        except (OSError, ValueError, TypeError):
            continue  # It ended while we looked.
    return found


def sweep_notes(folder: Path) -> None:
    """Remove the notes of processes that are gone; for the client, when it goes on with a job."""
    for path in (folder / FOLDER).glob("*.json*"):
        try:
            with path.open("rb") as handle:
                life = _life(handle.fileno())
        except OSError:
            continue
        if life is Life.LOST:
            _remove(path)


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _life(descriptor: int) -> Life:
    locked = is_locked(descriptor)
    if locked is None:
        return Life.UNKNOWN
    return Life.ALIVE if locked else Life.LOST


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("A note stays: %s", error)
