"""Small clusters in this process, and jobs on them, for tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from jobs.conducting.assignment import Functions
from jobs.conducting.conductor import conduct
from jobs.conducting.desk import Job, Limits
from jobs.conducting.verdict import JobOutcome
from jobs.records.ledger import Ledger
from jobs.sequences import name_sequences
from jobs.tasks import JobContext, Receipt, Task
from jobs.watching.watch import Unwatched, Watch
from tests.jobs import fake_duties


@dataclass
class SmallCluster:
    """Workers that are threads of this process."""

    client: Client
    gpus: bool = False
    memory_gib: float = 4.0
    comes_back: bool = False

    def reconnect(self, timeout: float) -> Client:
        raise AssertionError("the scheduler of a test is lost")


@contextmanager
def small_cluster(workers: int = 2) -> Iterator[SmallCluster]:
    with (
        dask.config.set({"distributed.worker.profile.enabled": False}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=False,
            dashboard_address="127.0.0.1:0",
            resources={"MEMORY": 4},
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield SmallCluster(client)


@dataclass
class NotingWatch(Unwatched):
    """Remembers what it is told."""

    ends: list[Receipt] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def planned(self, tasks: Sequence[Task]) -> None:
        self.tasks += tasks

    def started(self, key: str, worker: str) -> None:
        self.starts.append(key)

    def ended(self, receipt: Receipt) -> None:
        self.ends.append(receipt)

    def said(self, text: str) -> None:
        self.words.append(text)

    def receipt(self, key: str) -> Receipt:
        return next(each for each in self.ends if each.key == key)


def a_job(folder: Path, shoots: Sequence[Path], limits: Limits | None = None) -> Job:
    return Job(
        name_sequences(shoots, folder),
        JobContext("job", str(folder / "job"), str(folder)),
        Functions(fake_duties.survey, fake_duties.execute, lambda task: 2**30),
        run=secrets.token_hex(4),
        limits=limits or Limits(grace=5.0, retries=1),
    )


def run(job: Job, cluster: SmallCluster, watch: Watch) -> JobOutcome:
    with Ledger(job.folder) as ledger:
        return conduct(job, cluster, ledger, watch)
