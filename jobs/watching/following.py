"""The logs of tasks, as they are and as they grow."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError
from jobs.records.client_lock import has_client
from jobs.records.ledger import LedgerView
from jobs.records.receipts import log_file
from jobs.records.running_notes import Life, read_notes
from jobs.tasks import ENDED, State, Task
from jobs.watching.record import JobRecord

_PATIENCE = 0.5


@dataclass(frozen=True)
class Wanted:
    """Which logs.

    Attributes:
        sequence: of this one; of all where it is empty.
        step: a stage, or a step such as ``detect 1001-1240``; all where it is empty.
        failed: of failed tasks alone.
    """

    sequence: str = ""
    step: str = ""
    failed: bool = False


def tasks_wanted(record: JobRecord, wanted: Wanted) -> list[Task]:
    """The tasks whose logs are wanted, in their order.

    Raises:
        InputError: there are none.
    """
    found = [task for task in record.tasks if _is_wanted(record, task, wanted)]
    if found:
        return found
    what = "failed task" if wanted.failed else "task"
    names = dict.fromkeys(task.stage for task in record.tasks if task.sequence == wanted.sequence)
    fix = f"The steps of {wanted.sequence} are {', '.join(names)}" if names and wanted.step else ""
    raise InputError(f"There is no such {what}", where=f"{wanted.sequence} {wanted.step}".strip(), fix=fix)


def _is_wanted(record: JobRecord, task: Task, wanted: Wanted) -> bool:
    receipt = record.receipts.get(task.key)
    return (
        (not wanted.sequence or task.sequence == wanted.sequence)
        and (not wanted.step or wanted.step in (task.stage, task.step))
        and (not wanted.failed or (receipt is not None and receipt.state is State.FAILED))
    )


def read_logs(folder: Path, tasks: Iterable[Task]) -> Iterator[str]:
    """Lines of the logs that are there, a heading above each."""
    for task in tasks:
        path = log_file(folder, task.key)
        if path.exists():
            yield _heading(task)
            yield from path.read_text(encoding="utf-8", errors="replace").splitlines()


def follow_logs(folder: Path, tasks: Sequence[Task]) -> Iterator[str]:
    """Lines of the logs as they are written, until nobody is at the job or all these tasks have ended."""
    places = dict.fromkeys((log_file(folder, task.key) for task in tasks), 0)
    names = {log_file(folder, task.key): task for task in tasks}
    last: Path | None = None
    while True:
        more = _goes_on(folder, tasks)
        for path, place in places.items():
            lines, places[path] = _fresh(path, place)
            if lines and path != last:
                yield _heading(names[path])
                last = path
            yield from lines
        if not more:
            return
        time.sleep(_PATIENCE)


def _goes_on(folder: Path, tasks: Iterable[Task]) -> bool:
    """Whether more may come: somebody is at the job, and one of the tasks runs or has yet to."""
    running = {note.key for note, life in read_notes(folder) if life is not Life.LOST}
    if any(task.key in running for task in tasks):
        return True
    if not has_client(folder):
        return False
    with LedgerView(folder) as ledger:
        states = ledger.states()
    return any(states.get(task.key, State.WAITING) not in ENDED for task in tasks)


def _fresh(path: Path, place: int) -> tuple[list[str], int]:
    """Whole lines that were written behind a place, and the place behind them."""
    try:
        with path.open("rb") as stream:
            stream.seek(place)
            whole, end, _ = stream.read().rpartition(b"\n")
    except OSError:
        return [], place
    if not end:
        return [], place
    return whole.decode("utf-8", errors="replace").splitlines(), place + len(whole) + 1


def _heading(task: Task) -> str:
    return f"==> {task.key} <=="
