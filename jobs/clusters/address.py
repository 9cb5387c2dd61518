"""A scheduler that runs already, with workers that others have started."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client
from distributed.utils import silence_logging_cmgr
from distributed.versions import VersionMismatchWarning

from calibration.errors import InputError
from jobs.clusters.cluster import Cluster, Say, connect, offered
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.versions import check_versions

PAUSE = 0.2


@contextmanager
def open_address(profile: ClusterProfile, say: Say) -> Iterator[Cluster]:
    """A client of the scheduler at the profile's address; nothing is started, and nothing stopped at the end.

    Raises:
        InputError: nothing answers, or no worker is there, or none that offers what our tasks ask for, or one
            has no vultus.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", VersionMismatchWarning)
        client = connect(profile, profile.scheduler.timeout)
    for warning in caught:
        say(str(warning.message).strip())
    cluster = Cluster(client, profile, gpus=False, memory_gib=0.0)
    # A lost scheduler is told in our words; Dask's come with tracebacks.
    with silence_logging_cmgr(logging.CRITICAL):
        try:
            offers = _wait_for_offers(client, profile)
            cluster.gpus = any("GPU" in offer for offer in offers)
            cluster.memory_gib = max(offer["MEMORY"] for offer in offers)
            check_versions(client, say)
            yield cluster
        finally:
            cluster.client.close()


def _wait_for_offers(client: Client, profile: ClusterProfile) -> list[dict[str, float]]:
    """The resources of the workers that our tasks can run on."""
    end = time.monotonic() + profile.scheduler.timeout
    while True:
        workers = offered(client)
        offers = [resources for _, resources in workers if "MEMORY" in resources]
        if offers:
            return offers
        if time.monotonic() > end:
            break
        time.sleep(PAUSE)
    what = "No worker of the scheduler offers MEMORY" if workers else "The scheduler has no workers"
    raise InputError(what, where=profile.scheduler.address, fix=how_to_start(profile.scheduler.address))


def how_to_start(address: str) -> str:
    """What to type on a machine that shall work."""
    return (
        f"Start them on each machine with: vultus jobs worker {address}; with Dask alone it is: "
        f"OMP_NUM_THREADS=4 dask worker {address} --nthreads 1 --memory-limit 16GiB "
        "--resources MEMORY=16,GPU=1 --preload jobs.clusters.preload (GPU=1 only where there is one)"
    )
