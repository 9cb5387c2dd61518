"""Our profile of SLURM on a real one, of one node, where its programs are installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from calibration.errors import VultusError
from jobs.clusters import job_keeper
from jobs.clusters.opening import open_cluster
from jobs.clusters.profile import ClusterProfile
from tests.jobs.clusters.probes import LIGHT, places
from tests.jobs.clusters.slurm_node import missing, slurm_node

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]


@pytest.fixture(scope="module")
def slurm() -> Iterator[None]:
    """A SLURM that the commands find."""
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    with slurm_node(folder) as configuration, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(configuration))
        yield
    shutil.rmtree(folder)


def profile(logs: Path, **queue: object) -> ClusterProfile:
    return ClusterProfile.model_validate(
        {
            "kind": "slurm",
            "workers": {"count": 2, "threads": 1, "memory_gib": 1.0, "environment": LIGHT},
            "queue": {"partition": "farm", "logs": str(logs), **queue},
            "scheduler": {"host": "127.0.0.1"},
        }
    )


@pytest.mark.usefixtures("slurm")
def test_jobs_work_and_one_that_is_cancelled_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks run in a job of SLURM; when it is gone another comes, and at the end none is left."""
    monkeypatch.setattr(job_keeper, "SECONDS", 0.5)
    said: list[str] = []
    with open_cluster(profile(tmp_path), said.append) as cluster:
        assert said[0].startswith(
            "Submitted 1 slurm job of 2 workers, 2 cores, 2 GiB; scheduler at tcp://127"
        )
        assert cluster.memory_gib == 1.0
        (first,) = {each.job for each in places(cluster, 4)}
        subprocess.run(["scancel", first], check=True)
        while cluster.client.scheduler_info()["workers"]:
            time.sleep(0.05)
        assert cluster.workers.startswith("no workers yet: 1 slurm job")
        (second,) = {each.job for each in places(cluster, 4)}
        assert second != first
        assert said[1] == f"The job {first} has ended; another is submitted"
    left = subprocess.run(
        ["squeue", "--noheader", "--states=PENDING,RUNNING"], check=True, capture_output=True, text=True
    )
    assert left.stdout == ""
    assert list(tmp_path.glob("vultus-*.err"))


@pytest.mark.usefixtures("slurm")
def test_a_job_that_slurm_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    """A partition that is misspelt is the commonest."""
    what = "The job is refused: .*[Ii]nvalid partition"
    with pytest.raises(VultusError, match=what), open_cluster(profile(tmp_path, partition="nofarm")):
        pass
