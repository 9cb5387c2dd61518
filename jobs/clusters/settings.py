"""The tables and keys of a cluster profile: what is allowed, and what holds where nothing is said."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, model_validator

from pipeline.shoot.section import Section

Kind = Literal["local", "address", "slurm", "pbs", "lsf", "sge", "ssh"]

QUEUES = ("slurm", "pbs", "lsf", "sge")
"""The kinds whose workers wait in the queue of a batch system."""

WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")
MARGIN = 120.0
"""Seconds before the walltime in which a worker that has been told to leave can still do so."""


def _seconds(value: object) -> float:
    """A walltime as its seconds. 30:00 is hours and minutes to LSF, minutes and seconds to SLURM: refused."""
    found = WALLTIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('a walltime is hours, minutes and seconds: "04:00:00", or with days "1-12:00:00"')
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total < 2 * MARGIN:
        raise ValueError(f"a walltime under {2 * MARGIN / 60:.0f} minutes leaves no time to work")
    return float(total)


Walltime = Annotated[float, PlainValidator(_seconds)]


class WorkerSettings(Section):
    """``[workers]``: the workers of one machine, of one job of a queue, or of one host.

    Attributes:
        count: how many processes. Where nothing is said, as many as the machine has room for.
        threads: of BLAS and torch in each; Dask gives each one task at a time.
        memory_gib: of each.
        gpus: how many of the machine's, or of a job. Where nothing is said, all of this machine, none of
            a job.
        per_gpu: how many workers share a GPU, so that one decodes and fits while another infers.
        python: the interpreter with vultus on the workers; this one if empty.
        scratch: folder on a fast disk of the worker's machine.
        environment: variables for the workers.
        prologue: lines of shell before the worker, such as ``module load cuda``.
        command: module that starts a worker, instead of Dask's own.
        death_timeout: seconds without the scheduler, or of starting, after which a worker gives up.
    """

    count: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)
    memory_gib: float | None = Field(default=None, gt=0)
    gpus: int | None = Field(default=None, ge=0)
    per_gpu: int = Field(default=2, ge=1)
    python: str = ""
    scratch: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    prologue: tuple[str, ...] = ()
    command: str = ""
    death_timeout: float = Field(default=300.0, gt=0)


class QueueSettings(Section):
    """``[queue]``: what is asked of SLURM, PBS, LSF or SGE.

    Attributes:
        jobs: at once, at most.
        minimum_jobs: kept while there is nothing to do; ``jobs``, if nothing is said.
        partition: or queue. account: or project.
        walltime: of a job, as ``04:00:00``; seconds once read.
        gpu_directives: instead of those that vultus writes for ``workers.gpus``.
        resources: for PBS and SGE, what stands after ``-l`` instead of what vultus writes.
        parallel_environment: of SGE, for more than one core.
        directives: further ones, without their ``#SBATCH``.
        logs: folder of the jobs' own logs.
    """

    jobs: int = Field(default=1, ge=1)
    minimum_jobs: int | None = Field(default=None, ge=0)
    partition: str = ""
    account: str = ""
    walltime: Walltime = 4 * 3600.0
    gpu_directives: tuple[str, ...] | None = None
    resources: str = ""
    parallel_environment: str = "smp"
    directives: tuple[str, ...] = ()
    logs: str = "vultus-jobs/queue-logs"

    @property
    def lifetime_stagger(self) -> float:
        """Seconds by which the ends of workers are spread to either side, so that not all leave at once."""
        return min(600.0, 0.05 * self.walltime)

    @property
    def lifetime(self) -> float:
        """Seconds after which a worker leaves by itself: under the walltime, however it is spread."""
        return self.walltime - MARGIN - self.lifetime_stagger

    @model_validator(mode="after")
    def _jobs_in_order(self) -> QueueSettings:
        if self.minimum_jobs is not None and self.minimum_jobs > self.jobs:
            raise ValueError(f"minimum_jobs = {self.minimum_jobs} is more than jobs = {self.jobs}")
        return self


class SshSettings(Section):
    """``[ssh]``: the hosts. Keys and users come from the user's own SSH configuration.

    Attributes:
        hosts: that run workers. A host that is named twice has twice as many.
        user: on them. port: of their SSH. key: the file of a private key.
        known_hosts: the file of the hosts' keys, if not the user's own.
    """

    hosts: tuple[str, ...] = ()
    user: str = ""
    port: int = Field(default=22, ge=1, le=65535)
    key: str = ""
    known_hosts: str = ""


class SchedulerSettings(Section):
    """``[scheduler]``: where the scheduler is, or listens.

    Attributes:
        address: of one that runs already, such as ``tcp://farm:8786``.
        host: the address that it listens at. Where nothing is said: this machine alone for local workers, the
            address in the network for the others.
        interface: such as ``ib0``, instead of ``host``; workers use it too.
        port: any that is free if 0.
        open_network: listen on a network without TLS: whoever reaches the port can run programs as you.
        dashboard: Dask's pages about the work. dashboard_host, dashboard_port: where they are.
        timeout: seconds in which it has to answer, and its first worker to appear.
    """

    address: str = ""
    host: str = ""
    interface: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    open_network: bool = False
    dashboard: bool = False
    dashboard_host: str = "127.0.0.1"
    dashboard_port: int = Field(default=8787, ge=0, le=65535)
    timeout: float = Field(default=30.0, gt=0)


class TlsSettings(Section):
    """``[tls]``: files of PEM that scheduler, workers and client show each other.

    Attributes:
        ca: whose certificates are trusted. cert, key: of this studio's machines. Relative paths start from
            the profile; the workers find them at the same place.
    """

    ca: str
    cert: str
    key: str


class FailureSettings(Section):
    """``[failures]``: what a task may take.

    Attributes:
        retries: of a task that stopped for a passing trouble.
        allowed: workers that may die under a task before it is held to be the reason.
    """

    retries: int = Field(default=2, ge=0)
    allowed: int = Field(default=3, ge=0)
