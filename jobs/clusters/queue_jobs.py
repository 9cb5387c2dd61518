"""What one job of SLURM, PBS, LSF or SGE asks for and starts, in dask-jobqueue's terms."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.clusters.machine import resources
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.security import is_loopback
from jobs.clusters.worker_setup import LOOPBACK_PAGE, PER_GPU, PRELOAD, dask_variables, numeric_variables

NAME = "vultus"
THREADS = 4
MEMORY_GIB = 16.0
DASK_WORKER = "distributed.cli.dask_worker"


@dataclass(frozen=True)
class JobSize:
    """What one job takes.

    Attributes:
        workers: processes. threads: of each. memory_gib: of each. gpus: of the job.
    """

    workers: int
    threads: int
    memory_gib: float
    gpus: int

    @property
    def cores(self) -> int:
        """Of the job."""
        return self.workers * self.threads

    @property
    def whole_gib(self) -> int:
        """Memory of the job, rounded up."""
        return -int(-self.workers * self.memory_gib // 1)


def job_size(profile: ClusterProfile) -> JobSize:
    """What a job of the profile takes."""
    settings = profile.workers
    return JobSize(
        profile.workers_of_a_job,
        settings.threads or THREADS,
        settings.memory_gib or MEMORY_GIB,
        settings.gpus or 0,
    )


def job_options(profile: ClusterProfile) -> dict[str, Any]:
    """The options of a job for dask-jobqueue's cluster of the profile's kind."""
    size = job_size(profile)
    dialect = DIALECTS[profile.kind]
    return {
        # A worker has one task at a time; its threads are the libraries', and the header asks for them.
        "cores": size.workers,
        "processes": size.workers,
        "memory": f"{size.workers * size.memory_gib * 2**30:.0f}B",
        "job_name": NAME,
        "python": profile.workers.python or sys.executable,
        "worker_command": profile.workers.command or DASK_WORKER,
        "worker_extra_args": worker_arguments(profile),
        "death_timeout": f"{profile.workers.death_timeout:.0f}",
        "local_directory": profile.workers.scratch or None,
        "interface": profile.scheduler.interface or None,
        "queue": profile.queue.partition or None,
        "walltime": dialect.walltime(profile.queue.walltime),
        "job_script_prologue": prologue(profile),
        "job_extra_directives": [*dialect.directives(profile, size), *profile.queue.directives],
        "log_directory": str(Path(profile.queue.logs).absolute()) if profile.queue.logs else None,
        dialect.account: profile.queue.account or None,
        **dialect.options(profile, size),
    }


def worker_arguments(profile: ClusterProfile) -> list[str]:
    """What each worker is told beside its size: what it offers, and to leave before the walltime."""
    size = job_size(profile)
    offers = resources(size.memory_gib, size.gpus > 0)
    queue = profile.queue
    return [
        *("--resources", ",".join(f"{name}={amount:g}" for name, amount in offers.items())),
        *("--lifetime", f"{queue.lifetime:.0f}s", "--lifetime-stagger", f"{queue.lifetime_stagger:.0f}s"),
        *("--preload", PRELOAD),
        *("--no-dashboard", "--dashboard-address", LOOPBACK_PAGE),
        *(("--host", profile.scheduler.host) if is_loopback(profile.scheduler.host) else ()),
    ]


def prologue(profile: ClusterProfile) -> list[str]:
    """Lines of shell before the worker: the profile's own, then the environment, which nothing may undo."""
    size = job_size(profile)
    variables = numeric_variables(size.threads) | dask_variables(profile)
    variables |= {PER_GPU: str(profile.workers.per_gpu)} if size.gpus else {"CUDA_VISIBLE_DEVICES": ""}
    variables |= profile.workers.environment
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return [*profile.workers.prologue, *exports]


@dataclass(frozen=True)
class Dialect:
    """How a batch system says what a job takes.

    Attributes:
        account: dask-jobqueue's name of the option that says who pays.
        walltime: seconds in its words.
        options: what dask-jobqueue has an option for.
        directives: what it has none for.
    """

    account: str
    walltime: Callable[[float], str]
    options: Callable[[ClusterProfile, JobSize], dict[str, Any]]
    directives: Callable[[ClusterProfile, JobSize], list[str]]


def clock(seconds: float) -> str:
    """Seconds as ``HH:MM:SS``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


def _hours_and_minutes(seconds: float) -> str:
    return clock(seconds)[:-3]


def _gpu_directives(profile: ClusterProfile, size: JobSize, usual: str) -> list[str]:
    """The profile's own directives for GPUs, or the usual one."""
    if not size.gpus:
        return []
    own = profile.queue.gpu_directives
    return [usual] if own is None else list(own)


def _slurm_options(profile: ClusterProfile, size: JobSize) -> dict[str, Any]:
    return {"job_cpu": size.cores, "job_mem": f"{size.whole_gib}G"}


def _slurm_directives(profile: ClusterProfile, size: JobSize) -> list[str]:
    return _gpu_directives(profile, size, f"--gres=gpu:{size.gpus}")


def _pbs_options(profile: ClusterProfile, size: JobSize) -> dict[str, Any]:
    usual = f"select=1:ncpus={size.cores}:mem={size.whole_gib}gb"
    if size.gpus and profile.queue.gpu_directives is None:
        usual += f":ngpus={size.gpus}"
    return {"resource_spec": profile.queue.resources or usual}


def _pbs_directives(profile: ClusterProfile, size: JobSize) -> list[str]:
    return list(profile.queue.gpu_directives or ()) if size.gpus else []


def _lsf_options(profile: ClusterProfile, size: JobSize) -> dict[str, Any]:
    # Given as an argument, a script's #BSUB lines are not read.
    return {"ncpus": size.cores, "mem": size.whole_gib * 2**30, "use_stdin": True}


def _lsf_directives(profile: ClusterProfile, size: JobSize) -> list[str]:
    return _gpu_directives(profile, size, f'-gpu "num={size.gpus}"')


def _sge_options(profile: ClusterProfile, size: JobSize) -> dict[str, Any]:
    # Grid Engine counts memory per slot, and a slot is a core.
    per_core = -int(-size.memory_gib * 1024 / size.threads // 1)
    return {"resource_spec": profile.queue.resources or f"mem_free={per_core}M"}


def _sge_directives(profile: ClusterProfile, size: JobSize) -> list[str]:
    slots = [f"-pe {profile.queue.parallel_environment} {size.cores}"] if size.cores > 1 else []
    return [*slots, *_gpu_directives(profile, size, f"-l gpu={size.gpus}")]


DIALECTS = {
    "slurm": Dialect("account", clock, _slurm_options, _slurm_directives),
    "pbs": Dialect("account", clock, _pbs_options, _pbs_directives),
    "lsf": Dialect("project", _hours_and_minutes, _lsf_options, _lsf_directives),
    "sge": Dialect("project", clock, _sge_options, _sge_directives),
}
