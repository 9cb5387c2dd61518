"""A cluster that is open: its client, and what its workers offer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dask
from distributed import Client

from calibration.errors import InputError, VultusError
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.security import security_of
from jobs.clusters.worker_setup import dask_settings

Say = Callable[[str], None]
"""Told, in a line, what a person should read while a cluster opens."""

PAUSE = 0.5


class SchedulerLostError(VultusError):
    """The scheduler is gone, and did not come back."""

    code = "scheduler-lost"


def silent(text: str) -> None:
    """Say nothing."""


@dataclass
class Cluster:
    """A cluster that is open.

    Attributes:
        client: connected to its scheduler.
        profile: by which it was opened.
        gpus: whether there are workers with a GPU.
        memory_gib: of the largest worker: no task may ask for more.
        expected: what will be there, in words, for as long as no worker is.
    """

    client: Client
    profile: ClusterProfile
    gpus: bool
    memory_gib: float
    expected: str = field(default="no workers")

    @property
    def workers(self) -> str:
        """The workers that there are now, in words."""
        offers = offered(self.client)
        if not offers:
            return self.expected
        hosts = len({host for host, _ in offers})
        with_gpu = sum("GPU" in resources for _, resources in offers)
        words = f"{len(offers)} worker{'s' * (len(offers) > 1)}"
        words += f" on {hosts} machines" if hosts > 1 else ""
        return words + (f", {with_gpu} with a GPU" if with_gpu else "")

    @property
    def comes_back(self) -> bool:
        """Whether a scheduler that was lost may come back, because somebody else keeps it."""
        return self.profile.kind == "address"

    def reconnect(self, timeout: float) -> Client:
        """Wait until a scheduler that was lost is back at its address, and connect to it.

        What it knew of tasks is lost; results are files, and are not. The scheduler of a cluster that this
        process started dies with this process only, so that there is nothing to wait for.

        Args:
            timeout: seconds.

        Raises:
            SchedulerLostError: it did not come back.
        """
        address = self.profile.scheduler.address
        if not self.comes_back:
            raise SchedulerLostError(
                "The scheduler of this cluster is gone", fix="Run the same command again to go on"
            )
        self.client.close(timeout=PAUSE)
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise SchedulerLostError(
                    f"The scheduler did not come back within {timeout:.0f} s",
                    where=address,
                    fix="Start it and run the same command again to go on",
                )
            try:
                self.client = connect(self.profile, min(left, 5.0))
            except InputError:
                time.sleep(min(PAUSE, max(0.0, left)))
            else:
                return self.client


def connect(profile: ClusterProfile, timeout: float) -> Client:
    """A client of a scheduler that is there.

    Raises:
        InputError: it does not answer.
    """
    address = profile.scheduler.address
    try:
        with dask.config.set(dask_settings(profile)):
            return Client(
                address, timeout=timeout, security=security_of(profile), set_as_default=False, name="vultus"
            )
    except (OSError, ValueError) as error:
        raise InputError(
            f"The scheduler does not answer ({error})",
            where=address,
            fix="Look whether it runs, and whether both sides use the same certificates",
        ) from error


def offered(client: Client) -> list[tuple[str, dict[str, float]]]:
    """Host and resources of each worker that is there."""
    workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return [(worker["host"], worker["resources"]) for worker in workers.values()]
