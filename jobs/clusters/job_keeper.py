"""Jobs of a batch system while they run: the first are submitted, and those that end are replaced.

A job ends at its walltime, with its node, or because somebody cancelled it; dask-jobqueue leaves it at that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributed.core import Status
from distributed.diagnostics.plugin import SchedulerPlugin
from tornado.ioloop import PeriodicCallback

from calibration.errors import VultusError
from jobs.clusters.cluster import Say
from jobs.clusters.profile import ClusterProfile

SECONDS = 5.0
LOOKS = 6
"""After so many without its workers a job has ended; a worker that its nanny restarts is back sooner."""


def submit(cluster: Any, jobs: int, profile: ClusterProfile) -> None:
    """Ask for the first jobs, and wait until the batch system has taken them.

    Raises:
        VultusError: it refuses them, in its own words.
    """
    # As cluster.scale does, which submits at its leisure and keeps a refusal to itself.
    while len(cluster.worker_spec) < jobs:
        cluster.worker_spec.update(cluster.new_worker_spec())
    try:
        cluster.sync(cluster._correct_state)
    except (OSError, RuntimeError, ValueError) as error:
        drop_refused(cluster)
        raise VultusError(
            f"The job is refused: {refusal(str(error))}",
            where=f"cluster {profile.kind}",
            fix="Look at the table [queue] of the profile, and at [workers], which says how large a job is",
        ) from error


def drop_refused(cluster: Any) -> None:
    """Forget the jobs that were never taken; the cluster would stumble over them when it closes."""
    for name in [name for name, job in cluster.workers.items() if job.job_id is None]:
        cluster.workers.pop(name).status = Status.failed


def refusal(text: str) -> str:
    """The batch system's own words in what dask-jobqueue says of a command that failed."""
    found = re.search(r"stderr:\n(.+)", text, re.DOTALL)
    return " ".join((found.group(1) if found else text).split()).rstrip(".")


class JobKeeper(SchedulerPlugin):  # type: ignore[misc]
    """Looks now and then which jobs have lost all their workers, and asks for others in their place.

    Args:
        cluster: of dask-jobqueue, whose scheduler is in this process.
        say: told when a job is replaced, and when that fails.
    """

    def __init__(self, cluster: Any, say: Say) -> None:
        self.cluster = cluster
        self.say = say
        self._came: set[str] = set()
        self._missing: dict[str, int] = {}
        self._said = ""
        self._looks_to_wait = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs, in the cluster's own loop."""
        self.cluster.scheduler.add_plugin(self, name="vultus jobs")
        calls = PeriodicCallback(self.look, SECONDS * 1000)
        self.cluster.loop.add_callback(calls.start)
        try:
            yield
        finally:
            self.cluster.loop.add_callback(calls.stop)

    def add_worker(self, scheduler: Any, worker: str) -> None:
        """Called by Dask when a worker has come."""
        self._came.add(str(scheduler.workers[worker].name))

    async def look(self) -> None:
        """Replace the jobs whose workers were there and have been gone for a while."""
        for name in self.ended():
            job = self.cluster.workers.pop(name)
            self.say(f"The job {job.job_id} has ended; another is submitted")
            await job.close()
        if self._looks_to_wait:
            self._looks_to_wait -= 1
            return
        try:
            await self.cluster._correct_state()
        except (OSError, RuntimeError, ValueError) as error:
            drop_refused(self.cluster)
            self._looks_to_wait = LOOKS
            self._say_once(f"A job is refused: {refusal(str(error))}")

    def ended(self) -> list[str]:
        """Names of the jobs that have ended, as far as their workers tell."""
        there = {str(worker.name) for worker in self.cluster.scheduler.workers.values()}
        ended = []
        for name in self.cluster.workers:
            group = self.cluster.worker_spec.get(name, {}).get("group", [""])
            names = {f"{name}{suffix}" for suffix in group}
            looks = self._missing[name] = 0 if names & there else self._missing.get(name, 0) + 1
            if looks >= LOOKS and names & self._came:
                self._came -= names
                ended.append(name)
        return ended

    def _say_once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self.say(text)
