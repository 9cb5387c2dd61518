"""Hearing what happens on the workers, and drawing the consequences for each task."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from distributed import KilledWorker

from calibration.errors import VultusError
from jobs.conducting.crew import Broken, Forgotten, Happening, Progressed, Returned, Started
from jobs.conducting.desk import Desk
from jobs.conducting.graph import Ended, SequenceGraph, ended_here
from jobs.tasks import ENDED_WELL, Receipt, State, Survey

log = logging.getLogger(__name__)

DIED = "worker-lost"
_DEFECT = "defect"


def hear(desk: Desk, happenings: Iterable[Happening]) -> Iterator[Ended]:
    """Note what happened, and yield how sequences ended by it."""
    touched: dict[str, SequenceGraph] = {}
    for happening in happenings:
        graph = desk.lineup.graphs.get(happening.key.rpartition("/")[0])
        if graph is not None and _noted(desk, graph, happening):
            touched[graph.sequence] = graph
    for graph in touched.values():
        ended = desk.settle(graph)
        if ended is not None:
            yield ended


def _noted(desk: Desk, graph: SequenceGraph, happening: Happening) -> bool:
    """Note one thing; whether a task is no longer at work for it."""
    match happening:
        case Started(key, worker):
            graph.starts[key] += 1
            desk.running[key] = worker
            desk.watch.started(key, worker)
            return False
        case Progressed(key, fraction):
            desk.watch.progressed(key, fraction)
            return False
    desk.running.pop(happening.key, None)
    match happening:
        case Returned(_, result):
            _returned(desk, graph, result)
        case Broken():
            _broken(desk, graph, happening)
        case Forgotten(key):
            log.debug("Dask has forgotten %s; it is put to the workers again", key)
    return True


def _returned(desk: Desk, graph: SequenceGraph, result: Receipt | Survey) -> None:
    """A task has ended with its receipt, or a survey with what it found."""
    receipt = result if isinstance(result, Receipt) else result.receipt
    graph.end(receipt)
    desk.notes.ended(receipt)
    if receipt.state in ENDED_WELL:
        desk.went_well.add(receipt.stage)
    if not isinstance(result, Receipt) and receipt.state in ENDED_WELL:
        graph.extend(result.tasks, result.rig)
        desk.notes.planned(result.tasks)
        desk.lineup.looked_at(graph)


def _broken(desk: Desk, graph: SequenceGraph, broken: Broken) -> None:
    """A task has ended without a receipt: it gets one here, or is tried again.

    Dask lets whatever needs a broken task break with it. That is not counted: it is tried again, or skipped.
    """
    if not broken.own:
        return
    task, starts = graph.tasks[broken.key], graph.starts[broken.key]
    if not isinstance(broken.error, KilledWorker):
        code = broken.error.code if isinstance(broken.error, VultusError) else _DEFECT
        text = str(broken.error) if code != _DEFECT else f"{type(broken.error).__name__}: {broken.error}"
        desk.end_task(graph, ended_here(task, State.FAILED, code, text))
    elif starts >= desk.job.limits.deaths:
        message = f"Its worker died {starts} times while it did this; too little memory is the usual reason"
        desk.end_task(graph, ended_here(task, State.FAILED, DIED, message, attempt=starts))
