"""Stopping a job, or sequences of it: what waits is taken back, what runs gets to its next safe place."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from calibration.errors import VultusError
from jobs.conducting.desk import Desk
from jobs.conducting.graph import SequenceGraph, ended_here
from jobs.conducting.hearing import hear
from jobs.records.cancelling import CancelledRunError, cancel, take_back
from jobs.tasks import State
from pipeline.interruption import InterruptedRunError

log = logging.getLogger(__name__)

_TICK_S = 0.2


@dataclass(frozen=True)
class Stop:
    """Why something ends before its time.

    Attributes:
        reason: in words.
        code: of the receipts of what is left.
        exit_status: of the job.
    """

    reason: str
    code: str = CancelledRunError.code
    exit_status: int = VultusError.exit_status


def stop_sequences(desk: Desk, names: Iterable[str], stop: Stop) -> None:
    """End sequences: what runs of them ends when its worker has seen the marker in the job's folder."""
    for name in names:
        desk.lineup.open_up(name)
        if name in desk.lineup.graphs:
            _take_back(desk, desk.lineup.graphs[name], stop)


def stop_all(desk: Desk, stop: Stop) -> None:
    """End the job, and give the workers time to get to a safe place."""
    folder, grace = desk.job.folder, desk.job.limits.grace
    try:
        cancel(folder)
    except VultusError as error:
        log.warning("The workers cannot be asked to stop: %s", error)
    desk.lineup.open_up()
    for graph in list(desk.lineup.graphs.values()):
        _take_back(desk, graph, stop)
    if desk.running:
        desk.watch.said(f"Stopping: {len(desk.running)} tasks get to a safe place, {grace:.0f} s at most")
    until = time.monotonic() + grace
    while desk.lineup.graphs and time.monotonic() < until and not desk.crew.lost:
        deque(hear(desk, desk.crew.happenings(_TICK_S)), maxlen=0)
        for graph in list(desk.lineup.graphs.values()):
            _take_back(desk, graph, stop)  # A survey that has ended since has found tasks.
    if not desk.lineup.graphs:
        take_back(folder, [each.name for each in desk.job.sequences])
    # A marker that stays stops those that are late; the next run takes it away.
    desk.running.clear()
    for graph in list(desk.lineup.graphs.values()):
        _take_back(desk, graph, stop)


def _take_back(desk: Desk, graph: SequenceGraph, stop: Stop) -> None:
    """End the tasks of a sequence that no worker is at."""
    waiting = [task for task in graph.open() if task.key not in desk.running]
    desk.crew.cancel([task.key for task in waiting])
    for task in waiting:
        status = InterruptedRunError.exit_status
        desk.end_task(graph, ended_here(task, State.CANCELLED, stop.code, stop.reason, status))
    desk.settle(graph)
