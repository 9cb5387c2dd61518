"""A job that never was: its ledger is real, its sequences and what became of them are made up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.records.ledger import Ledger
from jobs.records.receipts import log_file
from jobs.records.request import JobRequest
from jobs.tasks import SURVEY, JobContext, Receipt, State, Task, Work

CHUNKS = ("1001-1240", "1241-1480")
WORK = Work(frames=480, cameras=17, landmarks=320, pixels=4_000_000)
SECONDS = {SURVEY: 2, "calibrate": 40, "detect": 170, "fit": 140, "export": 12, "overlay": 70, "report": 4}
STAGES = tuple(stage for stage in SECONDS if stage != SURVEY)
BEGUN = datetime(2026, 3, 2, 19, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with a sequence; its exit status tells whether it is partial (4) or failed."""

    stage: str
    message: str
    code: str = "input"
    exit_status: int = 3


def survey_of(name: str) -> Task:
    return Task(name, f"/takes/{name}", SURVEY)


def tasks_of(name: str) -> list[Task]:
    """The steps of a sequence, detection in two chunks."""
    tasks: list[Task] = []
    before: tuple[str, ...] = ()
    for stage in STAGES:
        for frames in CHUNKS if stage == "detect" else ():
            tasks.append(Task(name, f"/takes/{name}", stage, frames, before, work=replace(WORK, frames=240)))
        if stage == "detect":
            before = tuple(task.key for task in tasks if task.frames)
        tasks.append(Task(name, f"/takes/{name}", stage, needs=before, work=WORK))
        before = (tasks[-1].key,)
    return tasks


def receipt_of(task: Task, state: State = State.DONE, **given: object) -> Receipt:
    """The receipt of a task that ended."""
    log = log_file(Path(), task.key).as_posix()
    receipt = Receipt(
        task.key, task.sequence, task.stage, task.frames, state, work=task.work, log=log, run="first"
    )
    seconds = 0.0 if state is State.SKIPPED else float(SECONDS[task.stage])
    return replace(receipt, seconds=seconds, **given)  # type: ignore[arg-type]


def endings(name: str, trouble: Trouble | None = None, worker: int = 0) -> Iterator[tuple[Task, Receipt]]:
    """The tasks of a sequence, one after another on one worker; after a failure none is tried."""
    seconds = 0.0
    doomed = False
    for task in (survey_of(name), *tasks_of(name)):
        if doomed:
            yield task, receipt_of(task, State.SKIPPED, exit_status=3, code="skipped")
            continue
        begun = (BEGUN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        receipt = receipt_of(task, host="node01", worker=f"gpu-{worker}", process=100 + worker, started=begun)
        if task.stage == SURVEY:
            receipt = replace(receipt, work=WORK, output=f"/takes/{name}/vultus", peak_bytes=2**29)
        if trouble is not None and trouble.stage == task.stage:
            state = State.PARTIAL if trouble.exit_status == 4 else State.FAILED
            receipt = replace(
                receipt,
                state=state,
                code=trouble.code,
                message=trouble.message,
                exit_status=trouble.exit_status,
            )
            doomed = state is State.FAILED
        seconds += receipt.seconds
        yield task, receipt


def request_for(folder: Path, names: Iterable[str], run: str = "first") -> JobRequest:
    context = JobContext(folder.name, str(folder), str(folder.parent), run=run)
    return JobRequest(folder.name, tuple(f"/takes/{name}" for name in names), context)


def make_job(folder: Path, names: Sequence[str], troubles: Mapping[str, Trouble] | None = None) -> Path:
    """A job that came to its end, with the logs of what failed."""
    with Ledger(folder) as ledger:
        ledger.begin(request_for(folder, names))
        for index, name in enumerate(names):
            ended = list(endings(name, (troubles or {}).get(name), index % 3))
            ledger.add(task for task, _ in ended)
            ledger.record(receipt for _, receipt in ended)
            for _, receipt in ended:
                if receipt.state is State.FAILED:
                    write_log(folder, receipt, f"ERROR {receipt.message}")
    return folder


def write_log(folder: Path, receipt: Receipt, *lines: str) -> None:
    path = folder / receipt.log
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in (f"==== attempt 1: {receipt.key}", *lines)))
