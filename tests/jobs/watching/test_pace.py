"""Estimates of the time that is left are made from what was measured, or not at all."""

from __future__ import annotations

import pytest

from jobs.tasks import SURVEY, Receipt, State
from jobs.watching.pace import Pace
from jobs.watching.standing import Standing
from tests.jobs.watching.made_up_job import SECONDS, endings, receipt_of, survey_of, tasks_of

OF_A_SEQUENCE = sum(SECONDS.values()) + 2 * SECONDS["detect"]


class _Clocked:
    """A job on workers that are never idle, with a clock that is set by hand."""

    def __init__(self, sequences: int, workers: int) -> None:
        self.standing, self.now, self.workers = Standing(), 0.0, workers
        self.names = [f"take{index}" for index in range(sequences)]
        self.standing.plan([survey_of(name) for name in self.names])
        self.pace = Pace(self.standing, 0.0)
        self.pace.staff(workers, 0.0)

    def end(self, receipt: Receipt) -> None:
        self.now += receipt.seconds / self.workers
        self.standing.end(receipt)
        self.pace.end(receipt, self.now)

    def do(self, name: str) -> None:
        for task, receipt in endings(name):
            if task.stage == SURVEY:
                self.end(receipt)
                self.standing.plan(tasks_of(name))
            else:
                self.end(receipt)


def test_nobody_can_tell_before_each_stage_was_measured() -> None:
    """A dash, and no number that is made up."""
    job = _Clocked(4, workers=2)
    assert job.pace.seconds_left(0.0) is None
    job.end(receipt_of(survey_of("take0")))
    job.standing.plan(tasks_of("take0"))
    assert job.pace.seconds_left(job.now) is None


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_time_left_follows_from_what_tasks_took_and_from_the_number_of_workers(workers: int) -> None:
    """Sequences that nobody has looked at yet count as those that were."""
    job = _Clocked(20, workers)
    for name in job.names[:5]:
        job.do(name)
    assert job.pace.seconds_left(job.now) == pytest.approx(15 * OF_A_SEQUENCE / workers, rel=0.1)


def test_more_workers_halve_the_time_at_once() -> None:
    """They are expected to be kept as busy as those before."""
    job = _Clocked(40, workers=2)
    for name in job.names[:8]:
        job.do(name)
    before = job.pace.seconds_left(job.now)
    job.pace.staff(4, job.now)
    assert before is not None
    assert job.pace.seconds_left(job.now) == pytest.approx(before / 2)


def test_a_job_without_workers_never_ends() -> None:
    """No estimate while nobody works."""
    job = _Clocked(4, workers=1)
    job.do("take0")
    job.pace.staff(0, job.now)
    assert job.pace.seconds_left(job.now) is None


def test_the_last_sequence_is_not_shared_among_idle_workers() -> None:
    """Its stages come one after another, however many workers there are."""
    job = _Clocked(2, workers=16)
    job.do("take0")
    job.end(receipt_of(survey_of("take1")))
    job.standing.plan(tasks_of("take1"))
    for task in tasks_of("take1")[:4]:
        job.end(receipt_of(task))
    left = job.pace.seconds_left(job.now)
    rest = sum(SECONDS[stage] for stage in ("fit", "export", "overlay", "report"))
    assert left is not None
    assert left >= 0.95 * rest


def test_what_was_found_done_says_nothing_of_speed() -> None:
    """Going on with a job does not begin with an absurd rate."""
    job = _Clocked(2, workers=1)
    for task, receipt in endings("take0"):
        job.standing.plan([task])
        job.standing.end(receipt, now=False)
    assert job.pace.tasks_per_minute(1.0) is None
    assert job.pace.frames_per_second(1.0) == {}


def test_rates_are_of_all_workers_together() -> None:
    """480 frames in 170 s of each of two workers side by side are 5.6 frames a second."""
    job = _Clocked(1, workers=2)
    job.end(receipt_of(survey_of("take0")))
    job.standing.plan(tasks_of("take0"))
    for task in tasks_of("take0")[1:3]:
        job.end(receipt_of(task))
    assert job.pace.frames_per_second(job.now)["detect"] == pytest.approx(480 / (170 + 1))


def test_failed_tasks_are_no_measure() -> None:
    """A task that fails at once does not promise that the others are as quick."""
    job = _Clocked(2, workers=1)
    job.do("take0")
    before = job.standing.stages["fit"].seconds
    job.end(receipt_of(survey_of("take1")))
    job.standing.plan(tasks_of("take1"))
    job.end(receipt_of(tasks_of("take1")[4], State.FAILED))
    assert job.standing.stages["fit"].seconds == before
