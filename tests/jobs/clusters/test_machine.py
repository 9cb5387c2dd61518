"""How the workers of one machine share what it has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from calibration.errors import UsageError
from jobs.clusters.machine import Machine, count_gpus, shares, visible_gpus
from jobs.clusters.preload import pin
from jobs.clusters.settings import WorkerSettings


def test_without_a_gpu_each_core_has_a_worker() -> None:
    """And the workers share the memory, with some left for the rest of the machine."""
    parts = shares(Machine(16, 128.0), WorkerSettings())
    assert len(parts) == 16
    assert {part.threads for part in parts} == {1}
    assert sum(part.memory_gib for part in parts) == pytest.approx(0.9 * 128)
    assert parts[0].resources == {"MEMORY": 7.2}


def test_little_memory_makes_fewer_workers_of_more_threads() -> None:
    """All cores are busy all the same."""
    parts = shares(Machine(16, 20.0), WorkerSettings())
    assert [part.threads for part in parts] == [4] * 4


def test_a_small_machine_has_one_worker() -> None:
    """However little there is."""
    assert [part.threads for part in shares(Machine(2, 3.0), WorkerSettings())] == [2]


def test_each_gpu_has_two_workers_and_the_other_cores_have_workers_without() -> None:
    """Those without see none, so that they do not take its memory."""
    parts = shares(Machine(32, 256.0, ("0", "1")), WorkerSettings())
    assert [part.gpu for part in parts] == ["0", "0", "1", "1", "", "", "", ""]
    assert sum(part.threads for part in parts) == 32
    assert parts[0].resources["GPU"] == 1.0
    assert "GPU" not in parts[-1].resources


def test_many_gpus_and_few_cores_share_the_cores() -> None:
    """No worker has less than one thread, and none is added."""
    parts = shares(Machine(8, 64.0, ("0", "1", "2", "3")), WorkerSettings())
    assert [part.threads for part in parts] == [1] * 8
    assert all(part.gpu for part in parts)


def test_what_the_profile_says_holds() -> None:
    """Count, threads, memory and GPUs."""
    parts = shares(Machine(16, 64.0, ("0", "1")), WorkerSettings(count=3, threads=2, memory_gib=5.0, gpus=1))
    assert [(part.threads, part.memory_gib, part.gpu) for part in parts] == [
        (2, 5.0, "0"),
        (2, 5.0, "0"),
        (2, 5.0, ""),
    ]


def test_memory_per_worker_limits_their_number() -> None:
    """Where the profile says what each needs, and not how many there are."""
    assert len(shares(Machine(16, 64.0), WorkerSettings(memory_gib=16.0))) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (WorkerSettings(gpus=3), "asks for 3 GPUs, and 1 are there"),
        (WorkerSettings(count=8, memory_gib=9.0), "8 workers of 9.0 GiB do not fit into the 64.0 GiB"),
    ],
)
def test_more_than_there_is_is_refused(settings: WorkerSettings, message: str) -> None:
    """Before a worker starts, not when the system stops it."""
    with pytest.raises(UsageError, match=message):
        shares(Machine(16, 64.0, ("0",)), settings)


@pytest.mark.parametrize(
    ("allowed", "gpus"),
    [
        (None, ("0", "1", "2", "3")),
        ("2,3", ("2", "3")),
        ("", ()),
        ("-1", ()),
        ("1,7,2", ("1",)),
        ("GPU-5a3c,MIG-77", ("GPU-5a3c", "MIG-77")),
    ],
)
def test_what_the_environment_allows_of_the_gpus_is_used(allowed: str | None, gpus: tuple[str, ...]) -> None:
    """As CUDA reads it: a number that is none ends the list."""
    environment = {} if allowed is None else {"CUDA_VISIBLE_DEVICES": allowed}
    assert visible_gpus(environment, lambda: 4) == gpus


def test_counting_gpus_does_not_load_cuda() -> None:
    """The client asks the driver's own tools; here it only has to answer."""
    assert count_gpus() >= 0
    assert "libcuda.so" not in Path(f"/proc/{os.getpid()}/maps").read_text()


def test_workers_of_a_job_with_several_gpus_take_one_each() -> None:
    """Dask starts them in one environment, with a number at the end of their names."""
    taken = []
    for number in range(4):
        environment = {"CUDA_VISIBLE_DEVICES": "4,6", "VULTUS_WORKERS_PER_GPU": "2"}
        pin(environment, f"vultus-11-{number}", lambda: 8)
        taken.append(environment["CUDA_VISIBLE_DEVICES"])
    assert taken == ["4", "4", "6", "6"]


def test_a_worker_that_was_given_its_gpu_keeps_it() -> None:
    """Nothing is changed where there is nothing to choose from."""
    environment = {"CUDA_VISIBLE_DEVICES": "3", "VULTUS_WORKERS_PER_GPU": "2"}
    pin(environment, "vultus-0-1", lambda: 8)
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
