"""What is left to do of one sequence: its tasks, and the receipts of those that have ended."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jobs.tasks import ENDED_WELL, SURVEY, Receipt, State, Task

SHARED_STAGE = "calibrate"
"""The stage that is done once for all sequences of a rig."""


def survey_task(sequence: str, path: str) -> Task:
    """The task that looks at a sequence's footage."""
    return Task(sequence, path, SURVEY)


@dataclass(frozen=True)
class Ended:
    """How a sequence ended.

    Attributes:
        sequence: its name.
        receipt: of the task that says so: the first that failed, else one that was cancelled or partial, else
            the last.
        furthest: the last stage of which a task ended well; empty where none did.
    """

    sequence: str
    receipt: Receipt
    furthest: str = ""

    @property
    def state(self) -> State:
        """Of the sequence as a whole."""
        return self.receipt.state


class SequenceGraph:
    """The tasks of one sequence and what became of them; at first there is only the survey.

    Attributes:
        sequence: its name.
        index: its place in the job.
        rig: the same for all sequences that share a calibration; known after the survey.
        tasks: by key, each after those that it needs.
        receipts: by key, of those that have ended.
        starts: by key, how often a worker has begun one that has not ended.
    """

    def __init__(self, sequence: str, index: int, path: str) -> None:
        self.sequence, self.index, self.rig = sequence, index, ""
        survey = survey_task(sequence, path)
        self.tasks = {survey.key: survey}
        self.receipts: dict[str, Receipt] = {}
        self.starts: Counter[str] = Counter()

    def extend(self, tasks: Iterable[Task], rig: str) -> None:
        """The survey has found these tasks."""
        self.tasks |= {task.key: task for task in tasks}
        self.rig = rig

    @property
    def calibration(self) -> Task | None:
        """The task that makes what all sequences of a rig share, where it has one."""
        return next((task for task in self.tasks.values() if task.stage == SHARED_STAGE), None)

    def calibrate_after(self, key: str) -> None:
        """Let the calibration come after that of another sequence, which makes what they share."""
        task = self.calibration
        if task is not None:
            self.tasks[task.key] = replace(task, after=(*task.after, key))

    def open(self) -> list[Task]:
        """Tasks that have not ended, each after those that it needs."""
        return [task for key, task in self.tasks.items() if key not in self.receipts]

    def end(self, receipt: Receipt) -> None:
        """A task has ended."""
        self.receipts[receipt.key] = receipt
        del self.starts[receipt.key]

    def doomed(self) -> Iterator[Receipt]:
        """Receipts for tasks that cannot be done any more, because one that they need has not ended well.

        Each is to be noted with :meth:`end` before the next is asked for: it dooms others in turn.
        """
        for task in self.open():
            for need in task.needs:
                cause = self.receipts.get(need)
                if cause is not None and cause.state not in ENDED_WELL:
                    yield left_out(task, cause)
                    break

    @property
    def has_ended(self) -> bool:
        """Whether all tasks have."""
        return len(self.receipts) == len(self.tasks)

    def ended(self) -> Ended:
        """How the sequence ended, when it has."""
        return how_it_ended(self.sequence, [self.receipts[key] for key in self.tasks])


_WORST_FIRST = (State.FAILED, State.CANCELLED, State.SKIPPED, State.PARTIAL)


def how_it_ended(sequence: str, receipts: Iterable[Receipt]) -> Ended:
    """How a sequence ended, from the receipts of all its tasks, of which there is at least one."""
    receipts = list(receipts)
    well = [receipt.stage for receipt in receipts if receipt.state in ENDED_WELL and receipt.stage != SURVEY]
    furthest = well[-1] if well else ""
    for state in _WORST_FIRST:
        for receipt in receipts:
            if receipt.state is state:
                return Ended(sequence, receipt, furthest)
    return Ended(sequence, receipts[-1], furthest)


def left_out(task: Task, cause: Receipt) -> Receipt:
    """The receipt of a task that is not tried because of another one."""
    if cause.state is State.CANCELLED:
        return ended_here(task, State.CANCELLED, cause.code, cause.message, cause.exit_status)
    message = cause.message
    if cause.state is not State.SKIPPED:
        message = f"Not tried, because {cause.key} {cause.state}: {message}"
    return ended_here(task, State.SKIPPED, "skipped", message, cause.exit_status)


def ended_here(
    task: Task, state: State, code: str, message: str, exit_status: int = 1, attempt: int = 1
) -> Receipt:
    """The receipt of a task that ended without a worker's word: in this process, now."""
    return Receipt(
        task.key,
        task.sequence,
        task.stage,
        task.frames,
        state,
        exit_status=exit_status,
        code=code,
        message=message,
        attempt=attempt,
        host=socket.gethostname(),
        process=os.getpid(),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        work=task.work,
    )
