"""Conducting a job: sequences are looked at, their tasks are put to the workers, what comes back is noted."""

from __future__ import annotations

import logging
import time

from calibration.errors import InputError, VultusError
from jobs.conducting.breaker import Breaker
from jobs.conducting.crew import Cluster
from jobs.conducting.desk import Desk, Job
from jobs.conducting.graph import Ended, survey_task
from jobs.conducting.hearing import hear
from jobs.conducting.notebook import Ledger, Notebook
from jobs.conducting.stopping import Stop, stop_all, stop_sequences
from jobs.conducting.verdict import JobOutcome, judge
from jobs.records.cancelling import read_cancellation, take_back
from jobs.watching.watch import Watch
from pipeline.interruption import InterruptedRunError

log = logging.getLogger(__name__)

_TICK_S = 0.2
_LOOK_S = 2.0
_WRITE_S = 1.0
_RECONNECT_S = 10.0
_SEQUENCES_OF_A_WORKER = 4


def conduct(job: Job, cluster: Cluster, ledger: Ledger, watch: Watch) -> JobOutcome:
    """Do a job to its end, which comes early where it is cancelled, interrupted, or all fails of the same.

    A sequence that fails does not stop the others. Whatever happens, what was done is on disk, and conducting
    the same job again does the rest.

    Args:
        job: to do.
        cluster: that does it.
        ledger: keeps what became of it; only this process writes to it.
        watch: is told of everything.

    Raises:
        VultusError: the scheduler was lost and did not come back.
    """
    take_back(job.folder, [sequence.name for sequence in job.sequences])
    desk = Desk(job, cluster, Notebook(ledger, watch, job.context), watch)
    try:
        return _Conductor(desk, cluster).run()
    finally:
        desk.crew.close()
        desk.notes.write()


class _StoppedEarlyError(Exception):
    """The job ends now."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.reason)
        self.stop = stop


class _Conductor:
    """Conducts one run of a job; see :func:`conduct`."""

    def __init__(self, desk: Desk, cluster: Cluster) -> None:
        self._desk, self._cluster = desk, cluster
        self._breaker = Breaker(len(desk.job.sequences))
        self._workers = 0
        self._looked = self._written = time.monotonic() - _LOOK_S

    def run(self) -> JobOutcome:
        """Do all of it."""
        desk = self._desk
        desk.notes.planned([survey_task(each.name, each.path) for each in desk.job.sequences])
        try:
            while not desk.lineup.is_over:
                self._turn()
        except _StoppedEarlyError as early:
            stop = early.stop
        except InterruptedRunError as error:
            stop = Stop(error.what, error.code, error.exit_status)
        else:
            return judge(desk.lineup.ended)
        desk.watch.said(stop.reason)
        stop_all(desk, stop)
        return judge(desk.lineup.ended, stop.reason, stop.exit_status)

    def _turn(self) -> None:
        desk = self._desk
        desk.watch.check()
        if time.monotonic() - self._looked >= _LOOK_S:
            self._look_around()
            self._looked = time.monotonic()
        if desk.crew.lost:
            self._reconnect()
        desk.advance()
        for ended in hear(desk, desk.crew.happenings(_TICK_S)):
            self._consider(ended)
        if time.monotonic() - self._written >= _WRITE_S:
            desk.notes.write()
            self._written = time.monotonic()

    def _consider(self, ended: Ended) -> None:
        """Look whether all fail of the same."""
        reason = self._breaker.reason(ended, self._workers, self._desk.went_well)
        if reason:
            raise _StoppedEarlyError(Stop(f"Stopped early. {reason}"))

    def _look_around(self) -> None:
        """Look how many workers there are, and whether anybody wants an end."""
        desk = self._desk
        workers = desk.crew.size
        if workers != self._workers:
            self._workers = workers
            desk.watch.workers(workers)
            desk.lineup.widen(_SEQUENCES_OF_A_WORKER * workers)
        try:
            asked = read_cancellation(desk.job.folder)
        except InputError as error:
            log.warning("%s", error)
            return
        if asked.whole:
            raise _StoppedEarlyError(Stop("The job was cancelled"))
        stop_sequences(desk, asked.sequences, Stop("The sequence was cancelled"))

    def _reconnect(self) -> None:
        desk, patience = self._desk, self._desk.job.limits.patience if self._cluster.comes_back else 0.0
        desk.watch.said("The scheduler was lost; what was done is on disk. Waiting for it to come back")
        until = time.monotonic() + patience
        while True:
            desk.watch.check()
            try:
                desk.crew.reconnect(min(_RECONNECT_S, max(0.0, until - time.monotonic())))
                break
            except VultusError:
                if time.monotonic() >= until:
                    raise
        desk.watch.said("The scheduler is back; going on with what is left")
        desk.start_over()
