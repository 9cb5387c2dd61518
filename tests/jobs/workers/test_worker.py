"""What a worker makes of a task: a receipt whatever happens, a log that tells why, nothing done twice."""

from __future__ import annotations

import errno
import logging
import os
import warnings
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import OutOfMemoryError

from calibration.errors import DiskError, InputError
from jobs.records.cancelling import cancel
from jobs.records.receipts import log_file, read_receipt, receipt_file
from jobs.tasks import JobContext, Receipt, State, Task
from jobs.workers import attempt, worker
from jobs.workers.task_shoot import open_shoot
from jobs.workers.troubles import PassingTroubleError
from jobs.workers.worker import execute
from pipeline.shoot.shoot import Shoot
from pipeline.stages import calibrate
from pipeline.steps import StepDone
from pipeline.stores.outcome import FrameFailure, Outcome
from tests.jobs.small_shoot import job_in, task_of, write_small_shoot

Step = Callable[..., StepDone]


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    return write_small_shoot(tmp_path / "take")


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    return job_in(tmp_path)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "_LONGEST_PAUSE_S", 0.0)


def a_step(monkeypatch: pytest.MonkeyPatch, does: Callable[[Any], None]) -> None:
    """Let every step do this, with its progress, in place of its work."""

    def step(shoot: Shoot, stage: str, frames: str, *, progress: Any) -> StepDone:
        does(progress)
        return StepDone(shoot.output, True)

    monkeypatch.setattr(worker, "run_step", step)


def raising(error: Exception) -> Callable[[Any], None]:
    def step(progress: Any) -> None:
        raise error

    return step


def log_of(context: JobContext, task: Task) -> str:
    return log_file(Path(context.folder), task.key).read_text()


def test_a_receipt_says_what_was_done_where_and_what_it_took(shoot: Path, context: JobContext) -> None:
    """It lies in the job's folder as it is returned."""
    receipt = execute(task_of(shoot), context)
    assert (receipt.state, receipt.exit_status, receipt.attempt) == (State.DONE, 0, 1)
    assert receipt.output == str(shoot / "results" / "cameras.json")
    assert receipt.host
    assert receipt.process
    assert receipt.seconds > 0
    assert receipt.peak_bytes > 50 << 20
    assert receipt.inputs
    assert {"python", "vultus", "torch", "numpy", "distributed"} <= set(receipt.versions)
    assert read_receipt(receipt_file(Path(context.folder), "take/calibrate")) == receipt
    assert "done in" in (Path(context.folder) / receipt.log).read_text()


def test_what_is_up_to_date_is_not_done_again_and_the_receipt_of_its_work_stays(
    shoot: Path, context: JobContext
) -> None:
    """Who is asked a second time says so; who did it, when and where can still be read."""
    first = execute(task_of(shoot), context)
    before = (shoot / "results" / "cameras.json").stat().st_mtime_ns
    second = execute(task_of(shoot), context)
    assert (second.state, second.attempt) == (State.CURRENT, 2)
    assert (shoot / "results" / "cameras.json").stat().st_mtime_ns == before
    assert read_receipt(receipt_file(Path(context.folder), "take/calibrate")) == first


def test_an_error_that_a_person_can_act_on_is_a_receipt_with_its_status_and_words(
    shoot: Path, context: JobContext
) -> None:
    """As ``vultus run`` would have ended; the log has it too."""
    (shoot / "cameras.json").unlink()
    receipt = execute(task_of(shoot), context)
    assert (receipt.state, receipt.exit_status, receipt.code) == (State.FAILED, 3, "input")
    assert "cameras.json" in receipt.message
    assert receipt.message in log_of(context, task_of(shoot))


