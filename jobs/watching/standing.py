"""Where a job stands: sequences by stages, counted as its tasks start and end.

Each event costs the same however large the job is, so that thousands of sequences can be watched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from jobs.tasks import ENDED, SURVEY, Receipt, State, Task
from jobs.watching.units import new_frames, units


@dataclass
class Cell:
    """The tasks of one stage of one sequence.

    Attributes:
        planned: how many there are.
        running: of them.
        under_way: what the running ones have done, in tasks.
        ended: of them, by how they did.
    """

    planned: int = 0
    running: int = 0
    under_way: float = 0.0
    ended: Counter[State] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """Tasks that have not ended."""
        return self.planned - self.ended.total()

    @property
    def percent(self) -> int:
        """What is done of all of them, 100 only when all have ended."""
        if not self.left:
            return 100
        return min(99, int(100 * (self.ended.total() + self.under_way) / self.planned))

    @property
    def state(self) -> State:
        """In one word: what is worst counts, and what is not at its end is running or waiting."""
        for worst in (State.FAILED, State.CANCELLED, State.SKIPPED):
            if self.ended[worst]:
                return worst
        if self.left:
            return State.RUNNING if self.running or self.ended.total() else State.WAITING
        for each in (State.PARTIAL, State.DONE):
            if self.ended[each]:
                return each
        return State.CURRENT if self.ended.total() else State.WAITING


@dataclass
class SequenceStanding:
    """The stages of one sequence.

    Attributes:
        name: of the sequence.
        cells: of the stages, in the order in which they were planned.
    """

    name: str
    cells: dict[str, Cell] = field(default_factory=dict)

    def cell(self, stage: str) -> Cell:
        """Of a stage, made where it is absent."""
        return self.cells.setdefault(stage, Cell())

    @property
    def surveyed(self) -> bool:
        """Whether its steps are known."""
        return any(stage != SURVEY for stage in self.cells)

    @property
    def state(self) -> State:
        """Of the sequence as a whole: waiting, running, done, partial, failed or cancelled."""
        states = {stage: cell.state for stage, cell in self.cells.items()}
        for worst in (State.FAILED, State.CANCELLED):
            if worst in states.values():
                return worst
        if self.surveyed and all(state in ENDED for state in states.values()):
            if State.SKIPPED in states.values():  # It needs a step of another sequence, which failed.
                return State.FAILED
            return State.PARTIAL if State.PARTIAL in states.values() else State.DONE
        begun = any(state is not State.WAITING for stage, state in states.items() if stage != SURVEY)
        return State.RUNNING if begun else State.WAITING


@dataclass
class StageStanding:
    """One stage of all sequences.

    Attributes:
        planned, ended: tasks.
        planned_units, ended_units: their sizes (:func:`jobs.watching.units.units`).
        cancelled_units: of those that ended so.
        under_way_units: what running tasks have done, in the same measure.
        seconds, seconds_units: that tasks of this run have taken, and the sizes of those.
        frames: of the tasks that worked in this run.
    """

    planned: int = 0
    ended: int = 0
    planned_units: float = 0.0
    ended_units: float = 0.0
    cancelled_units: float = 0.0
    under_way_units: float = 0.0
    seconds: float = 0.0
    seconds_units: float = 0.0
    frames: int = 0


class Standing:
    """Counts of a whole job.

    Attributes:
        sequences: by name.
        stages: by name, in the order in which they were planned.
        counts: of sequences, by their state.
        busy: names of sequences that are running or have failed, in the order in which they became so.
        running: worker of each running task.
        worked: tasks that have ended in this run.
        failures: receipts of failed tasks.
    """

    def __init__(self) -> None:
        self.sequences: dict[str, SequenceStanding] = {}
        self.stages: dict[str, StageStanding] = {}
        self.counts: Counter[State] = Counter()
        self.busy: dict[str, State] = {}
        self.running: dict[str, str] = {}
        self.worked = 0
        self.failures: dict[str, Receipt] = {}
        self._tasks: dict[str, Task] = {}
        self._states: dict[str, State] = {}
        self._fractions: dict[str, float] = {}
        self._known: dict[str, State] = {}

    def plan(self, tasks: Iterable[Task]) -> None:
        """Add tasks; those that are known stay as they are."""
        touched = set()
        for task in tasks:
            if task.key in self._tasks:
                continue
            self._tasks[task.key] = task
            self._sequence(task.sequence).cell(task.stage).planned += 1
            stage = self.stages.setdefault(task.stage, StageStanding())
            stage.planned += 1
            stage.planned_units += units(task)
            touched.add(task.sequence)
        for name in touched:
            self._classify(name)

    def start(self, key: str, worker: str) -> None:
        """A task runs."""
        task = self._tasks[key]
        self._forget(task)
        if key not in self.running:
            self._sequence(task.sequence).cell(task.stage).running += 1
        self.running[key] = worker
        self.progress(key, 0.0)
        self._classify(task.sequence)

    def progress(self, key: str, fraction: float) -> None:
        """A running task is so far, 0 to 1; what is told of one that does not run is passed over."""
        if key not in self.running:
            return
        task, more = self._tasks[key], fraction - self._fractions.get(key, 0.0)
        self._fractions[key] = fraction
        self._sequence(task.sequence).cell(task.stage).under_way += more
        self.stages[task.stage].under_way_units += more * units(task)

    def end(self, receipt: Receipt, *, now: bool = True) -> None:
        """A task has ended, in this run of the job (``now``) or in one before."""
        if receipt.key not in self._tasks:
            self.plan([Task(receipt.sequence, "", receipt.stage, receipt.frames, work=receipt.work)])
        task = self._tasks[receipt.key]
        self._forget(task)
        cell, stage = self._sequence(task.sequence).cell(task.stage), self.stages[task.stage]
        if task.key in self.running:
            self.progress(task.key, 0.0)
            del self.running[task.key], self._fractions[task.key]
            cell.running -= 1
        cell.ended[receipt.state] += 1
        self._states[task.key] = receipt.state
        size = units(task)
        stage.ended += 1
        stage.ended_units += size
        stage.cancelled_units += size * (receipt.state is State.CANCELLED)
        if now:
            self.worked += 1
            self._measure(stage, receipt, size)
        if receipt.state is State.FAILED:
            self.failures[receipt.key] = receipt
        self._classify(task.sequence)

    def frames(self, key: str) -> int:
        """That a planned task works on."""
        return new_frames(self._tasks[key])

    @property
    def tasks(self) -> int:
        """How many are planned."""
        return len(self._tasks)

    @property
    def left(self) -> int:
        """Tasks that have not ended."""
        return len(self._tasks) - len(self._states)

    @property
    def unsurveyed(self) -> int:
        """Sequences of which nobody knows yet how many tasks they will have."""
        survey = self.stages.get(SURVEY)
        return survey.planned - survey.ended if survey else 0

    def width(self, enough: int) -> int:
        """How many workers can work side by side on what is left; exact only where that is not ``enough``."""
        width = self.counts[State.WAITING]
        for name in self.busy:
            if width >= enough:
                break
            width += max(cell.left for cell in self.sequences[name].cells.values())
        return width

    def states_of(self, state: State) -> list[str]:
        """Names of the busy sequences in a state."""
        return [name for name, found in self.busy.items() if found is state]

    def _sequence(self, name: str) -> SequenceStanding:
        return self.sequences.setdefault(name, SequenceStanding(name))

    def _measure(self, stage: StageStanding, receipt: Receipt, size: float) -> None:
        if receipt.state in (State.DONE, State.PARTIAL):
            stage.seconds += receipt.seconds
            stage.seconds_units += size
            stage.frames += new_frames(self._tasks[receipt.key])

    def _forget(self, task: Task) -> None:
        """A task that had ended is not at its end any more: it is tried again."""
        state = self._states.pop(task.key, None)
        if state is None:
            return
        stage = self.stages[task.stage]
        stage.ended -= 1
        stage.ended_units -= units(task)
        stage.cancelled_units -= units(task) * (state is State.CANCELLED)
        self._sequence(task.sequence).cell(task.stage).ended[state] -= 1
        self.failures.pop(task.key, None)

    def _classify(self, name: str) -> None:
        state, before = self.sequences[name].state, self._known.get(name)
        if state is before:
            return
        if before is not None:
            self.counts[before] -= 1
            self.busy.pop(name, None)
        self.counts[state] += 1
        self._known[name] = state
        if state in (State.RUNNING, State.FAILED):
            self.busy[name] = state
