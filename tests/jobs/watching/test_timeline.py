"""The timeline of a job shows which worker did what, in a size that a browser can bear."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.tasks import Receipt, State, Task
from jobs.watching.timeline import timeline
from tests.jobs.watching.made_up_job import BEGUN, receipt_of


def _at(seconds: float, *, long: float = 10.0, worker: str = "0", state: State = State.DONE) -> Receipt:
    task = Task("a", "", "fit", frames=f"{seconds}")
    begun = (BEGUN + timedelta(seconds=seconds)).isoformat()
    return replace(receipt_of(task, state), started=begun, seconds=long, worker=worker, host="n1")


def test_each_worker_is_a_row_and_each_task_stands_where_its_time_is() -> None:
    """From 0, the first start, to 1000, the last end."""
    drawn = timeline([_at(0), _at(10), _at(15, long=25, worker="1")])
    assert [row.worker for row in drawn.rows] == ["n1 0", "n1 1"]
    assert [(bar.start, bar.width) for bar in drawn.rows[0].bars] == [(0.0, 250.0), (250.0, 250.0)]
    assert drawn.rows[1].bars[0].start + drawn.rows[1].bars[0].width == pytest.approx(1000)
    assert drawn.seconds == 40.0
    assert drawn.ticks[0] == (0.0, "19:30:00")


def test_a_night_between_two_runs_is_cut_short() -> None:
    """Going on in the morning does not press both runs into a line each."""
    drawn = timeline([_at(0, long=600), _at(50_000, long=600)])
    first, second = drawn.rows[0].bars
    assert first.width == second.width == pytest.approx(490)
    assert [long for _, long in drawn.breaks] == ["13 h 43 min"]


def test_thousands_of_short_tasks_remain_a_picture_and_failures_are_never_hidden() -> None:
    """A bar is at least as wide as can be seen; those that would lie on each other are left out."""
    receipts = [_at(index, long=0.9) for index in range(20_000)]
    failed = _at(1234.5, long=0.1, state=State.FAILED)
    bars = timeline([*receipts, failed]).rows[0].bars
    assert len(bars) < 1100
    assert [bar.state for bar in bars].count(State.FAILED) == 1


def test_what_was_not_tried_and_what_has_no_time_is_not_drawn() -> None:
    """Skipped tasks, and receipts that the client wrote for workers that died."""
    assert timeline([_at(0, state=State.SKIPPED), receipt_of(Task("a", "", "fit"))]).rows == ()
