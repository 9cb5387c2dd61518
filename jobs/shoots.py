"""Running many shoots on the workers of a Dask cluster.

One task is one shoot. Its results are files, so that nothing is lost with a worker, and a task that runs
again goes on where the last one stopped. A shoot that fails does not stop the others.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster, as_completed

from calibration.errors import InputError, VultusError
from pipeline.shoot.files import find_shoot
from pipeline.stages import run
from pipeline.stores.outcome import read_outcome

log = logging.getLogger(__name__)

SLOT = "shoot"
"""The resource of which a local worker has one: it runs one shoot at a time."""

ERROR_STATUS = VultusError.exit_status


@dataclass(frozen=True)
class ShootResult:
    """What became of one shoot.

    Attributes:
        shoot: the path it was asked for by.
        exit_status: as ``vultus run`` would leave with.
        message: in words.
        seconds: it took.
        output: folder of the results; empty where there are none.
    """

    shoot: str
    exit_status: int
    message: str
    seconds: float = 0.0
    output: str = ""


@dataclass(frozen=True)
class ClusterOptions:
    """Where shoots run.

    Attributes:
        scheduler: address of a running Dask scheduler; empty starts workers on this machine.
        workers: processes on this machine.
        resources: what a task takes of its worker, such as {"GPU": 1} on a farm.
        device: instead of the shoot files'.
        timeout: seconds to wait for the scheduler.
    """

    scheduler: str = ""
    workers: int = 1
    resources: tuple[tuple[str, float], ...] = ()
    device: str | None = None
    timeout: float = 20.0


def run_shoots(
    shoots: Sequence[Path], options: ClusterOptions, report: Callable[[ShootResult], None]
) -> list[ShootResult]:
    """Run all stages of each shoot.

    Args:
        shoots: paths as for ``vultus run``; workers on other machines must see them under the same names.
        options: where they run.
        report: called with each result as it comes.

    Returns:
        the results, in the order of the shoots.

    Raises:
        InputError: the scheduler does not answer.
    """
    results: dict[str, ShootResult] = {}
    with _client(options) as client:
        resources = dict(options.resources) if options.scheduler else {SLOT: 1.0}
        futures = {
            client.submit(
                run_shoot,
                str(path.resolve()),
                options.device,
                str(Path.cwd()),
                resources=resources,
                pure=False,
            ): str(path)
            for path in shoots
        }
        for future in as_completed(futures):
            results[futures[future]] = result = _result(future, futures[future])
            report(result)
    return [results[str(path)] for path in shoots]


def run_shoot(path: str, device: str | None, folder: str) -> ShootResult:
    """Run all stages of one shoot, on a worker.

    Args:
        path: as for ``vultus run``.
        device: instead of the shoot file's.
        folder: the current folder of the user, in which shoot files of read-only footage lie.
    """
    os.chdir(folder)
    started = time.monotonic()
    try:
        shoot = find_shoot(Path(path)).with_changes(detect={"device": device}, fit={"device": device})
        run.main(shoot)
        outcome = read_outcome(shoot)
    except VultusError as error:
        return ShootResult(path, error.exit_status, str(error), time.monotonic() - started)
    message = f"{outcome.frames} frames, {outcome.reprojection_px:.2f} px"
    if outcome.failures:
        message += f", {len(outcome.failures)} failed"
    message += "".join(f"; {line}" for line in (*outcome.warnings, *outcome.drift, *outcome.unreliable))
    output = str(shoot.output.resolve())
    return ShootResult(path, outcome.exit_status, message, time.monotonic() - started, output)


@contextmanager
def _client(options: ClusterOptions) -> Iterator[Client]:
    if options.scheduler:
        try:
            client = Client(options.scheduler, timeout=options.timeout)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"The scheduler does not answer ({error})", where=options.scheduler) from error
        with client:
            yield client
        return
    threads = max(1, (os.cpu_count() or 1) // options.workers)
    with (
        LocalCluster(
            n_workers=options.workers,
            threads_per_worker=1,
            dashboard_address=None,
            resources={SLOT: 1},
            env={"OMP_NUM_THREADS": str(threads)},
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _result(future: Any, shoot: str) -> ShootResult:
    """The result of a finished task; one that died with its worker, or by a defect, is a failed shoot."""
    error = future.exception()
    if error is not None:
        return ShootResult(shoot, ERROR_STATUS, f"{type(error).__name__}: {error}")
    result: ShootResult = future.result()
    return ShootResult(shoot, result.exit_status, result.message, result.seconds, result.output)
