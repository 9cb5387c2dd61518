"""A machine that gives itself to a scheduler elsewhere, and comes back to it when it was lost."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from dataclasses import dataclass
from typing import Any

import dask
from distributed import Nanny, rpc
from distributed.utils import silence_logging_cmgr

from calibration.errors import InputError, VultusError
from jobs.clusters.cluster import Say
from jobs.clusters.local import machine_settings, words, worker_specs
from jobs.clusters.machine import WorkerShare, shares, this_machine
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.security import is_loopback, security_of
from jobs.clusters.signals import Stop, settle, stop_on_signals, stopped

PAUSE = 1.0
TRIES = 3
LEAVE = 20.0
"""Seconds for the workers to end in, less than a batch system leaves between asking and killing."""
READY = "Workers are ready"
"""What is said when all workers have registered."""


def serve(
    profile: ClusterProfile, *, workers: int | None = None, lifetime: float | None = None, say: Say
) -> None:
    """Run the workers of this machine for the scheduler of a profile until a signal or the lifetime ends it.

    A scheduler that is lost is waited for, as long as the profile's ``death_timeout`` says.

    Args:
        profile: of kind ``address``.
        workers: processes, instead of the profile's.
        lifetime: seconds after which to leave.
        say: told what a person should read.

    Raises:
        InputError: the scheduler does not answer, or has gone and not come back.
        UsageError: the machine has not what the profile asks for.
        VultusError: the workers do not start.
        InterruptedRunError, TerminatedRunError: after SIGINT and SIGTERM.
    """
    settings = profile.workers.model_copy(update={"count": workers} if workers else {})
    parts = shares(this_machine(), settings)
    say(f"This machine: {words(parts)}")
    with dask.config.set(machine_settings(profile, parts)), silence_logging_cmgr(logging.CRITICAL):
        signalled = asyncio.run(_Server(profile, parts, lifetime, say).run())
    if signalled is not None:
        stopped(signalled, "Stopped on request; the scheduler gives what was begun to others")


@dataclass
class _Server:
    """The workers of a machine, from one scheduler to the next."""

    profile: ClusterProfile
    parts: tuple[WorkerShare, ...]
    lifetime: float | None
    say: Say
    failures: int = 0

    async def run(self) -> signal.Signals | None:
        """Serve until a signal, which is returned, or until the lifetime is over."""
        stop = stop_on_signals()
        if self.lifetime is not None:
            asyncio.get_running_loop().call_later(self.lifetime, settle, stop, None)
        while not stop.done():
            if not await self._answers(stop):
                break
            await self._until_gone(stop)
        return stop.result()

    async def _answers(self, stop: Stop) -> bool:
        """Wait for the scheduler; False if the end came before.

        Raises:
            InputError: it does not come.
        """
        address, patience = self.profile.scheduler.address, self.profile.workers.death_timeout
        security = security_of(self.profile)
        arguments = security.get_connection_args("worker") if security is not None else {}
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while not stop.done():
            try:
                async with rpc(address, connection_args=arguments, timeout=5) as scheduler:
                    await scheduler.identity()
                return True
            except (OSError, ValueError, RuntimeError) as error:
                if loop.time() > end:
                    raise InputError(
                        f"The scheduler does not answer ({error})",
                        where=address,
                        fix="Look whether it runs, and whether both sides use the same certificates",
                    ) from error
            await asyncio.wait({stop}, timeout=PAUSE)
        return False

    async def _until_gone(self, stop: Stop) -> None:
        """Run all workers until the scheduler or the end has them leave."""
        nannies = self._nannies()
        starting = asyncio.gather(*nannies, return_exceptions=True)
        if not await self._first(starting, stop) and self._have_started(starting.result()):
            self.say(f"{READY} at {self.profile.scheduler.address}")
            finished = asyncio.gather(*(nanny.finished() for nanny in nannies), return_exceptions=True)
            if not await self._first(finished, stop):
                self.say("The scheduler has gone; waiting for it to come back")
        # A nanny that is stopped while it starts never closes.
        await asyncio.wait({starting}, timeout=LEAVE)
        await asyncio.wait(
            [asyncio.ensure_future(nanny.close(timeout=LEAVE)) for nanny in nannies], timeout=LEAVE
        )

    def _have_started(self, results: list[object]) -> bool:
        """Whether all workers are there. A scheduler may go meanwhile, which is no reason for ever.

        Raises:
            VultusError: they do not start, however often it is tried.
        """
        errors = [each for each in results if isinstance(each, Exception)]
        self.failures = self.failures + 1 if errors else 0
        if self.failures >= TRIES:
            raise VultusError(f"The workers do not start ({errors[0]})", where=self.profile.scheduler.address)
        return not errors

    async def _first(self, work: asyncio.Future[Any], stop: Stop) -> bool:
        """Whether the end comes before the work is done."""
        either: set[asyncio.Future[Any]] = {work, stop}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return stop.done()

    def _nannies(self) -> list[Nanny]:
        address, interface = self.profile.scheduler.address, self.profile.scheduler.interface
        host = address.split("://")[-1].rsplit(":", 1)[0]
        place = {"host": "127.0.0.1"} if is_loopback(host) else {"host": None, "interface": interface or None}
        specs = worker_specs(self.profile, self.parts, place)
        # A machine may be given twice, or again before the scheduler knows that it was lost.
        machine = f"{socket.gethostname()}-{os.getpid()}"
        return [
            spec["cls"](address, name=f"{machine}-{number}", **spec["options"])
            for number, spec in specs.items()
        ]
