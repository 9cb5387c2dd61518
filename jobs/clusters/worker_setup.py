"""How a worker process is set up, however it is started: its threads, its place, what Dask must not do.

Everything goes through the environment, which is the one way that reaches a process on this machine, in a job
of a queue and over SSH alike, and that holds before numpy and torch are loaded.
"""

from __future__ import annotations

from typing import Any

from jobs.clusters.profile import ClusterProfile
from pipeline.openmp import SPIN

PRELOAD = "jobs.clusters.preload"
THREADS = "VULTUS_WORKER_THREADS"
PER_GPU = "VULTUS_WORKERS_PER_GPU"
NUMERIC = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
LOOPBACK_PAGE = "127.0.0.1:0"
"""Each worker of Dask serves a page on all interfaces, unless it is told otherwise."""

DASK = {
    # Dask holds nothing but receipts in memory: there is nothing to spill, and a worker that pauses for what
    # torch holds would never go on. One that outgrows its share is stopped before the system stops another.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.profile.enabled": False,
    # A long step in a library that holds Python's lock must not look like a dead worker, nor fill the log.
    "distributed.scheduler.worker-ttl": "20 minutes",
    "distributed.admin.tick.limit": "5 minutes",
    # Scheduler, workers and client keep their last messages; by the thousand they are what makes them grow.
    "distributed.admin.low-level-log-length": 100,
}


MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(2**29), "MALLOC_MMAP_THRESHOLD_": str(2**29)}
"""Freed memory is kept for the next tensor. By Dask's own setting the system has it back at once, and every
tensor is paged in anew: detection took twice the time. Between tasks the workers give it back themselves."""


def numeric_variables(threads: int) -> dict[str, str]:
    """Environment in which numeric libraries compute well, with so many threads, their own and OpenMP's."""
    return dict.fromkeys((*NUMERIC, THREADS), str(threads)) | SPIN | MALLOC


def dask_settings(profile: ClusterProfile) -> dict[str, Any]:
    """Dask's configuration for the scheduler and all workers."""
    return DASK | {"distributed.scheduler.allowed-failures": profile.failures.allowed}


def dask_variables(profile: ClusterProfile) -> dict[str, str]:
    """The same as environment, for processes that this one does not start itself."""
    return {
        "DASK_" + key.upper().replace(".", "__").replace("-", "_"): str(value)
        for key, value in dask_settings(profile).items()
    }
