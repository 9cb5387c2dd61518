"""Putting the open tasks of a sequence to the workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jobs.conducting.crew import Call, Crew
from jobs.conducting.demands import gib, priority, resources
from jobs.conducting.graph import SequenceGraph, ended_here
from jobs.memory import advice
from jobs.tasks import SURVEY, JobContext, Receipt, State, Survey, Task


@dataclass(frozen=True)
class Functions:
    """What workers do, and how much memory they take for it.

    Attributes:
        survey: looks at a sequence.
        execute: does a task, given what became of those that it needs.
        estimate: memory that a task takes, bytes.
    """

    survey: Callable[[Task, JobContext], Survey]
    execute: Callable[..., Receipt]
    estimate: Callable[[Task], float]


class Assignment:
    """Puts tasks to a crew.

    Args:
        crew: of workers.
        functions: that they call.
        memory_gib: of the largest worker.
        gpus: whether there are workers with a GPU.
        retries: of a task that stopped for a passing trouble.
    """

    def __init__(
        self, crew: Crew, functions: Functions, *, memory_gib: float, gpus: bool, retries: int
    ) -> None:
        self._crew, self._functions = crew, functions
        self._memory_gib, self._gpus, self._retries = memory_gib, gpus, retries
        self._calibrating: dict[str, str] = {}

    def fill(self, graph: SequenceGraph) -> Iterator[Receipt]:
        """Put all open tasks of a sequence to the crew that are not there.

        Returns:
            receipts of those that no worker can do.
        """
        self._share(graph)
        chunks: Counter[str] = Counter()
        for key, task in graph.tasks.items():
            chunks[task.stage] += 1
            if key in graph.receipts or key in self._crew:
                continue
            if not all(need in graph.receipts or need in self._crew for need in task.needs):
                continue
            needed = gib(self._functions.estimate(task))
            if needed > self._memory_gib:
                yield _too_large(task, needed, self._memory_gib)
                continue
            self._crew.submit(
                Call(
                    task,
                    self._functions.survey if task.stage == SURVEY else self._functions.execute,
                    tuple(graph.receipts[need] for need in task.needs if need in graph.receipts),
                    resources(task, needed, gpus=self._gpus),
                    priority(task, graph.index, len(chunks), chunks[task.stage]),
                    self._retries,
                )
            )

    def _share(self, graph: SequenceGraph) -> None:
        """The first sequence of a rig to get here makes the calibration; the others come after it."""
        task = graph.calibration
        if not graph.rig or task is None or task.key in graph.receipts or task.after:
            return
        first = self._calibrating.setdefault(graph.rig, task.key)
        if first != task.key and first in self._crew:
            graph.calibrate_after(first)


def _too_large(task: Task, needed_gib: float, memory_gib: float) -> Receipt:
    message = f"It needs about {needed_gib:.1f} GiB of memory, and the largest worker has {memory_gib:.1f}"
    return ended_here(task, State.FAILED, "memory", f"{message}. {advice(task)}.")
