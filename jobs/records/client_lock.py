"""One client at a time for a job: the one that writes its ledger."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calibration.errors import UsageError
from calibration.whole_file import write_text
from pipeline.stores.lock import alone, is_held

FOLDER = "client"
_WHO = "client.json"
_TRIES = 4


@contextmanager
def only_client(folder: Path) -> Iterator[None]:
    """Hold a job for the block. The lock goes with the process: one that was killed holds up nobody.

    Args:
        folder: of the job.

    Raises:
        UsageError: another client is at this job; it is named.
        InputError: the folder cannot be written.
    """
    who, tries = folder / FOLDER / _WHO, 0

    def refuse() -> None:
        nonlocal tries
        tries += 1
        if tries < _TRIES:  # whoever looks whether there is a client holds the lock for a moment
            return
        raise UsageError(
            f"This job is being run by {_read(who)}",
            where=str(folder),
            fix="Look at it with: vultus jobs status, or give this one another name",
        )

    with alone(folder / FOLDER, refuse):
        write_text(who, json.dumps({"host": socket.gethostname(), "process": os.getpid()}))
        yield


def has_client(folder: Path) -> bool | None:
    """Whether a client is at a job now, on any machine; None where that cannot be told."""
    return is_held(folder / FOLDER)


def _read(who: Path) -> str:
    try:
        given = json.loads(who.read_text(encoding="utf-8"))
        return f"process {given['process']} on {given['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