def test_a_defect_costs_its_task_alone_and_leaves_its_traceback_in_the_log(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker lives on, and whoever mends it sees where it was."""
    a_step(monkeypatch, raising(ZeroDivisionError("by nothing")))
    receipt = execute(task_of(shoot), context)
    assert (receipt.state, receipt.exit_status, receipt.code) == (State.FAILED, 1, "defect")
    assert receipt.message == "ZeroDivisionError: by nothing"
    log = log_of(context, task_of(shoot))
    assert "Traceback" in log
    assert "in run_step" in log or "raise error" in log


def test_a_task_whose_need_failed_is_not_tried_and_names_the_cause(shoot: Path, context: JobContext) -> None:
    """The exit status is that of the cause; a task that only comes after it is tried."""
    failed = Receipt("take/detect", "take", "detect", "", State.FAILED, 3, "input", "No images.")
    left_out = execute(task_of(shoot, needs=("take/detect",)), context, failed)
    assert (left_out.state, left_out.exit_status) == (State.SKIPPED, 3)
    assert "take/detect failed: No images." in left_out.message
    assert not (shoot / "results").exists()
    assert execute(replace(task_of(shoot), after=("take/detect",)), context, failed).state is State.DONE


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(errno.ESTALE, "Stale file handle"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError("too late"),
        OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_trouble_that_may_pass_is_left_to_dask_to_try_again(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """It is noted in the log, also where it comes wrapped in words for people; the next attempt counts on."""
    wrapped = InputError("cannot be written")
    wrapped.__cause__ = trouble
    for error in (trouble, wrapped):
        a_step(monkeypatch, raising(error))
        with pytest.raises(PassingTroubleError):
            execute(task_of(shoot), context)
    assert log_of(context, task_of(shoot)).count("may pass") == 2
    monkeypatch.undo()
    assert execute(task_of(shoot), context).attempt == 3


def test_a_full_disk_does_not_pass(shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """To try again at once would only fill the log."""
    error = DiskError("The disk is full")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    a_step(monkeypatch, raising(error))
    assert execute(task_of(shoot), context).code == "disk"


@pytest.mark.parametrize(
    ("number", "code", "status"), [(errno.EACCES, "input", 3), (errno.ENOSPC, "disk", 1)]
)
def test_an_error_of_the_system_is_no_defect(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch, number: int, code: str, status: int
) -> None:
    """A folder that may not be read, or a disk that is full, is named as such wherever it is met."""
    a_step(monkeypatch, raising(OSError(number, os.strerror(number), "/share/take")))
    receipt = execute(task_of(shoot), context)
    assert (receipt.code, receipt.exit_status) == (code, status)
    assert "/share/take" in receipt.message
    assert "Traceback" in log_of(context, task_of(shoot))


def test_what_a_failed_attempt_held_is_free_for_the_next(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error holds on to all that its functions held, and Dask holds on to the error."""
    held: list[weakref.ref[np.ndarray]] = []

    def step(progress: Any) -> None:
        large = np.zeros(1000)
        held.append(weakref.ref(large))
        raise OutOfMemoryError("CUDA out of memory")

    a_step(monkeypatch, step)
    with pytest.raises(PassingTroubleError) as raised:
        execute(task_of(shoot), context)
    assert raised.value.__cause__ is not None
    assert held[0]() is None


def test_a_cancelled_task_stops_at_its_next_safe_place(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends as cancelled; of a job that is cancelled already, nothing is begun."""
    done: list[int] = []

    def step(progress: Any) -> None:
        cancel(Path(context.folder))
        for each in range(1000):
            done.append(each)
            progress(each, 1000, "work")

    monkeypatch.setattr("jobs.records.cancelling._PATIENCE", 0.0)
    a_step(monkeypatch, step)
    receipt = execute(task_of(shoot), context)
    assert (receipt.state, receipt.exit_status, receipt.code) == (State.CANCELLED, 130, "cancelled")
    assert done == [0]
    assert execute(task_of(shoot, "detect"), context).state is State.CANCELLED
    assert done == [0]


def test_warnings_of_libraries_are_in_the_log(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what vultus itself says, and each in each attempt."""

    def step(progress: Any) -> None:
        logging.getLogger("pipeline.stages.fit").info("forty frames")
        warnings.warn("an odd lens", RuntimeWarning, stacklevel=1)

    a_step(monkeypatch, step)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for _ in range(2):
            execute(task_of(shoot), context)
    log = log_of(context, task_of(shoot))
    assert log.count("INFO    forty frames") == 2
    assert log.count("an odd lens (RuntimeWarning") == 2
    headings = [line[:15] for line in log.splitlines() if line[0] == "="]
    assert headings == ["==== attempt 1:", "==== attempt 2:"]


def test_a_receipt_that_cannot_be_written_is_returned_and_says_so(shoot: Path, context: JobContext) -> None:
    """The client still hears of the work when the job's folder is on a full disk."""
    Path(context.folder).mkdir()
    for name in ("receipts", "logs"):
        (Path(context.folder) / name).write_text("in the way")
    receipt = execute(task_of(shoot), context)
    assert receipt.state is State.DONE
    assert receipt.log == ""
    assert "receipt" in receipt.message
    assert "cannot be written" in receipt.message


@pytest.mark.parametrize(("converged", "status"), [(True, 4), (False, 5)])
def test_the_report_ends_as_its_shoot_did(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch, converged: bool, status: int
) -> None:
    """4 where some frames failed, 5 where the solver missed its gate; the words name how many."""
    failures = (FrameFailure("left", 1002, "torn"),)
    outcome = Outcome("take", 3, failures, converged, 0.5, 0)
    a_step(monkeypatch, lambda progress: None)
    monkeypatch.setattr(worker, "read_outcome", lambda shoot: outcome)
    receipt = execute(task_of(shoot, "report"), context)
    assert (receipt.state, receipt.exit_status) == (State.PARTIAL, status)
    assert receipt.message.startswith("3 frames, 0.50 px, 1 failed")


def test_results_go_where_the_job_says(shoot: Path, tmp_path: Path) -> None:
    """To a folder of each sequence below the one that was asked for, which is relative to the user's."""
    execute(task_of(shoot), job_in(tmp_path, output="night"))
    assert (tmp_path / "night" / "take" / "cameras.json").is_file()
    assert not (shoot / "results").exists()


def test_calibration_that_is_done_counts_as_work(shoot: Path, context: JobContext) -> None:
    """Cameras that are only read from a file are work too: what is found up to date is told from it."""
    called: list[str] = []
    calibrate.main(open_shoot(task_of(shoot), context), progress=lambda *told: called.append(told[2]))
    assert called
