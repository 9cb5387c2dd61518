"""What a conductor notes: tasks and receipts go to the ledger, and to whoever watches."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from calibration.errors import VultusError
from jobs.records.receipts import write_receipt
from jobs.tasks import JobContext, Receipt, State, Task
from jobs.watching.watch import Watch

log = logging.getLogger(__name__)


class Ledger(Protocol):
    """What is asked of a ledger."""

    def add(self, tasks: Iterable[Task]) -> None:
        """Keep tasks."""
        ...

    def record(self, receipts: Iterable[Receipt]) -> None:
        """Keep what became of tasks."""
        ...


class Notebook:
    """Notes are written together, a few times a second. What a full disk does not take is kept for later.

    Args:
        ledger: to write to.
        watch: to tell.
        context: of the job.
    """

    def __init__(self, ledger: Ledger, watch: Watch, context: JobContext) -> None:
        self._ledger, self._watch, self._context = ledger, watch, context
        self._tasks: list[Task] = []
        self._receipts: list[Receipt] = []
        self._trouble = ""

    def planned(self, tasks: Sequence[Task]) -> None:
        """Tasks have joined the job."""
        self._tasks += tasks
        self._watch.planned(tasks)

    def ended(self, receipt: Receipt) -> None:
        """A worker has told what became of a task."""
        self._receipts.append(receipt)
        self._watch.ended(receipt)

    def ended_here(self, receipt: Receipt) -> None:
        """It is decided here what became of a task; a failure leaves a receipt, as on a worker."""
        receipt = replace(receipt, run=self._context.run)
        if receipt.state is State.FAILED:
            try:
                write_receipt(Path(self._context.folder), receipt)
            except VultusError as error:
                log.warning("The receipt is lost: %s", error)
        self.ended(receipt)

    def write(self) -> None:
        """Write what was noted; trouble with the disk is told once, and passes or not."""
        try:
            if self._tasks:
                self._ledger.add(self._tasks)
                self._tasks = []
            if self._receipts:
                self._ledger.record(self._receipts)
                self._receipts = []
        except VultusError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._watch.said(f"The ledger lags behind: {error}")
