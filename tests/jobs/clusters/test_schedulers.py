"""A scheduler that runs already: one that does not answer, one that strangers ask, one that is killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributed import LocalCluster

from calibration.errors import InputError, UsageError
from jobs.clusters.cluster import SchedulerLostError
from jobs.clusters.opening import open_cluster
from jobs.clusters.profile import ClusterProfile, read_profile
from tests.jobs.clusters.certificates import write_certificates
from tests.jobs.clusters.probes import places
from tests.jobs.clusters.processes import ADDRESS, scheduler, worker


def at(address: str, timeout: float = 30.0) -> ClusterProfile:
    return ClusterProfile.model_validate(
        {"kind": "address", "scheduler": {"address": address, "timeout": timeout}}
    )


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    """No traceback of the network library."""
    wanted = at("tcp://127.0.0.1:9", 0.5)
    with (
        pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9: The scheduler does not answer"),
        open_cluster(wanted),
    ):
        pass


def test_workers_that_were_started_without_resources_are_told_how() -> None:
    """The commands to type, ours and Dask's: tasks would wait for ever for workers that offer no memory."""
    with LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0", protocol="tcp") as dask:
        wanted = at(dask.scheduler_address, 0.3)
        what = "No worker of the scheduler offers MEMORY"
        with pytest.raises(InputError, match=what) as error, open_cluster(wanted):
            pass
    assert f"vultus jobs worker {wanted.scheduler.address}" in str(error.value)
    assert "--resources MEMORY=16,GPU=1 --preload jobs.clusters.preload" in str(error.value)


@pytest.mark.slow
def test_a_scheduler_that_is_killed_and_comes_back_is_found_again_by_client_and_workers() -> None:
    """The workers of `vultus jobs worker` stay, and so does the client that reconnects."""
    with scheduler() as first:
        address = first.wait_for(ADDRESS)
        port = address.rsplit(":", 1)[1]
        with worker(address) as workers:
            workers.wait_for("Workers are ready")
            said: list[str] = []
            with open_cluster(at(address), said.append) as cluster:
                assert said == []
                assert cluster.workers == "1 worker"
                assert cluster.memory_gib > 0
                before = places(cluster)
                first.kill()
                with pytest.raises(SchedulerLostError, match="did not come back within 0 s"):
                    cluster.reconnect(0.2)
                with scheduler("--port", port) as second:
                    second.wait_for(ADDRESS)
                    cluster.reconnect(60.0)
                    after = places(cluster)
                    assert {each.process for each in before} != {each.process for each in after}
                    assert workers.end() == 143
                    assert second.end() == 143


def test_with_certificates_strangers_are_kept_out(tmp_path: Path) -> None:
    """Scheduler, worker and client of one authority work together; others get no answer."""
    tls = write_certificates(tmp_path / "ours")
    file = tmp_path / "farm.toml"
    file.write_text('kind = "address"\n[tls]\n' + "".join(f'{key} = "{path}"\n' for key, path in tls.items()))
    with scheduler("--port", "0", "--profile", str(file)) as command:
        address = command.wait_for(ADDRESS)
        assert address.startswith("tls://")
        with worker(address, "--profile", str(file)) as workers:
            workers.wait_for("Workers are ready")
            with open_cluster(read_profile(address, file)) as cluster:
                assert len(places(cluster)) == 2
        strangers = {"kind": "address", "tls": write_certificates(tmp_path / "theirs")}
        listening = {"scheduler": {"address": address, "timeout": 1.0}}
        plain = at(address.replace("tls://", "tcp://"), 1.0)
        for refused in (plain, ClusterProfile.model_validate(strangers | listening)):
            with pytest.raises(InputError, match="does not answer"), open_cluster(refused):
                pass


def test_an_address_with_certificates_says_so() -> None:
    """Before anything is sent in the clear, and before the network library stumbles."""
    with pytest.raises(UsageError, match=r"tls://farm:8786 needs certificates.*--profile FILE\.toml"):
        read_profile("tls://farm:8786")
