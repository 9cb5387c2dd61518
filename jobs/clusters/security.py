"""Who may talk to a scheduler: certificates, and the rule that nothing listens on a network unasked.

A Dask scheduler runs what it is given, as the user who started it. Whoever reaches its port without
certificates can do that.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from calibration.errors import UsageError
from jobs.clusters.profile import ClusterProfile

if TYPE_CHECKING:
    from distributed.security import Security

LOOPBACK = "127.0.0.1"


def security_of(profile: ClusterProfile) -> Security | None:
    """The certificates of the profile as Dask wants them; none without a table ``[tls]``."""
    if profile.tls is None:
        return None
    from distributed.security import Security

    tls = profile.tls
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{part}": getattr(tls, part) for role in roles for part in ("cert", "key")}
    return Security(tls_ca_file=tls.ca, require_encryption=True, **files)


def scheduler_options(profile: ClusterProfile, *, on_network: bool) -> dict[str, object]:
    """Where a scheduler that we start listens.

    Args:
        profile: of the cluster.
        on_network: its workers are on other machines.

    Raises:
        UsageError: it would listen on a network without certificates, and nobody said that it may.
    """
    settings = profile.scheduler
    host = settings.host or ("" if on_network or settings.interface else LOOPBACK)
    if not is_loopback(host) and profile.tls is None and not settings.open_network:
        raise UsageError(
            "The scheduler would listen on the network without certificates: whoever reaches its port can "
            "run programs as you",
            where=f"cluster {profile.kind}",
            fix="Give [tls] in the profile, or say scheduler.open_network = true if the network is closed",
        )
    port = settings.dashboard_port if settings.dashboard else 0
    options: dict[str, object] = {
        "port": settings.port,
        "security": security_of(profile),
        "protocol": "tls://" if profile.tls is not None else "tcp://",
        "dashboard": settings.dashboard,
        # Even without a dashboard Dask serves a page about its health somewhere.
        "dashboard_address": f"{settings.dashboard_host}:{port}",
    }
    if host:
        options["host"] = host
    elif settings.interface:
        options["interface"] = settings.interface
    else:
        options["host"] = _network_address()
    return options


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _network_address() -> str:
    from distributed.utils import get_ip

    return str(get_ip())
