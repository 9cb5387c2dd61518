"""A Dask worker that closes gives its task up at the next safe place, and another one goes on with it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster

from jobs.clusters.preload import LOADS
from jobs.records.receipts import log_file
from jobs.tasks import Receipt, State
from jobs.workers import worker, worker_progress
from jobs.workers.worker import execute
from jobs.workers.worker_progress import PROGRESS_TOPIC
from jobs.workers.worker_signals import leave_on_sigterm
from pipeline.shoot.shoot import Shoot
from pipeline.steps import StepDone
from tests.jobs.lingering import linger
from tests.jobs.small_shoot import job_in, task_of, write_small_shoot

LIMIT_S = 30.0
PAGE = "127.0.0.1:0"


@pytest.fixture
def client() -> Iterator[Client]:
    """Two workers, as threads of this process."""
    options: dict[str, Any] = {
        "processes": False,
        "dashboard_address": PAGE,
        "worker_dashboard_address": PAGE,
    }
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client


def wait_for(condition: threading.Event) -> None:
    assert condition.wait(LIMIT_S)


def test_a_task_moves_to_another_worker_when_its_own_closes_at_walltime(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped where it reports progress, and the client only sees that it was done."""
    shoot, context = write_small_shoot(tmp_path / "take"), job_in(tmp_path)
    workers: list[str] = []
    begun, finish = threading.Event(), threading.Event()

    def step(shoot: Shoot, stage: str, frames: str, *, progress: Any) -> StepDone:
        workers.append(progress.worker)
        begun.set()
        while not finish.is_set():
            progress(0, 1, "work")
            time.sleep(0.01)
        return StepDone(shoot.output, True)

    monkeypatch.setattr(worker, "run_step", step)
    future = client.submit(execute, task_of(shoot), context, pure=False)
    wait_for(begun)
    begun.clear()
    (address,) = [address for address, keys in client.processing().items() if keys]
    client.retire_workers([address])
    wait_for(begun)
    finish.set()
    receipt: Receipt = future.result(LIMIT_S)
    assert (receipt.state, receipt.attempt) == (State.DONE, 2)
    assert receipt.worker == workers[1] != workers[0]
    assert "goes on elsewhere" in log_file(Path(context.folder), receipt.key).read_text()


def test_a_running_task_tells_the_client_how_far_it_is(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Along Dask's own way for events, and not so often that it costs anything."""
    monkeypatch.setattr(worker_progress, "_PATIENCE", 0.0)
    shoot, context = write_small_shoot(tmp_path / "take"), job_in(tmp_path)
    told: list[dict[str, Any]] = []
    heard = threading.Event()

    def hear(event: tuple[float, dict[str, Any]]) -> None:
        told.append(event[1])
        heard.set()

    client.subscribe_topic(PROGRESS_TOPIC, hear)
    assert client.submit(execute, task_of(shoot), context, pure=False).result(LIMIT_S).state is State.DONE
    wait_for(heard)
    assert told[-1].items() >= {"key": "take/calibrate", "done": 1, "total": 1, "label": "calibrate"}.items()


def test_a_worker_that_is_asked_to_end_does_not_die_in_the_middle_of_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queues send SIGTERM to every process of a job: the task stops in good order, as at walltime."""
    monkeypatch.setenv(LOADS, "")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=PAGE,
            worker_dashboard_address=PAGE,
            preload=["jobs.clusters.preload"],
        ) as cluster,
        Client(cluster) as client,
    ):
        future = client.submit(linger, str(tmp_path), pure=False)
        until = time.monotonic() + LIMIT_S
        while not (begun := list(tmp_path.glob("begun.*"))):
            assert time.monotonic() < until
            time.sleep(0.01)
        process = int(begun[0].suffix[1:])
        os.kill(process, signal.SIGTERM)
        assert future.result(LIMIT_S) != process


def test_a_worker_that_outgrew_its_memory_dies_of_its_nannys_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that does not fit counts as the death of its worker, else it would wander for ever."""
    killed: list[tuple[int, int]] = []
    left: list[str] = []

    class Worker:
        def __init__(self, limit: int) -> None:
            self.memory_manager = SimpleNamespace(memory_limit=limit)

        async def close_gracefully(self, **options: object) -> None:
            left.append("in good order")

    async def terminated(worker: Worker) -> None:
        leave_on_sigterm(worker)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.05)

    monkeypatch.setattr(os, "kill", lambda process, number: killed.append((process, number)))
    asyncio.run(terminated(Worker(1 << 50)))
    assert (killed, left) == ([], ["in good order"])
    asyncio.run(terminated(Worker(1 << 20)))
    assert (killed, left) == ([(os.getpid(), signal.SIGTERM)], ["in good order"])
