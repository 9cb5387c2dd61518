"""Workers on hosts over SSH; each host looks at what it has, as with ``vultus jobs worker``."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Scheduler
from distributed.core import Status
from distributed.deploy.spec import ProcessInterface, SpecCluster

from calibration.errors import MissingDependencyError, VultusError
from jobs.clusters.cluster import Cluster, Say, offered
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.security import scheduler_options, security_of
from jobs.clusters.serving import READY
from jobs.clusters.worker_setup import dask_settings

MODULE = "jobs.clusters.host_worker"
LAST_LINES = 5


@contextmanager
def open_hosts(profile: ClusterProfile, say: Say) -> Iterator[Cluster]:
    """A scheduler in this process and workers on all hosts of the profile, which end with the block.

    Raises:
        MissingDependencyError: asyncssh is not installed.
        UsageError: the scheduler would listen on a network without certificates.
        VultusError: a host cannot be reached, or its workers do not start.
    """
    try:
        import asyncssh  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "A cluster over SSH needs asyncssh", fix='Type: pip install "vultus[farm]"'
        ) from error
    hosts = profile.ssh.hosts
    workers = {
        f"{host}-{number}": {"cls": HostProcess, "options": {"host": host, "profile": profile}}
        for number, host in enumerate(hosts)
    }
    say(f"Starting workers on {', '.join(hosts)}")
    with dask.config.set(dask_settings(profile)):
        try:
            cluster = SpecCluster(
                workers=workers,
                scheduler={"cls": Scheduler, "options": scheduler_options(profile, on_network=True)},
                security=security_of(profile),
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError) as error:
            raise VultusError(f"The scheduler does not start ({error})", where="cluster ssh") from error
        with cluster, Client(cluster, set_as_default=False, name="vultus") as client:
            offers = [offer for _, offer in offered(client)]
            gpus = any("GPU" in offer for offer in offers)
            yield Cluster(client, profile, gpus, max(offer["MEMORY"] for offer in offers))


class HostProcess(ProcessInterface):  # type: ignore[misc]
    """The workers of one host, as Dask's cluster starts and ends them.

    Args:
        scheduler: its address. host: to log in to. profile: of the cluster. name: in the cluster.
    """

    def __init__(self, scheduler: str, host: str, profile: ClusterProfile, name: str = "") -> None:
        super().__init__(scheduler=scheduler, name=name)
        self.scheduler, self.host, self.profile = scheduler, host, profile
        self._connection: Any = None
        self._process: Any = None

    async def start(self) -> None:
        """Log in, start the workers, and wait until they are there.

        Raises:
            VultusError: the host does not let us in, or the workers do not start.
        """
        import asyncssh

        try:
            self._connection = await asyncssh.connect(self.host, **login(self.profile))
            self._process = await self._connection.create_process(
                command(self.profile), stderr=asyncssh.STDOUT
            )
            self._process.stdin.write(worker_profile(self.profile, self.scheduler) + "\n")
            await asyncio.wait_for(self._ready(), self.profile.workers.death_timeout)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            self.status = Status.failed
            raise VultusError(
                f"The host cannot be reached ({error or type(error).__name__})",
                where=self.host,
                fix=f"Try: ssh {self.host}",
            ) from error
        await super().start()

    async def _ready(self) -> None:
        said: list[str] = []
        async for line in self._process.stdout:
            if line.startswith(READY):
                return
            said.append(line.strip())
        self.status = Status.failed
        raise VultusError(
            f"The workers do not start: {' '.join(said[-LAST_LINES:])}",
            where=self.host,
            fix="Look at workers.python in the profile: the interpreter with vultus on the host",
        )

    async def close(self) -> None:
        """End the workers: they leave when what they read from ends."""
        if self._process is not None:
            self._process.stdin.write_eof()
            self._process.terminate()
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
        await super().close()


def login(profile: ClusterProfile) -> dict[str, Any]:
    """How to log in to a host, in asyncssh's terms."""
    ssh = profile.ssh
    options: dict[str, Any] = {"port": ssh.port}
    if ssh.user:
        options["username"] = ssh.user
    if ssh.key:
        options["client_keys"] = [str(Path(ssh.key).expanduser())]
    if ssh.known_hosts:
        options["known_hosts"] = str(Path(ssh.known_hosts).expanduser())
    return options


def command(profile: ClusterProfile) -> str:
    """What is typed on a host."""
    variables = " ".join(
        f"{name}={shlex.quote(value)}" for name, value in profile.workers.environment.items()
    )
    python = shlex.quote(profile.workers.python or sys.executable)
    return f"env {variables} {python} -m {MODULE}".replace("  ", " ")


def worker_profile(profile: ClusterProfile, scheduler: str) -> str:
    """The profile for the workers of a host, in a line of JSON: they come to a scheduler that is there."""
    given = profile.model_dump(include={"workers", "tls", "failures"}, exclude_none=True)
    at = {"address": scheduler, "interface": profile.scheduler.interface}
    return json.dumps(given | {"kind": "address", "scheduler": at})
