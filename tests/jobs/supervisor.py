"""A Dask scheduler and workers as processes of their own, restarted when they die, as a farm does it.

Run as a program: ``python -m tests.jobs.supervisor PORT WORKERS FOLDER``. It writes the process ids to
``FOLDER/scheduler`` and ``FOLDER/worker-N``, and ends everything when its standard input closes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import select
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import dask
from distributed import Scheduler, Worker

import tests.jobs.fake_duties  # noqa: F401 - loaded once, before the processes are forked

_FORK = multiprocessing.get_context("fork")
_PAUSE = 0.05


async def _scheduler(port: int) -> None:
    async with Scheduler(host="127.0.0.1", port=port, dashboard_address="127.0.0.1:0") as scheduler:
        await scheduler.finished()


async def _worker(port: int, name: str, folder: Path) -> None:
    while True:
        try:
            worker = Worker(
                f"tcp://127.0.0.1:{port}",
                nthreads=1,
                name=name,
                resources={"MEMORY": 4},
                host="127.0.0.1",
                dashboard=False,
                dashboard_address="127.0.0.1:0",
                local_directory=str(folder / "scratch"),
                memory_limit=0,
            )
            async with worker:
                await worker.finished()
        except OSError:
            await asyncio.sleep(_PAUSE)


def _run_worker(port: int, name: str, folder: Path) -> None:
    asyncio.run(_worker(port, name, folder))


def _run(work: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work()


def _start(work: Callable[[], object], mark: Path) -> BaseProcess:
    process = _FORK.Process(target=_run, args=(work,), daemon=True)
    process.start()
    partial = mark.with_suffix(".partial")
    partial.write_text(str(process.pid))
    partial.replace(mark)
    return process


def main(port: int, workers: int, folder: Path) -> None:
    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": 1000,
            "distributed.worker.profile.enabled": False,
            "distributed.comm.timeouts.connect": "5s",
        }
    )
    works: dict[str, Callable[[], object]] = {"scheduler": lambda: asyncio.run(_scheduler(port))}
    for name in (f"worker-{number}" for number in range(workers)):
        works[name] = partial(_run_worker, port, name, folder)
    running = {name: _start(work, folder / name) for name, work in works.items()}
    while not select.select([sys.stdin], [], [], _PAUSE)[0]:
        for name, process in running.items():
            if not process.is_alive():
                process.join()
                time.sleep(_PAUSE)
                running[name] = _start(works[name], folder / name)
    for process in running.values():
        process.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
