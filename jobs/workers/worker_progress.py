"""The progress of a task on a Dask worker: where it can be stopped, and what is told of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from distributed import get_worker
from distributed.core import Status

from jobs.records.cancelling import stopping
from jobs.tasks import JobContext, Task
from pipeline.interruption import TerminatedRunError

PROGRESS_TOPIC = "vultus progress"
"""Of Dask's events: ``{"key", "done", "total", "label"}`` for a running task, at most every two seconds."""

_PATIENCE = 2.0
_AT_WORK = frozenset({Status.running, Status.paused})


class WorkerLeavingError(TerminatedRunError):
    """The worker closes, at its walltime for example: the task goes on elsewhere."""


class WorkerProgress:
    """A progress that tells the scheduler, and stops where the job is cancelled or the worker closes.

    Without a Dask worker (a task that is called as a function), nothing is told.
    """

    def __init__(self, task: Task, context: JobContext) -> None:
        self._key, self._stopping = task.key, stopping(Path(context.folder), task.sequence)
        self._worker = _dask_worker()
        self._told = time.monotonic() - _PATIENCE

    @property
    def worker(self) -> str:
        """The name of the worker; empty without one."""
        return "" if self._worker is None else str(self._worker.name)

    def __call__(self, done: int, total: int, label: str) -> None:
        """Tell what is done of a total, and look whether to stop.

        Raises:
            CancelledRunError: the job is cancelled.
            WorkerLeavingError: the worker closes.
        """
        self._tell({"key": self._key, "done": done, "total": total, "label": label})
        self.check()

    def check(self) -> None:
        """Look whether to stop; errors as of a call."""
        self._stopping()
        if self._worker is not None and self._worker.status not in _AT_WORK:
            raise WorkerLeavingError("The worker closes; what was done is kept")

    def _tell(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        if self._worker is not None and now - self._told >= _PATIENCE:
            self._told = now
            self._worker.log_event(PROGRESS_TOPIC, event)


def _dask_worker() -> Any | None:
    try:
        return get_worker()
    except ValueError:
        return None
