"""Loaded by each worker process before its first task.

It takes its GPU and threads from the environment, and loads torch and the stages, so that no task pays for
that; workers do it side by side.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from collections.abc import MutableMapping

from jobs.clusters.machine import GpuCounter, count_gpus, visible_gpus
from jobs.clusters.worker_setup import PER_GPU, THREADS
from jobs.workers.worker_signals import leave_on_sigterm

logger = logging.getLogger("distributed.worker")

LOADS = "VULTUS_WORKER_LOADS"
"""The module to load, with all that it imports; none if the variable is empty."""
STAGES = "pipeline.steps"


async def dask_setup(worker: object) -> None:
    """Called by Dask in the worker's process, before the scheduler knows it."""
    leave_on_sigterm(worker)
    pin(os.environ, str(getattr(worker, "name", "")))
    # In a thread: the worker goes on answering its nanny meanwhile.
    await asyncio.to_thread(load)


def load() -> None:
    """Import the stages, and hold torch to the worker's threads whatever it thinks of the environment."""
    module = os.environ.get(LOADS, STAGES)
    if not module:
        return
    importlib.import_module(module)
    import torch

    threads = int(os.environ.get(THREADS, "0"))
    if threads:
        torch.set_num_threads(threads)


def pin(environment: MutableMapping[str, str], name: str, count: GpuCounter = count_gpus) -> None:
    """Leave one GPU of several to the worker, by the number at the end of its name.

    Dask starts the workers of a job in one environment, as ``job-0``, ``job-1``...; CUDA reads the variable
    when it is first used, which is later.
    """
    per_gpu = int(environment.get(PER_GPU, "0"))
    gpus = visible_gpus(environment, count) if per_gpu else ()
    number = name.rsplit("-", 1)[-1]
    if len(gpus) < 2 or not number.isdigit():
        return
    environment["CUDA_VISIBLE_DEVICES"] = gpus[int(number) // per_gpu % len(gpus)]
    logger.info("Worker %s uses GPU %s", name, environment["CUDA_VISIBLE_DEVICES"])
