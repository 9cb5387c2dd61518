"""What is handed to SLURM, PBS, LSF and SGE, word by word: none of them is there to try it on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from calibration.errors import MissingDependencyError, UsageError
from jobs.clusters.profile import ClusterProfile
from jobs.clusters.queues import queue_cluster
from tests.jobs.clusters.certificates import write_certificates

GPU_WORKERS = {
    "gpus": 1,
    "threads": 6,
    "memory_gib": 24.0,
    "python": "/studio/bin/python",
    "scratch": "$TMPDIR",
    "prologue": ["module load cuda/12"],
    "environment": {"OCIO": "/studio/my config.ocio"},
}

SLURM = """\
#!/usr/bin/env bash

#SBATCH -J vultus
#SBATCH -e LOGS/vultus-%J.err
#SBATCH -o LOGS/vultus-%J.out
#SBATCH -p gpu
#SBATCH -A faces
#SBATCH -n 1
#SBATCH --cpus-per-task=12
#SBATCH --mem=48G
#SBATCH -t 30:00:00
#SBATCH --gres=gpu:1
#SBATCH --constraint=rome
module load cuda/12
export OMP_NUM_THREADS=6
export MKL_NUM_THREADS=6
export OPENBLAS_NUM_THREADS=6
export OPENCV_FOR_THREADS_NUM=6
export VULTUS_WORKER_THREADS=6
export GOMP_SPINCOUNT=10000
export MALLOC_TRIM_THRESHOLD_=536870912
export MALLOC_MMAP_THRESHOLD_=536870912
export DASK_DISTRIBUTED__WORKER__MEMORY__TARGET=False
export DASK_DISTRIBUTED__WORKER__MEMORY__SPILL=False
export DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE=False
export DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE=0.95
export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False
export DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL='20 minutes'
export DASK_DISTRIBUTED__ADMIN__TICK__LIMIT='5 minutes'
export DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH=100
export DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=3
export VULTUS_WORKERS_PER_GPU=2
export OCIO='/studio/my config.ocio'
/studio/bin/python -m distributed.cli.dask_worker ADDRESS --name dummy-name --nthreads 1 \
--memory-limit 24.00GiB --nworkers 2 --nanny --death-timeout 300 --local-directory $TMPDIR \
--resources MEMORY=24,GPU=1 --lifetime 107280s --lifetime-stagger 600s --preload jobs.clusters.preload \
--no-dashboard --dashboard-address 127.0.0.1:0 --host 127.0.0.1 --protocol tcp://
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of all batch systems; nothing is submitted."""
    for name in ("sbatch", "qsub", "bsub"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def script(tmp_path: Path, kind: str, workers: dict[str, Any], **tables: Any) -> str:
    """The job script of a profile, with what differs from run to run in capitals."""
    queue = {"logs": str(tmp_path / "logs"), **tables.pop("queue", {})}
    scheduler = {"host": "127.0.0.1", **tables.pop("scheduler", {})}
    given = {"kind": kind, "workers": workers, "queue": queue, "scheduler": scheduler, **tables}
    with queue_cluster(ClusterProfile.model_validate(given)) as cluster:
        text: str = cluster.job_script()
        text = text.replace(cluster.scheduler_address, "ADDRESS")
    return text.replace(str(tmp_path / "logs"), "LOGS")


def header(text: str) -> list[str]:
    """The lines for the batch system."""
    return [line for line in text.splitlines() if line.startswith(("#SBATCH", "#PBS", "#BSUB", "#$"))]


QUEUE = {"partition": "gpu", "account": "faces", "walltime": "1-06:00:00"}


@pytest.mark.usefixtures("commands")
def test_a_job_of_slurm(tmp_path: Path) -> None:
    """Cores, memory and GPU of two workers; they leave ten minutes to half an hour before the walltime."""
    queue = {**QUEUE, "directives": ["--constraint=rome"]}
    assert script(tmp_path, "slurm", GPU_WORKERS, queue=queue) == SLURM


@pytest.mark.usefixtures("commands")
def test_a_job_of_pbs(tmp_path: Path) -> None:
    """GPUs stand in the line of resources."""
    text = script(tmp_path, "pbs", GPU_WORKERS, queue=QUEUE)
    assert header(text) == [
        "#PBS -N vultus",
        "#PBS -q gpu",
        "#PBS -A faces",
        "#PBS -l select=1:ncpus=12:mem=48gb:ngpus=1",
        "#PBS -l walltime=30:00:00",
        "#PBS -e LOGS/",
        "#PBS -o LOGS/",
    ]
    assert text.splitlines()[-1] == SLURM.splitlines()[-1]


@pytest.mark.usefixtures("commands")
def test_a_job_of_lsf(tmp_path: Path) -> None:
    """The walltime has hours and minutes alone, and memory is in kilobytes."""
    assert header(script(tmp_path, "lsf", GPU_WORKERS, queue=QUEUE)) == [
        "#BSUB -J vultus",
        "#BSUB -e LOGS/dummy-name-%J.err",
        "#BSUB -o LOGS/dummy-name-%J.out",
        "#BSUB -q gpu",
        '#BSUB -P "faces"',
        "#BSUB -n 12",
        '#BSUB -R "span[hosts=1]"',
        "#BSUB -M 51539608",
        "#BSUB -W 30:00",
        '#BSUB -gpu "num=1"',
    ]


@pytest.mark.usefixtures("commands")
def test_a_job_of_sge(tmp_path: Path) -> None:
    """Slots by the parallel environment, and memory per slot."""
    assert header(script(tmp_path, "sge", GPU_WORKERS, queue=QUEUE)) == [
        "#$ -N vultus",
        "#$ -q gpu",
        "#$ -P faces",
        "#$ -l mem_free=4096M",
        "#$ -l h_rt=30:00:00",
        "#$ -e LOGS/",
        "#$ -o LOGS/",
        "#$ -cwd",
        "#$ -j y",
        "#$ -pe smp 12",
        "#$ -l gpu=1",
    ]


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("kind", "own", "instead"),
    [
        ("slurm", "--gpus=a100:1", "--gres"),
        ("pbs", "-l ngpus=1", ":ngpus"),
        ("lsf", '-gpu "num=1:mode=shared"', '"num=1"'),
        ("sge", "-l gpu_card=1", "gpu=1"),
    ],
)
def test_a_studio_says_how_gpus_are_asked_for(tmp_path: Path, kind: str, own: str, instead: str) -> None:
    """Its own directives come in place of the usual ones."""
    lines = header(script(tmp_path, kind, GPU_WORKERS, queue={"gpu_directives": [own]}))
    assert any(line.endswith(own) for line in lines)
    assert not any(instead in line for line in lines)


@pytest.mark.usefixtures("commands")
def test_a_job_without_gpus_sees_none(tmp_path: Path) -> None:
    """So that a device `auto` is the processor on whatever node it comes to."""
    text = script(tmp_path, "slurm", {"count": 3, "threads": 2, "memory_gib": 4.5})
    assert "export CUDA_VISIBLE_DEVICES=''" in text
    assert "#SBATCH --cpus-per-task=6\n#SBATCH --mem=14G\n" in text
    assert "gpu" not in text
    assert " --nworkers 3 " in text
    assert " --resources MEMORY=4.5 " in text


@pytest.mark.usefixtures("commands")
def test_workers_of_a_job_are_given_the_certificates(tmp_path: Path) -> None:
    """By the paths of the profile, which the nodes share."""
    tls = write_certificates(tmp_path / "tls")
    text = script(tmp_path, "slurm", {}, tls=tls)
    command = text.splitlines()[-1]
    assert f"--tls-ca-file {tls['ca']} " in command
    assert f"--tls-cert {tls['cert']}" in command
    assert f"--tls-key {tls['key']}" in command
    assert "--protocol tls://" in command


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("host", ["", "0.0.0.0", "192.0.2.7"])
def test_a_scheduler_does_not_listen_on_a_network_unasked(tmp_path: Path, host: str) -> None:
    """Whoever reaches it can run programs as the user: certificates, or a word that the network is closed."""
    with pytest.raises(UsageError, match="without certificates") as error:
        script(tmp_path, "slurm", {}, scheduler={"host": host})
    assert "open_network = true" in str(error.value)


def test_a_machine_without_the_batch_system_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a traceback about a missing file."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="There is no sbatch on this machine"):
        script(tmp_path, "slurm", {})


def test_without_the_library_the_command_to_install_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra that farms need and others do not."""
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "vultus\[farm\]"'):
        script(tmp_path, "slurm", {})
