"""Jobs that end before the work does, seen by their workers alone: no batch system is asked."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from jobs.clusters.job_keeper import LOOKS, JobKeeper


class _Job:
    """A job that was submitted; ``None`` for its number if it was refused."""

    def __init__(self, number: int | None) -> None:
        self.job_id = None if number is None else str(number)
        self.closed = False
        self.status: object = None

    async def close(self) -> None:
        self.closed = True


class _Cluster:
    """As much of dask-jobqueue's cluster as is looked at: two jobs of two workers."""

    def __init__(self) -> None:
        self.scheduler = SimpleNamespace(workers=dict[str, Any]())
        self.worker_spec = {name: {"group": ["-0", "-1"]} for name in ("v-0", "v-1")}
        self.workers = {"v-0": _Job(10), "v-1": _Job(11)}
        self.refusal = ""
        self.asked = 0

    async def _correct_state(self) -> None:
        self.asked += 1
        for name in sorted(set(self.worker_spec) - set(self.workers)):
            self.workers[name] = _Job(None if self.refusal else 12)
            if self.refusal:
                raise RuntimeError(f"Exit code: 1\nstderr:\n{self.refusal}\n")

    def come(self, keeper: JobKeeper, *names: str) -> None:
        for name in names:
            self.scheduler.workers[f"tcp://{name}"] = SimpleNamespace(name=name)
            keeper.add_worker(self.scheduler, f"tcp://{name}")


def looks(keeper: JobKeeper, count: int) -> None:
    for _ in range(count):
        asyncio.run(keeper.look())


def test_a_job_whose_workers_are_gone_is_replaced_and_one_that_waits_is_left_alone() -> None:
    """A job in the queue has no workers either; only one that had some has ended."""
    cluster, said = _Cluster(), list[str]()
    keeper = JobKeeper(cluster, said.append)
    cluster.come(keeper, "v-0-0", "v-0-1")
    looks(keeper, 2 * LOOKS)
    ended = cluster.workers["v-0"]
    assert not said
    cluster.scheduler.workers.clear()
    looks(keeper, LOOKS - 1)
    assert not said
    looks(keeper, 1)
    assert said == ["The job 10 has ended; another is submitted"]
    assert ended.closed
    assert cluster.workers["v-0"].job_id == "12"
    looks(keeper, 3 * LOOKS)
    assert len(said) == 1


def test_a_worker_that_is_restarted_is_no_ended_job() -> None:
    """One of two is enough, and a short absence of both does not count."""
    cluster, said = _Cluster(), list[str]()
    keeper = JobKeeper(cluster, said.append)
    cluster.come(keeper, "v-0-0", "v-0-1")
    for names in ((), ("v-0-1",), ()):
        cluster.scheduler.workers.clear()
        cluster.come(keeper, *names)
        looks(keeper, LOOKS - 1)
    assert not said


def test_a_refusal_is_said_once_and_tried_again_later() -> None:
    """A batch system that is away for a while is not asked every few seconds."""
    cluster, said = _Cluster(), list[str]()
    keeper = JobKeeper(cluster, said.append)
    cluster.refusal = "sbatch: error: slurmctld is not there"
    del cluster.workers["v-1"]
    looks(keeper, 2 * LOOKS)
    assert said == ["A job is refused: sbatch: error: slurmctld is not there"]
    assert cluster.asked == 2
    cluster.refusal = ""
    looks(keeper, LOOKS + 1)
    assert cluster.workers["v-1"].job_id == "12"
