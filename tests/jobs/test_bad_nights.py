"""Nights in which something goes wrong: it is named, the rest is done, and the same command goes on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster

from jobs.conducting import duties
from jobs.conducting.assignment import Functions
from jobs.conducting.conductor import conduct
from jobs.conducting.desk import Job, Limits
from jobs.conducting.graph import ended_here
from jobs.records.ledger import Ledger
from jobs.records.request import JobRequest
from jobs.tasks import ENDED_WELL, JobContext, Receipt, State, Survey, Task
from jobs.watching.summaries import write_summaries
from tests.jobs import fake_duties
from tests.jobs.crews import NotingWatch, SmallCluster, a_job, run, small_cluster
from tests.jobs.fake_duties import Plan, make_sequence
from tests.jobs.small_shoot import write_small_shoot

DEATHS = 2


@pytest.fixture(scope="module")
def cluster() -> Iterator[SmallCluster]:
    with small_cluster(1) as cluster:
        yield cluster


def survey(task: Task, context: JobContext) -> Survey:
    """The real one, but of the stand-ins for good takes."""
    return fake_duties.survey(task, context) if _is_stand_in(task) else duties.survey(task, context)


def execute(task: Task, context: JobContext, *needed: Receipt) -> Receipt:
    """The real one, but of the stand-ins; and what needs a face is not done."""
    if _is_stand_in(task):
        return fake_duties.execute(task, context, *needed)
    if task.stage == "calibrate" or any(each.state not in ENDED_WELL for each in needed):
        return duties.execute(task, context, *needed)
    return ended_here(task, State.DONE, "", "", 0)


def _is_stand_in(task: Task) -> bool:
    return (Path(task.shoot) / "plan.json").exists()


def real_job(folder: Path, shoots: list[Path]) -> Job:
    return replace(a_job(folder, shoots), functions=Functions(survey, execute, lambda task: 2**30))


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """A disk of its own, full; calling what is given makes it larger."""

    def mount(*options: str) -> bool:
        command = ["mount", *options, str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=64k", "none"):
        pytest.skip("a small disk can be mounted by root on Linux alone")
    try:
        (folder / "rubbish").write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
        yield lambda size: None if mount("-o", f"remount,size={size}") else pytest.fail("not remounted")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def harm_settings(shoot: Path) -> None:
    (shoot / "shoot.toml").write_text("[shoot")


def harm_size(shoot: Path) -> None:
    for file in (shoot / "left").iterdir():
        cv2.imwrite(str(file), np.zeros((20, 16, 3), np.uint8))


def take_images(shoot: Path) -> None:
    shutil.rmtree(shoot / "left")


def take_share(shoot: Path) -> None:
    take_images(shoot)
    (shoot / "left").symlink_to("/no-such-share/left")


def put_file_in_the_way(shoot: Path) -> None:
    take_images(shoot)
    (shoot / "left").touch()


def tear_images(shoot: Path) -> None:
    for file in (shoot / "left").iterdir():
        os.truncate(file, 60)


HARMS = (harm_settings, harm_size, take_images, take_share, put_file_in_the_way, tear_images)


def test_bad_sequences_are_named_and_stop_no_good_one(tmp_path: Path, cluster: SmallCluster) -> None:
    """Whatever is wrong with their files, each ends with a reason that names a place; none is a defect."""
    bad = [write_small_shoot(tmp_path / each.__name__) for each in HARMS]
    for harm, shoot in zip(HARMS, bad, strict=True):
        harm(shoot)
    good = make_sequence(tmp_path / "good", Plan())
    job, watch = real_job(tmp_path, [good, *bad]), NotingWatch()
    with Ledger(job.folder) as ledger:
        ledger.begin(JobRequest("job", (str(good), *map(str, bad)), job.context, "local", ""))
    outcome = run(job, cluster, watch)
    assert (outcome.exit_status, outcome.stopped) == (4, "")
    assert outcome.counts == {State.DONE: 1, State.FAILED: len(HARMS)}
    failures = [each for each in watch.ends if each.state is State.FAILED]
    assert {each.sequence for each in failures} == {shoot.name for shoot in bad}
    for each in failures:
        assert each.code not in ("defect", "trouble", "")
        assert re.search(r"left|shoot\.toml", each.message)
    summary = write_summaries(job.folder)
    assert summary.exit_status == 4
    assert {each.sequence for each in summary.missing} == {each.sequence for each in failures}


def test_missing_weights_stop_a_job_early_in_one_line(tmp_path: Path, cluster: SmallCluster) -> None:
    """They are looked for before any work is done."""
    shoots = [write_small_shoot(tmp_path / f"take{number}") for number in range(8)]
    for shoot in shoots:
        with (shoot / "shoot.toml").open("a") as file:
            file.write('weights = "gone.safetensors"\n')
    job = real_job(tmp_path, shoots)
    outcome = run(replace(job, limits=replace(job.limits, ahead=1)), cluster, NotingWatch())
    assert outcome.exit_status == 1
    assert outcome.counts[State.CANCELLED] >= 4
    assert "gone.safetensors" in outcome.stopped
    assert "\n" not in outcome.stopped


def test_a_full_disk_is_named_and_the_same_job_goes_on_when_there_is_room(
    tmp_path: Path, cluster: SmallCluster
) -> None:
    """It costs the sequence whose results lie on it, and no other."""
    shoots = [write_small_shoot(tmp_path / "full"), make_sequence(tmp_path / "good", Plan())]
    with small_disk(shoots[0] / "results") as enlarge:
        watch = NotingWatch()
        outcome = run(real_job(tmp_path, shoots), cluster, watch)
        assert outcome.counts == {State.FAILED: 1, State.DONE: 1}
        failure = next(each for each in watch.ends if each.state is State.FAILED)
        assert (failure.sequence, failure.code) == ("full", "disk")
        assert "The disk is full" in failure.message
        enlarge("4m")
        watch = NotingWatch()
        assert run(real_job(tmp_path, shoots), cluster, watch).exit_status == 0
        assert watch.receipt("full/calibrate").state is State.DONE


def test_a_job_whose_own_folder_is_on_a_full_disk_loses_nothing(
    tmp_path: Path, cluster: SmallCluster
) -> None:
    """It ends with its results, and says what could not be noted; with room again, it is all found."""
    shoot = write_small_shoot(tmp_path / "take")
    with small_disk(tmp_path / "job") as enlarge:
        (tmp_path / "job" / "rubbish").unlink()
        job, watch = real_job(tmp_path, [shoot]), NotingWatch()
        with Ledger(job.folder) as ledger:
            fill = tmp_path / "job" / "rubbish"
            fill.write_bytes(bytes(os.statvfs(job.folder).f_bavail * os.statvfs(job.folder).f_frsize))
            conduct(job, cluster, ledger, watch)
        assert watch.receipt("take/calibrate").state is State.DONE
        assert "disk is full" in watch.receipt("take/calibrate").message
        assert any("The ledger lags behind" in text for text in watch.words)
        enlarge("4m")
        watch = NotingWatch()
        run(real_job(tmp_path, [shoot]), cluster, watch)
        assert watch.receipt("take/calibrate").state is State.CURRENT


def test_a_task_that_kills_its_worker_each_time_fails_in_the_end(tmp_path: Path) -> None:
    """It is given up after some deaths; tasks that stood in line behind it are done."""
    bad = make_sequence(tmp_path / "bad", Plan(kills=["fit"]))
    good = [make_sequence(tmp_path / f"good{number}", Plan()) for number in range(3)]
    watch = NotingWatch()
    with real_workers() as cluster:
        job = a_job(tmp_path, [bad, *good], Limits(deaths=DEATHS))
        outcome = run(job, cluster, watch)
    assert outcome.counts == {State.FAILED: 1, State.DONE: 3}
    assert outcome.exit_status == 4
    lost = watch.receipt("bad/fit")
    assert (lost.state, lost.code) == (State.FAILED, "worker-lost")
    assert f"died {DEATHS} times" in lost.message
    assert watch.receipt("bad/detect").state is State.DONE
    assert watch.receipt("bad/report").state is State.SKIPPED


@contextmanager
def real_workers() -> Iterator[SmallCluster]:
    """Processes, which are started anew when they die."""
    with (
        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": DEATHS - 1,
                "distributed.worker.profile.enabled": False,
            }
        ),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            resources={"MEMORY": 4},
            silence_logs=50,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield SmallCluster(client)
