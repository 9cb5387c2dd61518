"""What a task asks of a cluster, in Dask's terms: priority, memory and GPU."""

from __future__ import annotations

from jobs.tasks import SURVEY, Task

ON_GPU = frozenset({"detect"})
"""Stages that want a GPU where there is one."""

_CHUNKS = 10_000
_TASKS = 100 * _CHUNKS
_FIRST = 2**52


def priority(task: Task, sequence: int, stage: int, chunk: int) -> int:
    """Of a task, for Dask: the higher, the sooner.

    Surveys come first, so that what is missing is known early; then sequences in the order in which they were
    given, so that they end one after another; and later stages of a sequence before its earlier ones.

    Args:
        task: whose it is.
        sequence: its sequence's place in the job.
        stage: the number of its stage among the sequence's.
        chunk: its number among the tasks of that stage.
    """
    if task.stage == SURVEY:
        return _FIRST - sequence
    return _CHUNKS * stage - min(chunk, _CHUNKS - 1) - _TASKS * sequence


def gib(size: float) -> float:
    """Bytes as GiB, rounded up to hundredths, as a person reads them."""
    return -(-size * 100 // 2**30) / 100


def _gathers(task: Task) -> bool:
    """Whether the task only puts together what chunks of its stage have done."""
    return any(need.startswith(f"{task.sequence}/{task.stage} ") for need in task.needs)


def resources(task: Task, needed_gib: float, *, gpus: bool) -> dict[str, float]:
    """What a task takes of its worker: memory, and a GPU where the cluster has any.

    Args:
        task: that asks.
        needed_gib: its memory.
        gpus: whether the cluster has workers with a GPU.
    """
    asked = {"MEMORY": needed_gib}
    if gpus and task.stage in ON_GPU and not _gathers(task):
        asked["GPU"] = 1.0
    return asked
