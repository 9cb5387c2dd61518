"""What a machine has, and how its cores, memory and GPUs are shared among workers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import UsageError
from jobs.clusters.settings import WorkerSettings

LEAST_GIB = 4.0
"""That a worker should have: torch, the network and a batch of crops take some 2."""
FOR_WORKERS = 0.9
"""Of the memory; the rest is the client's, the scheduler's and the system's."""
MOST_THREADS_OF_GPU_WORKER = 4
SECONDS = 20.0

GpuCounter = Callable[[], int]


@dataclass(frozen=True)
class Machine:
    """A machine, as far as this process may use it.

    Attributes:
        cores: within its container and affinity.
        memory_gib: within its container.
        gpus: as ``CUDA_VISIBLE_DEVICES`` names them.
    """

    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerShare:
    """What one worker process has of its machine.

    Attributes:
        threads: of BLAS and torch.
        memory_gib: at most.
        gpu: the one that it sees; empty for none.
    """

    threads: int
    memory_gib: float
    gpu: str = ""

    @property
    def resources(self) -> dict[str, float]:
        """As Dask counts them: tasks ask for ``MEMORY`` in GiB, and for a ``GPU``."""
        return resources(self.memory_gib, bool(self.gpu))


def resources(memory_gib: float, gpu: bool) -> dict[str, float]:
    """What a worker offers to tasks."""
    return {"MEMORY": round(memory_gib, 2)} | ({"GPU": 1.0} if gpu else {})


def this_machine() -> Machine:
    """This machine; CUDA is not touched, so that no memory of a GPU is taken."""
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    return Machine(CPU_COUNT, MEMORY_LIMIT / 2**30, visible_gpus(os.environ, count_gpus))


def visible_gpus(environment: Mapping[str, str], count: GpuCounter) -> tuple[str, ...]:
    """The GPUs of this machine, or those of them that ``CUDA_VISIBLE_DEVICES`` allows.

    As CUDA has it: what stands after a name that is none (-1, say) does not count.
    """
    allowed = environment.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return tuple(str(index) for index in range(count()))
    there = count() if allowed.strip() else 0
    names: list[str] = []
    for name in (each.strip() for each in allowed.split(",")):
        is_number = name.lstrip("-").isdigit()
        if not name or (is_number and not 0 <= int(name) < there):
            break
        names.append(name)
    return tuple(names) if there else ()


def count_gpus() -> int:
    """How many GPUs the driver knows; 0 where there is no driver."""
    if not Path("/proc/driver/nvidia/version").exists() and shutil.which("nvidia-smi") is None:
        return 0
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    return len(found.stdout.split()) if found.returncode == 0 else 0


def shares(machine: Machine, settings: WorkerSettings) -> tuple[WorkerShare, ...]:
    """The workers of a machine: some for each GPU, and for the cores that are left.

    Where nothing is said there is a worker for each core, or fewer with more threads where the memory would
    not do. Workers for the rest of the cores see no GPU.

    Raises:
        UsageError: the profile asks for more GPUs or memory than there are.
    """
    gpus = _gpus(machine, settings)
    pinned = [gpu for gpu in gpus for _ in range(settings.per_gpu)]
    threads = settings.threads or _threads(machine, settings, len(pinned))
    free = max(0, machine.cores - len(pinned) * threads) // threads
    count = settings.count if settings.count is not None else len(pinned) + max(free, 0 if pinned else 1)
    memory = settings.memory_gib or FOR_WORKERS * machine.memory_gib / max(count, len(pinned))
    if settings.memory_gib is not None and settings.count is None:
        count = max(1, min(count, int(FOR_WORKERS * machine.memory_gib / memory)))
    if memory * count > machine.memory_gib:
        raise UsageError(
            f"{count} workers of {memory:.1f} GiB do not fit into the {machine.memory_gib:.1f} GiB of this "
            "machine",
            fix="Lower workers.count or workers.memory_gib",
        )
    places = [*pinned, *[""] * count][:count]
    return tuple(WorkerShare(threads, memory, gpu) for gpu in places)


def _gpus(machine: Machine, settings: WorkerSettings) -> tuple[str, ...]:
    if settings.gpus is not None and settings.gpus > len(machine.gpus):
        raise UsageError(
            f"The profile asks for {settings.gpus} GPUs, and {len(machine.gpus)} are there",
            fix="Look at nvidia-smi and CUDA_VISIBLE_DEVICES, or lower workers.gpus",
        )
    return machine.gpus[: settings.gpus]


def _threads(machine: Machine, settings: WorkerSettings, pinned: int) -> int:
    """Threads per worker, so that all cores are busy and none has two masters."""
    if settings.count is not None:
        return max(1, machine.cores // settings.count)
    if pinned:
        return max(1, min(MOST_THREADS_OF_GPU_WORKER, machine.cores // pinned))
    room = int(FOR_WORKERS * machine.memory_gib / (settings.memory_gib or LEAST_GIB))
    return max(1, machine.cores // max(1, min(machine.cores, room)))
