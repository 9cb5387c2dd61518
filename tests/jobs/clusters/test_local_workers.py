"""Workers on this machine: what each has, and who can reach them."""

from __future__ import annotations

import psutil
import pytest

from calibration.errors import UsageError
from jobs.clusters import local
from jobs.clusters.cluster import SchedulerLostError
from jobs.clusters.machine import Machine
from jobs.clusters.opening import open_cluster
from jobs.clusters.profile import ClusterProfile
from tests.jobs.clusters.probes import LIGHT, place, places


def profile(**tables: object) -> ClusterProfile:
    return ClusterProfile.model_validate({"kind": "local", "workers": {"environment": LIGHT}, **tables})


def test_workers_have_their_threads_and_gpu_and_only_this_machine_reaches_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of two workers is pinned to the GPU; the other sees none, and takes tasks that want none."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(local, "this_machine", lambda: Machine(4, 4.0, ("5",)))
    wanted = profile(workers={"count": 2, "threads": 2, "per_gpu": 1, "environment": LIGHT})
    said: list[str] = []
    with open_cluster(wanted, said.append) as cluster:
        assert said == ["This machine: 2 workers, 1 with a GPU; 2 threads and 1.8 GiB each"]
        assert cluster.workers == "2 workers, 1 with a GPU"
        assert cluster.gpus
        assert cluster.memory_gib == pytest.approx(1.8)
        on_gpu = cluster.client.submit(place, 0, pure=False, resources={"GPU": 1}).result()
        assert (on_gpu.gpu, on_gpu.threads, on_gpu.loaded) == ("5", "2", True)
        assert {each.gpu for each in places(cluster, 8)} == {"5", ""}
        ours = psutil.Process()
        listening = [
            connection.laddr.ip
            for process in (ours, *ours.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"}
        with pytest.raises(SchedulerLostError, match="Run the same command again"):
            cluster.reconnect(1.0)
    assert not [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


def test_a_host_on_the_network_needs_certificates() -> None:
    """The same rule as on a farm."""
    wanted = profile(scheduler={"host": "0.0.0.0"})
    with pytest.raises(UsageError, match="without certificates"), open_cluster(wanted):
        pass
