"""One attempt at a task: its log, its note, its measures, and the receipt that it ends with."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from distributed import Reschedule

from calibration.errors import VultusError
from jobs.records.cancelling import CancelledRunError
from jobs.records.logs import TaskLog, task_log
from jobs.records.receipts import write_receipt
from jobs.records.running_notes import RunningNote, running
from jobs.tasks import JobContext, Receipt, State, Task, Work
from jobs.workers.idle_memory import give_back
from jobs.workers.measures import Measured, measuring
from jobs.workers.provenance import versions
from jobs.workers.troubles import PassingTroubleError, explained, passing, release
from jobs.workers.worker_progress import WorkerLeavingError, WorkerProgress
from pipeline.interruption import InterruptedRunError

log = logging.getLogger(__name__)

DEFECT = "defect"
_LONGEST_PAUSE_S = 30.0

_PATIENCE = 0.2

_process = threading.Lock()
"""One task at a time: nothing else tells its words, its warnings and its memory from another's."""


@dataclass(frozen=True)
class Ending:
    """What an attempt came to.

    Attributes:
        state: one of :data:`jobs.tasks.ENDED`.
        exit_status, code, message: as in the receipt.
        output: what it wrote.
        inputs: fingerprint of settings and inputs.
        work: the size of the task, where it was only seen on the way.
    """

    state: State
    exit_status: int = 0
    code: str = ""
    message: str = ""
    output: str = ""
    inputs: str = ""
    work: Work | None = None


@dataclass(frozen=True)
class Hands:
    """What the work of a task is given.

    Attributes:
        progress: to be called at each safe place.
        held: locks and the like, which are let go only when the receipt is written.
    """

    progress: WorkerProgress
    held: ExitStack


def attempt(task: Task, context: JobContext, work: Callable[[Hands], Ending]) -> Receipt:
    """Do the work of a task, and tell what became of it.

    The receipt lies in the job's folder when this returns, unless that cannot be written; then it says so.

    Args:
        task: that is done.
        context: of the job.
        work: does it; a :class:`VultusError` or a defect in it becomes a receipt.

    Raises:
        PassingTroubleError: it failed of something that may be over soon; Dask is to try again.
        Reschedule: the worker closes; Dask is to try elsewhere.
    """
    folder, progress = Path(context.folder), WorkerProgress(task, context)
    worker = progress.worker
    with _process, ExitStack() as held, task_log(folder, task.key, _heading(worker)) as where:
        held.callback(give_back)
        note = RunningNote(task.key, where.attempt, worker=worker, log=where.file)
        with running(folder, note) as begun, measuring() as taken:
            ending = _ended(work, Hands(progress, held), where.attempt)
        log.info("%s in %.1f s, at most %d MiB", ending.state, taken.seconds, taken.peak_bytes >> 20)
        receipt = _receipt(task, ending, taken, where)
        receipt = replace(receipt, worker=worker, run=context.run, started=begun or taken.started)
        return _left(folder, receipt)


def _ended(work: Callable[[Hands], Ending], hands: Hands, number: int) -> Ending:
    try:
        hands.progress.check()
        return work(hands)
    except CancelledRunError as error:
        log.warning("%s", error)
        status = InterruptedRunError.exit_status
        return Ending(State.CANCELLED, status, error.code, str(error))
    except WorkerLeavingError as error:
        log.warning("%s; the task goes on elsewhere", error)
        raise Reschedule from error
    except Exception as error:  # noqa: BLE001 - a defect in one task must not cost the others theirs
        return _failed(error, hands, number)


def _failed(error: Exception, hands: Hands, number: int) -> Ending:
    """The ending of a task that failed; what may pass is raised instead, after a pause."""
    if trouble := passing(error):
        log.warning("Trouble that may pass: %s (%s)", trouble, error)
        release(error)
        _pause(min(_LONGEST_PAUSE_S, 2.0**number), hands.progress)
        raise PassingTroubleError(f"{trouble} ({error})") from error
    told = error if isinstance(error, VultusError) else explained(error)
    if told is None:
        log.error("A defect in vultus; please report it with this log", exc_info=error)
        message = f"{type(error).__name__}: {error}"
        return Ending(State.FAILED, VultusError.exit_status, DEFECT, message)
    log.error("%s", told, exc_info=error if told is not error else None)
    return Ending(State.FAILED, told.exit_status, told.code, str(told))


def _pause(seconds: float, progress: WorkerProgress) -> None:
    """Give a trouble time to pass, as long as nobody asks for an end; the next attempt sees who does."""
    until = time.monotonic() + seconds
    with suppress(CancelledRunError, WorkerLeavingError):
        while time.monotonic() < until:
            progress.check()
            time.sleep(_PATIENCE)


def _receipt(task: Task, ending: Ending, taken: Measured, where: TaskLog) -> Receipt:
    return Receipt(
        key=task.key,
        sequence=task.sequence,
        stage=task.stage,
        frames=task.frames,
        state=ending.state,
        exit_status=ending.exit_status,
        code=ending.code,
        message=ending.message,
        attempt=where.attempt,
        host=socket.gethostname(),
        process=os.getpid(),
        started=taken.started,
        seconds=taken.seconds,
        cpu_seconds=taken.cpu_seconds,
        peak_bytes=taken.peak_bytes,
        inputs=ending.inputs,
        versions=versions(),
        work=ending.work or task.work,
        output=ending.output,
        log=where.file,
    )


def _left(folder: Path, receipt: Receipt) -> Receipt:
    """The receipt, once it lies in the job's folder; it says so where it cannot."""
    try:
        write_receipt(folder, receipt)
    except VultusError as error:
        log.warning("The receipt is lost: %s", error)
        message = f"{receipt.message}; the receipt: {error}" if receipt.message else f"The receipt: {error}"
        return replace(receipt, message=message)
    return receipt


def _heading(worker: str) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{now}, {socket.gethostname()}, process {os.getpid()}" + (f", worker {worker}" if worker else "")
