"""Cluster profiles: what a studio says about its machines, in a file or a word on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError, model_validator

from calibration.errors import InputError, UsageError
from jobs.clusters.settings import (
    QUEUES,
    FailureSettings,
    Kind,
    QueueSettings,
    SchedulerSettings,
    SshSettings,
    TlsSettings,
    WorkerSettings,
)
from pipeline.shoot.section import Section
from pipeline.shoot.settings import first_problem

KINDS: tuple[str, ...] = get_args(Kind)
ADDRESSES = ("tcp://", "tls://")
SSH = "ssh:"
WORDS = {
    "local": "processes on this machine, by its cores, memory and GPUs",
    "address": "of a Dask scheduler that runs already: tcp://HOST:PORT or tls://HOST:PORT",
    "slurm": "jobs of SLURM",
    "pbs": "jobs of PBS or Torque",
    "lsf": "jobs of LSF",
    "sge": "jobs of SGE (Grid Engine)",
    "ssh": "processes on hosts over SSH: ssh:HOST,HOST",
}
"""Where the workers of each kind are."""
WAYS = f"{', '.join(KINDS)}, tcp://HOST:PORT, ssh:HOST,HOST or a file .toml"


class ClusterProfile(Section):
    """A kind of cluster and its settings.

    Attributes:
        kind: who starts the workers.
        workers, queue, ssh, scheduler, tls, failures: the tables.
    """

    kind: Kind
    workers: WorkerSettings = WorkerSettings()
    queue: QueueSettings = QueueSettings()
    ssh: SshSettings = SshSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    tls: TlsSettings | None = None
    failures: FailureSettings = FailureSettings()

    @model_validator(mode="after")
    def _only_what_the_kind_reads(self) -> ClusterProfile:
        if "queue" in self.model_fields_set and self.kind not in QUEUES:
            raise ValueError(f'the table [queue] is for kind = {", ".join(QUEUES)}, not "{self.kind}"')
        if "ssh" in self.model_fields_set and self.kind != "ssh":
            raise ValueError(f'the table [ssh] is for kind = "ssh", not "{self.kind}"')
        if self.scheduler.address and self.kind != "address":
            raise ValueError('scheduler.address is for kind = "address"')
        if self.kind in QUEUES and self.workers.gpus and self.workers.count is not None:
            raise ValueError("a job with GPUs has workers.per_gpu workers for each: leave workers.count out")
        if (self.workers.prologue or self.workers.command) and self.kind not in QUEUES:
            raise ValueError(f"workers.prologue and workers.command are for kind = {', '.join(QUEUES)}")
        return self

    @property
    def workers_of_a_job(self) -> int:
        """Processes of one job of a queue: those of its GPUs, else as many as the profile says, or one."""
        gpus = self.workers.gpus or 0
        return gpus * self.workers.per_gpu or self.workers.count or 1


def read_profile(cluster: str, file: Path | None = None, workers: int | None = None) -> ClusterProfile:
    """The profile of what ``--cluster`` and ``--profile`` say.

    Args:
        cluster: a kind, the address of a scheduler, ``ssh:HOST,HOST``, or the path of a file.
        file: whose settings hold, with ``cluster`` in place of its kind, address or hosts.
        workers: how many processes in all, instead of the profile's.

    Raises:
        UsageError: there is no such kind, a key is unknown or its value makes no sense.
        InputError: the file cannot be read.
    """
    if cluster.endswith(".toml"):
        file, named = Path(cluster), {}
    else:
        named = _named(cluster)
    given = _tables(file) if file is not None else {}
    if file is not None and named and given.get("kind", named["kind"]) != named["kind"]:
        raise UsageError(
            f'The profile is of kind "{given["kind"]}", and --cluster asks for {named["kind"]}',
            where=str(file),
            fix="Leave one of the two out",
        )
    for table, value in named.items():
        given[table] = {**given.get(table, {}), **value} if isinstance(value, Mapping) else value
    profile = _checked(given, file)
    return profile if workers is None else _with_workers(profile, workers)


def scheduler_profile(host: str, port: int, file: Path | None) -> ClusterProfile:
    """The profile of a scheduler that is to listen at an address, with certificates if the file has them.

    Raises:
        UsageError, InputError: as :func:`read_profile`.
    """
    protocol = "tls" if file is not None and "tls" in _tables(file) else "tcp"
    return read_profile(f"{protocol}://{host}:{port}", file)


def packaged_profile(kind: str) -> str:
    """The commented file of a kind, as text to read and to change.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no cluster profile '{kind}'", fix=f"There are {', '.join(KINDS)}")
    return (resources.files("jobs.clusters") / "profiles" / f"{kind}.toml").read_text(encoding="utf-8")


