"""The conductor's desk: where a run of a job stands, and the moves that keep it true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.conducting.assignment import Assignment, Functions
from jobs.conducting.crew import Cluster, Crew
from jobs.conducting.graph import Ended, SequenceGraph
from jobs.conducting.lineup import Lineup
from jobs.conducting.notebook import Notebook
from jobs.sequences import SequencePath
from jobs.tasks import JobContext, Receipt
from jobs.watching.watch import Watch


@dataclass(frozen=True)
class Limits:
    """How much a job bears.

    Attributes:
        retries: of a task that stopped for a passing trouble.
        deaths: of workers under a task, after which it is held to be the reason.
        ahead: sequences at work at once, at least; with many workers it is four for each.
        patience: seconds in which a lost scheduler has to come back.
        grace: seconds in which workers that are asked to stop have to get to a safe place.
    """

    retries: int = 2
    deaths: int = 4
    ahead: int = 64
    patience: float = 600.0
    grace: float = 20.0


@dataclass(frozen=True)
class Job:
    """What is conducted.

    Attributes:
        sequences: in their order.
        context: what workers are told.
        functions: what workers do.
        run: an identity that no other run has, of this job or another.
        limits: what is borne.
    """

    sequences: tuple[SequencePath, ...]
    context: JobContext
    functions: Functions
    run: str
    limits: Limits = Limits()

    @property
    def folder(self) -> Path:
        """Of the job."""
        return Path(self.context.folder)


class Desk:
    """Where a run stands.

    Attributes:
        job: that is run.
        crew: its workers.
        lineup: its sequences.
        notes: of what happens.
        watch: to be told.
        running: the worker of each task that runs.
        went_well: stages of which a task has ended well.

    Args:
        job: to run.
        cluster: to run it on.
        notes: to write to.
        watch: to tell.
    """

    def __init__(self, job: Job, cluster: Cluster, notes: Notebook, watch: Watch) -> None:
        self.job, self.notes, self.watch = job, notes, watch
        self.crew = Crew(cluster, job.run, job.context)
        self.lineup = Lineup(job.sequences, job.limits.ahead)
        self.running: dict[str, str] = {}
        self.went_well: set[str] = set()
        self._assignment = Assignment(
            self.crew,
            job.functions,
            memory_gib=cluster.memory_gib,
            gpus=cluster.gpus,
            retries=job.limits.retries,
        )

    def advance(self) -> None:
        """Put the tasks of those sequences to the workers whose turn it is."""
        for graph in [*self.lineup.begin(), *self.lineup.admit()]:
            self.settle(graph)

    def end_task(self, graph: SequenceGraph, receipt: Receipt) -> None:
        """A task ends by what is decided here, wherever it is."""
        self.crew.cancel([receipt.key])
        self.running.pop(receipt.key, None)
        graph.end(receipt)
        self.notes.ended_here(receipt)

    def settle(self, graph: SequenceGraph) -> Ended | None:
        """Draw the consequences of what happened to a sequence.

        What cannot be done any more ends, what can be done is put to the workers.

        Returns:
            how the sequence ended, if it has.
        """
        self._skip(graph)
        if self.lineup.may_work(graph):
            for receipt in list(self._assignment.fill(graph)):
                self.end_task(graph, receipt)
                self._skip(graph)
        return self.lineup.end(graph) if graph.has_ended else None

    def start_over(self) -> None:
        """All workers have forgotten everything: put what is open to them again."""
        self.running.clear()
        for graph in list(self.lineup.graphs.values()):
            graph.starts.clear()
            self.settle(graph)

    def _skip(self, graph: SequenceGraph) -> None:
        for receipt in graph.doomed():
            self.end_task(graph, receipt)
