"""What tests ask workers; a module of its own, so that workers can import it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from jobs.clusters.cluster import Cluster
from jobs.clusters.preload import LOADS

LIGHT = {LOADS: "colorsys"}
"""Environment of workers that load next to nothing before their first task."""


@dataclass(frozen=True)
class Place:
    """Where a task ran."""

    process: int
    threads: str
    gpu: str | None
    loaded: bool
    job: str


def place(number: int) -> Place:
    """Where this task runs; the number tells tasks apart."""
    import sys

    environment = os.environ
    return Place(
        os.getpid(),
        environment["OMP_NUM_THREADS"],
        environment.get("CUDA_VISIBLE_DEVICES"),
        "colorsys" in sys.modules,
        environment.get("SLURM_JOB_ID", ""),
    )


def places(cluster: Cluster, count: int = 2) -> list[Place]:
    """Where so many tasks run that ask for memory as ours do."""
    asked: dict[str, Any] = {"pure": False, "resources": {"MEMORY": 0.1}}
    found: list[Place] = cluster.client.gather(cluster.client.map(place, range(count), **asked))
    return found
