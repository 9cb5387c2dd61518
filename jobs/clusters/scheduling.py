"""A scheduler of its own, which jobs and workers come to and go from."""

from __future__ import annotations

import asyncio
import logging
import signal

import dask
from distributed import Scheduler
from distributed.utils import silence_logging_cmgr

from calibration.errors import InputError
from jobs.clusters.cluster import Say
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.security import scheduler_options
from jobs.clusters.signals import stop_on_signals, stopped
from jobs.clusters.worker_setup import dask_settings


def schedule(profile: ClusterProfile, host: str, port: int, say: Say) -> None:
    """Run a scheduler until a signal ends it.

    Args:
        profile: its certificates, dashboard and failures.
        host: the address to listen at. port: likewise.
        say: told the address.

    Raises:
        UsageError: it would listen on a network without certificates.
        InputError: the address is not this machine's, or the port is taken.
        InterruptedRunError, TerminatedRunError: after SIGINT and SIGTERM.
    """
    listening = profile.scheduler.model_copy(update={"host": host, "port": port})
    options = scheduler_options(profile.model_copy(update={"scheduler": listening}), on_network=True)
    with dask.config.set(dask_settings(profile)), silence_logging_cmgr(logging.CRITICAL):
        signalled = asyncio.run(_run(options, say))
    if signalled is not None:
        stopped(signalled, "Stopped on request; jobs that use this scheduler wait for the next one there")


async def _run(options: dict[str, object], say: Say) -> signal.Signals | None:
    stop = stop_on_signals()
    try:
        scheduler = await Scheduler(**options)
    except (OSError, RuntimeError) as error:
        raise InputError(f"The scheduler cannot listen ({error})", where=f"{options.get('host')}") from error
    async with scheduler:
        say(f"Scheduler at {scheduler.address}")
        return await stop
