"""A simulation of a large job: a real conductor, scheduler and workers, and tasks that do nothing.

What is measured is what a cluster takes for itself. It says nothing about images, disks or GPUs.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dask
import psutil
from distributed import Client

from calibration.errors import VultusError
from jobs.clusters.profile import read_profile
from jobs.clusters.worker_setup import DASK, dask_variables
from jobs.conducting.assignment import Functions
from jobs.conducting.conductor import conduct
from jobs.conducting.desk import Job
from jobs.records.ledger import Ledger
from jobs.sequences import SequencePath
from jobs.tasks import JobContext, Receipt, State, Survey, Task, Work
from jobs.watching.watch import Unwatched
from pipeline.progress import Progress, silent

CHUNK = 240
SHARES = (0.1, 0.5, 1.0)
"""Of the tasks, when the client's memory is measured."""

_LOOPBACK = "127.0.0.1"
_START_S = 60.0
_PYTHON = (sys.executable, "-m")


@dataclass(frozen=True)
class Scale:
    """How large the simulated job is.

    Attributes:
        sequences: of the job.
        cameras: of each.
        frames: of each.
        workers: processes.
    """

    sequences: int = 2000
    cameras: int = 17
    frames: int = 500
    workers: int = 2

    @property
    def tasks(self) -> int:
        """Of the whole job: for each sequence a survey, the chunks of the detection, the other stages."""
        return self.sequences * (1 + len(_steps(self.frames)))


@dataclass
class SimulationResult:
    """What was measured.

    Attributes:
        tasks: of the job.
        seconds: from the first to the last.
        scheduler_ms, client_ms: time of a processor that each task took.
        scheduler_mib: memory of the scheduler at the end.
        client_mib: memory of the client, by the share of tasks that had ended.
    """

    tasks: int
    seconds: float = 0.0
    scheduler_ms: float = 0.0
    client_ms: float = 0.0
    scheduler_mib: float = 0.0
    client_mib: dict[float, float] = field(default_factory=dict)


def simulate(scale: Scale, progress: Progress = silent) -> SimulationResult:
    """Run a job of stubs through a scheduler and workers that are processes of their own on loopback.

    Raises:
        VultusError: they do not start, or a task does not end well.
    """
    sequences = tuple(
        SequencePath(f"sequence{number:05d}", f"/simulated/sequence{number:05d}")
        for number in range(scale.sequences)
    )
    with tempfile.TemporaryDirectory() as place, _cluster(Path(place), scale.workers) as (cluster, scheduler):
        context = JobContext("simulation", place, f"{scale.cameras} {scale.frames}")
        job = Job(sequences, context, Functions(survey, execute, _memory), secrets.token_hex(4))
        meter = _Meter(scale.tasks, scheduler, progress)
        with Ledger(Path(place)) as ledger:
            outcome = conduct(job, cluster, ledger, meter)
        if outcome.exit_status:
            raise VultusError("The simulation did not come to its end")
        return meter.result()


def survey(task: Task, context: JobContext) -> Survey:
    """On a worker, in the place of a survey; ``context.current`` says how many cameras and frames."""
    cameras, frames = map(int, context.current.split())
    tasks = tuple(
        Task(
            task.sequence,
            task.shoot,
            step.partition(" ")[0],
            step.partition(" ")[2],
            tuple(f"{task.sequence}/{need}" for need in needs),
            work=Work(frames, cameras),
        )
        for step, needs in _steps(frames).items()
    )
    return Survey(task.sequence, task.shoot, execute(task, context), tasks)


def execute(task: Task, context: JobContext, *needed: Receipt) -> Receipt:
    """On a worker, in the place of any stage: nothing is done."""
    return Receipt(task.key, task.sequence, task.stage, task.frames, State.DONE, work=task.work)


def _steps(frames: int) -> dict[str, tuple[str, ...]]:
    """The steps of a sequence, with those that each needs."""
    chunks = tuple(
        f"detect {first}-{min(first + CHUNK - 1, 1000 + frames)}"
        for first in range(1001, 1001 + frames, CHUNK)
    )
    return {
        "calibrate": (),
        **dict.fromkeys(chunks, ("calibrate",)),
        "detect": chunks,
        "fit": ("detect",),
        "export": ("fit",),
        "overlay": ("fit",),
        "report": ("export", "overlay"),
    }


def _memory(task: Task) -> float:
    return 2.0**30


class _Loopback:
    """The cluster of a simulation."""

    gpus, memory_gib, comes_back = False, 4.0, False

    def __init__(self, client: Client) -> None:
        self.client = client

    def reconnect(self, timeout: float) -> Client:
        """It does not come back."""
        raise VultusError("The scheduler of the simulation is gone")


@contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[tuple[_Loopback, psutil.Process]]:
    file = folder / "scheduler.json"
    common = ["--host", _LOOPBACK, "--no-dashboard", "--scheduler-file", str(file)]
    scheduler = [*_PYTHON, "distributed.cli.dask_scheduler", "--port", "0", *common]
    worker = [*_PYTHON, "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *common]
    worker += ["--resources", "MEMORY=4", "--memory-limit", "0", "--local-directory", str(folder)]
    started = [_start(scheduler)]
    try:
        until = time.monotonic() + _START_S
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.05)
        started += [_start(worker) for _ in range(workers)]
        with (
            dask.config.set(DASK),
            Client(scheduler_file=str(file), timeout=_START_S, set_as_default=False) as client,
        ):
            client.wait_for_workers(workers, _START_S)
            yield _Loopback(client), psutil.Process(started[0].pid)
    except (OSError, TimeoutError) as error:
        raise VultusError(f"The cluster of the simulation does not start ({error})") from error
    finally:
        for process in started:
            process.kill()
            process.wait()


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | dask_variables(read_profile("local"))
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class _Meter(Unwatched):
    """Counts tasks as they end, and measures meanwhile."""

    def __init__(self, tasks: int, scheduler: psutil.Process, progress: Progress) -> None:
        self._result, self._progress = SimulationResult(tasks), progress
        self._scheduler, self._client = scheduler, psutil.Process()
        self._begun = time.monotonic(), _cpu(scheduler), _cpu(self._client)
        self._ended, self._shares = 0, list(SHARES)

    def ended(self, receipt: Receipt) -> None:
        """Count, and look at the client's memory at its times."""
        self._ended += 1
        if self._shares and self._ended >= self._shares[0] * self._result.tasks:
            self._result.client_mib[self._shares.pop(0)] = _mib(self._client)

    def check(self) -> None:
        """Say how far it is."""
        self._progress(self._ended, self._result.tasks, "simulating")

    def result(self) -> SimulationResult:
        """What was measured."""
        wall, scheduler, client = self._begun
        result = self._result
        result.seconds = time.monotonic() - wall
        result.scheduler_ms = 1e3 * (_cpu(self._scheduler) - scheduler) / result.tasks
        result.client_ms = 1e3 * (_cpu(self._client) - client) / result.tasks
        result.scheduler_mib = _mib(self._scheduler)
        return result


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20
