"""A task for real worker processes that need nothing of what computes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from distributed import Reschedule

from jobs.tasks import JobContext, Task
from jobs.workers.worker_progress import WorkerLeavingError, WorkerProgress

LIMIT_S = 30.0


def linger(folder: str) -> int:
    """The first time it runs until its worker closes, as a task that looks at each safe place does."""
    process = os.getpid()
    progress = WorkerProgress(Task("take", folder, "fit"), JobContext("night", folder, folder))
    first = not any(Path(folder).glob("begun.*"))
    (Path(folder) / f"begun.{process}").touch()
    until = time.monotonic() + LIMIT_S
    while first and time.monotonic() < until:
        try:
            progress.check()
        except WorkerLeavingError as error:
            raise Reschedule from error
        time.sleep(0.01)
    return process
