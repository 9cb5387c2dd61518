"""Workers on this machine: processes that share its cores, memory and GPUs and do not fight for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dask
from distributed import Client, Nanny, Scheduler
from distributed.deploy.spec import SpecCluster

from calibration.errors import VultusError
from jobs.clusters.cluster import Cluster, Say
from jobs.clusters.machine import WorkerShare, shares, this_machine
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.security import LOOPBACK, scheduler_options, security_of
from jobs.clusters.worker_setup import LOOPBACK_PAGE, PRELOAD, dask_settings, numeric_variables

PRE_SPAWN = "distributed.nanny.pre-spawn-environ"


@contextmanager
def open_local(profile: ClusterProfile, say: Say) -> Iterator[Cluster]:
    """A scheduler in this process and workers beside it; all of them end with the block.

    Raises:
        UsageError: the machine has not what the profile asks for.
        VultusError: the workers do not start.
    """
    parts = shares(this_machine(), profile.workers)
    say(f"This machine: {words(parts)}")
    scheduler = {"cls": Scheduler, "options": scheduler_options(profile, on_network=False)}
    with dask.config.set(machine_settings(profile, parts)):
        try:
            cluster = SpecCluster(
                workers=worker_specs(profile, parts),
                scheduler=scheduler,
                security=security_of(profile),
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise VultusError(f"The workers do not start ({error})", where="cluster local") from error
        with cluster, Client(cluster, set_as_default=False, name="vultus") as client:
            gpus = any(part.gpu for part in parts)
            yield Cluster(client, profile, gpus, max(part.memory_gib for part in parts), words(parts))


def machine_settings(profile: ClusterProfile, parts: tuple[WorkerShare, ...]) -> dict[str, Any]:
    """Dask's configuration while workers of this machine are started, and for them.

    The threads have to be there before a worker's process is: it loads numpy before Dask hands it anything.
    """
    before = dask.config.get(PRE_SPAWN) | numeric_variables(parts[0].threads)
    return dask_settings(profile) | {PRE_SPAWN: before, "logging.distributed": "error"}


def worker_specs(
    profile: ClusterProfile, parts: tuple[WorkerShare, ...], options: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """What Dask needs to know of each worker, by its name; ``options`` go to all of them."""
    common = {
        "nthreads": 1,
        "host": profile.scheduler.host or LOOPBACK,
        "security": security_of(profile),
        "protocol": "tls" if profile.tls is not None else "tcp",
        "preload": PRELOAD,
        "dashboard": False,
        "dashboard_address": LOOPBACK_PAGE,
        "local_directory": profile.workers.scratch or None,
        "death_timeout": profile.workers.death_timeout,
        "silence_logs": logging.ERROR,
        **(options or {}),
    }
    return {
        str(number): {
            "cls": Nanny,
            "options": common
            | {
                "resources": part.resources,
                "memory_limit": int(part.memory_gib * 2**30),
                "env": environment(profile, part),
            },
        }
        for number, part in enumerate(parts)
    }


def environment(profile: ClusterProfile, part: WorkerShare) -> dict[str, str]:
    """Variables of one worker. Without a GPU it sees none, so that a device ``auto`` is its processor."""
    threads = numeric_variables(part.threads)
    return threads | {"CUDA_VISIBLE_DEVICES": part.gpu} | profile.workers.environment


def words(parts: tuple[WorkerShare, ...]) -> str:
    """The workers as a person reads them."""
    with_gpu = sum(bool(part.gpu) for part in parts)
    text = f"{len(parts)} worker{'s' * (len(parts) > 1)}"
    text += f", {with_gpu} with a GPU" if with_gpu else ""
    threads = parts[0].threads
    return f"{text}; {threads} thread{'s' * (threads > 1)} and {parts[0].memory_gib:.1f} GiB each"
