"""Workers as jobs of SLURM, PBS, LSF or SGE, through dask-jobqueue."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
from distributed import Client

from calibration.errors import MissingDependencyError, VultusError
from jobs.clusters.cluster import Cluster, Say
from jobs.clusters.job_keeper import JobKeeper, submit
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.queue_jobs import NAME, job_options, job_size
from jobs.clusters.security import scheduler_options
from jobs.clusters.worker_setup import dask_settings


@contextmanager
def open_queue(profile: ClusterProfile, say: Say) -> Iterator[Cluster]:
    """A scheduler in this process and workers as jobs, which end with the block.

    The jobs may wait in the queue for hours; nobody waits for them here. One that ends before the work does
    is replaced.

    Raises:
        MissingDependencyError: dask-jobqueue is not installed, or this is no machine to submit jobs from.
        UsageError: the scheduler would listen on a network without certificates.
        VultusError: the batch system refuses the jobs.
    """
    size = job_size(profile)
    jobs = profile.queue.jobs
    first = jobs if profile.queue.minimum_jobs is None else max(1, profile.queue.minimum_jobs)
    expected = (
        f"{jobs} {profile.kind} job{'s' * (jobs > 1)} of {size.workers} worker{'s' * (size.workers > 1)}, "
        f"{size.cores} cores, {size.whole_gib} GiB"
        + (f", {size.gpus} GPU{'s' * (size.gpus > 1)}" * bool(size.gpus))
    )
    with dask.config.set(dask_settings(profile)), queue_cluster(profile) as cluster:
        submit(cluster, first, profile)
        say(f"Submitted {expected}; scheduler at {cluster.scheduler_address}")
        if first < jobs or profile.queue.minimum_jobs == 0:
            cluster.adapt(minimum_jobs=profile.queue.minimum_jobs, maximum_jobs=jobs)
        with (
            JobKeeper(cluster, say).watching(),
            Client(cluster, set_as_default=False, name=NAME) as client,
        ):
            yield Cluster(client, profile, size.gpus > 0, size.memory_gib, f"no workers yet: {expected}")


def queue_cluster(profile: ClusterProfile) -> Any:
    """dask-jobqueue's cluster of the profile: a scheduler, and no job yet.

    Raises:
        MissingDependencyError, UsageError: as :func:`open_queue`.
    """
    try:
        import dask_jobqueue
    except ImportError as error:
        raise MissingDependencyError(
            f"A cluster of {profile.kind} needs dask-jobqueue", fix='Type: pip install "vultus[farm]"'
        ) from error
    kind = getattr(dask_jobqueue, f"{profile.kind.upper()}Cluster")
    command = kind.job_cls.submit_command
    if shutil.which(command) is None:
        raise MissingDependencyError(
            f"There is no {command} on this machine",
            where=f"cluster {profile.kind}",
            fix="Run this on a machine that jobs are submitted from",
        )
    listening = scheduler_options(profile, on_network=True)
    security, protocol = listening.pop("security"), listening.pop("protocol")
    try:
        return kind(
            name=NAME,
            security=security,
            protocol=protocol,
            silence_logs=logging.CRITICAL,
            scheduler_options=listening,
            **job_options(profile),
        )
    except (OSError, RuntimeError) as error:
        raise VultusError(
            f"The scheduler does not start ({error})", where=f"cluster {profile.kind}"
        ) from error
