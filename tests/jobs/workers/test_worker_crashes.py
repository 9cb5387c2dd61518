"""Workers that are killed, or do the same task at once: the work is done once, and the bytes are the same."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from jobs.records.cancelling import cancel
from jobs.records.logs import task_log
from jobs.records.receipts import read_receipts
from jobs.records.running_notes import Life, read_notes
from jobs.tasks import JobContext, Receipt, State, Task
from jobs.workers import worker
from jobs.workers.worker import execute
from pipeline.shoot.shoot import Shoot
from pipeline.steps import StepDone, run_step
from tests.jobs.small_shoot import job_in, task_of, write_small_shoot

# A forked worker is a process of its own that has everything loaded already.
FORK = multiprocessing.get_context("fork")
LIMIT_S = 60.0
KILLS = 25

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def start(task: Task, context: JobContext, receipts: Any = None, begun: Event | None = None) -> BaseProcess:
    """A worker that does one task."""

    def work() -> None:
        if begun is not None:
            begun.set()
        receipt = execute(task, context)
        if receipts is not None:
            receipts.put(receipt)

    process = FORK.Process(target=work)
    process.start()
    return process


def end(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(LIMIT_S)
        assert process.exitcode == 0


def slow_step(shoot: Shoot, stage: str, frames: str, *, progress: Any) -> StepDone:
    """The real step, slowly."""
    time.sleep(0.05)
    done = run_step(shoot, stage, frames, progress=progress)
    time.sleep(0.05)
    return done


def test_two_workers_with_one_task_do_its_work_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and finds the result up to date."""
    monkeypatch.setattr(worker, "run_step", slow_step)
    shoot, context = write_small_shoot(tmp_path / "take"), job_in(tmp_path)
    receipts: multiprocessing.Queue[Receipt] = FORK.Queue()
    processes = [start(task_of(shoot), context, receipts) for _ in range(3)]
    found = [receipts.get(timeout=LIMIT_S) for _ in processes]
    end(processes)
    assert sorted(each.state for each in found) == [State.CURRENT, State.CURRENT, State.DONE]
    (kept,) = read_receipts(Path(context.folder))
    assert kept.state is State.DONE


def test_a_worker_killed_at_any_moment_leaves_a_task_that_can_be_done_again(tmp_path: Path) -> None:
    """Before or after it published the result, or its receipt: the bytes are those of an undisturbed run, no
    receipt is half of one, and of all that was done only one says that it did the work."""
    calm, shoot = write_small_shoot(tmp_path / "calm"), write_small_shoot(tmp_path / "take")
    execute(task_of(calm), job_in(tmp_path / "elsewhere"))
    expected = (calm / "results" / "cameras.json").read_bytes()
    context, chance = job_in(tmp_path), random.Random(5)
    for _ in range(KILLS):
        begun = FORK.Event()
        process = start(task_of(shoot), context, begun=begun)
        assert begun.wait(LIMIT_S)
        time.sleep(chance.uniform(0.0, 0.03))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(LIMIT_S)
        list(read_receipts(Path(context.folder)))
    last = execute(task_of(shoot), context)
    assert last.state in (State.DONE, State.CURRENT)
    assert last.attempt <= KILLS + 1
    assert (shoot / "results" / "cameras.json").read_bytes() == expected
    (kept,) = read_receipts(Path(context.folder))
    assert kept.attempt <= last.attempt
    assert all(life is Life.LOST for _, life in read_notes(Path(context.folder)))


def test_one_who_waits_for_another_worker_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that hangs does not hold up the end of the job."""
    shoot, context = write_small_shoot(tmp_path / "take"), job_in(tmp_path)
    task, begun = task_of(shoot), FORK.Event()

    def hang(*_: object, **__: object) -> StepDone:
        begun.set()
        time.sleep(LIMIT_S)
        raise AssertionError

    monkeypatch.setattr(worker, "run_step", hang)
    process = start(task, context)
    assert begun.wait(LIMIT_S)
    waiting = start(task, context, receipts := FORK.Queue())
    cancel(Path(context.folder))
    receipt: Receipt = receipts.get(timeout=LIMIT_S)
    process.kill()
    process.join(LIMIT_S)
    end([waiting])
    assert receipt.state is State.CANCELLED


def test_attempts_that_were_killed_are_counted(tmp_path: Path) -> None:
    """The log has a heading for each, so that nobody wonders why the third is called the third."""
    with task_log(tmp_path, "take/fit", "here") as log:
        assert (log.attempt, log.file) == (1, "logs/take/fit.log")
    with (tmp_path / log.file).open("ab") as file:
        file.write(b"torn \xff line")
    with task_log(tmp_path, "take/fit", "there") as log:
        assert log.attempt == 2
    assert "\n==== attempt 2: take/fit, there\n" in (tmp_path / log.file).read_text(errors="replace")
