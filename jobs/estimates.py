"""What tasks will take, while a job runs: formulas, corrected by what its tasks and earlier jobs took."""

from __future__ import annotations

import time

from jobs.memory import estimate
from jobs.records.earlier_jobs import measured_before
from jobs.records.ledger import LedgerView, Measure
from jobs.tasks import Task

_FRESH_S = 30.0


class Estimates:
    """Memory of tasks. The ledger is asked now and then, not for each of thousands.

    Args:
        ledger: of the job.
    """

    def __init__(self, ledger: LedgerView) -> None:
        self._ledger = ledger
        self._before: dict[str, list[Measure]] = {}
        self._measured: dict[str, tuple[float, list[Measure]]] = {}

    def __call__(self, task: Task) -> float:
        """Bytes that a task will hold at most."""
        now = time.monotonic()
        asked, measured = self._measured.get(task.stage, (-_FRESH_S, []))
        if now - asked >= _FRESH_S:
            if task.stage not in self._before:
                self._before[task.stage] = measured_before(self._ledger.folder, task.stage)
            measured = self._ledger.measured(task.stage) + self._before[task.stage]
            self._measured[task.stage] = now, measured
        return estimate(task, measured)
