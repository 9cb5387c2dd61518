"""Opening the cluster of a profile, whatever its kind."""

from __future__ import annotations

from contextlib import AbstractContextManager

from jobs.clusters.cluster import Cluster, Say, silent
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.settings import QUEUES


def open_cluster(profile: ClusterProfile, say: Say = silent) -> AbstractContextManager[Cluster]:
    """A cluster as the profile says, for a ``with`` block; what it started ends with the block.

    Args:
        profile: of the cluster.
        say: told what a person should read, such as what is waited for.

    Raises:
        VultusError: on entering, whatever its kind raises: no scheduler, no GPUs, no batch system.
    """
    if profile.kind == "local":
        from jobs.clusters.local import open_local

        return open_local(profile, say)
    if profile.kind in QUEUES:
        from jobs.clusters.queues import open_queue

        return open_queue(profile, say)
    if profile.kind == "ssh":
        from jobs.clusters.hosts import open_hosts

        return open_hosts(profile, say)
    from jobs.clusters.address import open_address

    return open_address(profile, say)