def _named(cluster: str) -> dict[str, Any]:
    """The tables that a word on the command line stands for."""
    if cluster.startswith(ADDRESSES):
        return {"kind": "address", "scheduler": {"address": cluster}}
    if cluster.startswith(SSH):
        hosts = [host.strip() for host in cluster.removeprefix(SSH).split(",") if host.strip()]
        return {"kind": "ssh", "ssh": {"hosts": hosts}}
    if cluster not in KINDS:
        raise UsageError(f"There is no cluster '{cluster}'", fix=f"There are {WAYS}")
    return {"kind": cluster}


def _tables(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The cluster profile cannot be read ({error})", where=str(file)) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The cluster profile is not TOML ({error})", where=str(file)) from error


def _checked(given: dict[str, Any], file: Path | None) -> ClusterProfile:
    where = str(file) if file is not None else ""
    try:
        profile = ClusterProfile.model_validate(given)
    except ValidationError as error:
        raise UsageError(
            first_problem(error, ClusterProfile),
            where=where,
            fix="vultus jobs profile show prints a profile with all keys explained",
        ) from error
    if profile.kind == "address" and not profile.scheduler.address:
        raise UsageError(
            "The key scheduler.address is missing", where=where, fix="Or name it: --cluster tcp://HOST:8786"
        )
    if profile.scheduler.address and profile.scheduler.address.startswith("tls://") != (
        profile.tls is not None
    ):
        raise UsageError(
            f"{profile.scheduler.address} does not go with certificates"
            if profile.tls is not None
            else f"{profile.scheduler.address} needs certificates",
            where=where,
            fix="An address tls:// and a table [tls] go together: --profile FILE.toml",
        )
    if profile.kind == "ssh" and not profile.ssh.hosts:
        raise UsageError("The key ssh.hosts is missing", where=where, fix="Or name them: --cluster ssh:A,B")
    return _anchored(profile, file.parent if file is not None else Path())


def _anchored(profile: ClusterProfile, folder: Path) -> ClusterProfile:
    """The profile with the paths of its certificates made absolute; the logs are the caller's to place."""
    if profile.tls is None:
        return profile
    files = {name: folder / Path(path).expanduser() for name, path in profile.tls.model_dump().items()}
    for path in files.values():
        if not path.is_file():
            raise InputError("A file of the table [tls] is not there", where=str(path))
    tls = TlsSettings(**{name: str(path.resolve()) for name, path in files.items()})
    return profile.model_copy(update={"tls": tls})


def _with_workers(profile: ClusterProfile, workers: int) -> ClusterProfile:
    """The profile with so many workers in all, as far as its machines can be told to."""
    if profile.kind == "address":
        raise UsageError(
            "A scheduler that is there has the workers that it has",
            where=profile.scheduler.address,
            fix="Leave --workers out; vultus jobs worker ADDRESS adds workers to it",
        )
    if profile.kind in QUEUES:
        jobs = -(-workers // profile.workers_of_a_job)
        return profile.model_copy(update={"queue": profile.queue.model_copy(update={"jobs": jobs})})
    machines = max(1, len(profile.ssh.hosts))
    count = {"count": -(-workers // machines)}
    return profile.model_copy(update={"workers": profile.workers.model_copy(update=count)})
