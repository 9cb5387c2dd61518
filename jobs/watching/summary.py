"""What became of a job: its sequences, its stages, and why something is missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.conducting.graph import how_it_ended
from jobs.conducting.verdict import judge
from jobs.tasks import ENDED_WELL, SURVEY, Receipt, State
from jobs.watching.causes import Cause, causes
from jobs.watching.record import JobRecord
from jobs.watching.standing import SequenceStanding
from jobs.watching.units import new_frames
from jobs.watching.words import one_line

UNFINISHED = frozenset({State.WAITING, State.RUNNING})


@dataclass(frozen=True)
class SequenceSummary:
    """What became of a sequence.

    Attributes:
        sequence: its name.
        shoot: the path that it was asked for by.
        outcome: done, partial, failed, cancelled, running or waiting.
        exit_status: as ``vultus run`` would leave with; None while it is not at its end.
        stages: state of each stage.
        seconds: that the tasks of each stage took, added up.
        frames: of the shoot; None where nobody has looked at it.
        failed_frames: images and frames that could not be used; None where it has not come to a report.
        code, message: what went wrong, or what the report says.
        step: that failed; empty where none did.
        results: folder; empty where it is not known.
        log: of the step that failed, or of the last one, relative to the job's folder.
    """

    sequence: str
    shoot: str
    outcome: State
    exit_status: int | None
    stages: Mapping[str, State]
    seconds: Mapping[str, float]
    frames: int | None
    failed_frames: int | None
    code: str
    message: str
    step: str
    results: str
    log: str


@dataclass(frozen=True)
class StageSummary:
    """What a stage took.

    Attributes:
        stage: its name.
        tasks: of it that worked, in this run of the job or one before.
        seconds: of each of them.
        peak_bytes: of each of them that could be measured.
        frames: of all of them.
    """

    stage: str
    tasks: int
    seconds: tuple[float, ...]
    peak_bytes: tuple[int, ...]
    frames: int

    @property
    def frames_per_second(self) -> float | None:
        """Of one worker; None where the stage has no frames or took no time."""
        total = sum(self.seconds)
        return self.frames / total if total and self.frames else None


@dataclass(frozen=True)
class JobSummary:
    """What became of a job.

    Attributes:
        job: its name.
        folder: of it.
        exit_status: of the job; None while it is not at its end.
        sequences: those that failed first.
        stages: in their order.
        causes: why some failed.
        tasks: by state.
    """

    job: str
    folder: Path
    exit_status: int | None
    sequences: tuple[SequenceSummary, ...]
    stages: tuple[StageSummary, ...]
    causes: tuple[Cause, ...]
    tasks: Mapping[State, int]

    @property
    def counts(self) -> Counter[State]:
        """Sequences by their outcome."""
        return Counter(each.outcome for each in self.sequences)

    @property
    def to_be_done(self) -> tuple[str, ...]:
        """Names of the sequences that failed, were cancelled or did not come to their end."""
        return tuple(
            each.sequence for each in self.sequences if each.outcome not in (State.DONE, State.PARTIAL)
        )

    @property
    def missing(self) -> tuple[SequenceSummary, ...]:
        """The sequences that are not there as a whole."""
        return tuple(each for each in self.sequences if each.outcome is not State.DONE)


_ORDER = (State.FAILED, State.CANCELLED, State.WAITING, State.RUNNING, State.PARTIAL, State.DONE)


def summarise(record: JobRecord) -> JobSummary:
    """What became of a job, from its record."""
    standing = record.standing()
    receipts: dict[str, list[Receipt]] = {name: [] for name in record.shoots}
    for task in record.tasks:
        own = receipts.setdefault(task.sequence, [])
        if task.key in record.receipts:
            own.append(record.receipts[task.key])
    each = [
        _sequence(standing.sequences.get(name, SequenceStanding(name)), record.shoots.get(name, ""), own)
        for name, own in receipts.items()
    ]
    each.sort(key=lambda summary: _ORDER.index(summary.outcome))
    ended = all(summary.outcome not in UNFINISHED for summary in each)
    return JobSummary(
        job=record.job,
        folder=record.folder,
        exit_status=_exit_status(receipts) if ended else None,
        sequences=tuple(each),
        stages=tuple(_stage(name, record) for name in standing.stages),
        causes=tuple(causes(record.receipts.values())),
        tasks=_task_states(record, set(standing.running)),
    )


def _exit_status(receipts: Mapping[str, list[Receipt]]) -> int:
    return judge(how_it_ended(name, own) for name, own in receipts.items() if own).exit_status


def _task_states(record: JobRecord, running: set[str]) -> Counter[State]:
    states: Counter[State] = Counter()
    for task in record.tasks:
        receipt = record.receipts.get(task.key)
        ended = receipt.state if receipt else State.WAITING
        states[State.RUNNING if task.key in running else ended] += 1
    return states


def _sequence(standing: SequenceStanding, shoot: str, receipts: list[Receipt]) -> SequenceSummary:
    outcome = standing.state
    telling = how_it_ended(standing.name, receipts).receipt if receipts else None
    survey = next((each for each in receipts if each.stage == SURVEY), None)
    results = survey.output if survey else ""
    return SequenceSummary(
        sequence=standing.name,
        shoot=shoot,
        outcome=outcome,
        exit_status=telling.exit_status if telling and outcome not in UNFINISHED else None,
        stages={stage: cell.state for stage, cell in standing.cells.items()},
        seconds=_seconds(receipts),
        frames=survey.work.frames if survey and survey.output else None,
        failed_frames=_failed_frames(results) if _reported(receipts) else None,
        code=telling.code if telling else "",
        message=one_line(telling.message) if telling else "",
        step=f"{telling.stage} {telling.frames}".rstrip() if telling and outcome is State.FAILED else "",
        results=results,
        log=telling.log if telling else "",
    )


def _seconds(receipts: Iterable[Receipt]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for receipt in receipts:
        if receipt.state in (State.SKIPPED, State.CANCELLED) and not receipt.seconds:
            continue
        seconds[receipt.stage] = round(seconds.get(receipt.stage, 0.0) + receipt.seconds, 3)
    return seconds


def _reported(receipts: Iterable[Receipt]) -> bool:
    return any(each.stage == "report" and each.state in ENDED_WELL for each in receipts)


def _failed_frames(results: str) -> int | None:
    """From what ``vultus report`` leaves beside the results; None where that is gone."""
    try:
        outcome = json.loads((Path(results) / "outcome.json").read_text(encoding="utf-8"))
        return len(outcome["failures"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stage(name: str, record: JobRecord) -> StageSummary:
    own = [task for task in record.tasks if task.stage == name and task.key in record.receipts]
    worked = [(task, record.receipts[task.key]) for task in own]
    worked = [(task, each) for task, each in worked if each.state in (State.DONE, State.PARTIAL)]
    return StageSummary(
        stage=name,
        tasks=len(worked),
        seconds=tuple(each.seconds for _, each in worked),
        peak_bytes=tuple(each.peak_bytes for _, each in worked if each.peak_bytes),
        frames=sum(new_frames(task) for task, _ in worked) if name != SURVEY else 0,
    )
