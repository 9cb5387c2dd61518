"""What is said of a job while it runs: lines for a farm manager, a table for a person."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from jobs.tasks import SURVEY, State
from jobs.watching.table import Figures, job_table
from jobs.watching.terminal import CountingWatch, LinesWatch, TableWatch, watching
from jobs.watching.watch import Unwatched, Watch
from pipeline.interruption import InterruptedRunError
from tests.jobs.watching.made_up_job import Trouble, endings, tasks_of

BROKEN = Trouble("detect", "Camera left:\n  the image 1017 cannot be read.")


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _go_on() -> None:
    return None


def _run(watch: Watch, clock: _Clock, names: list[str], fails: str = "") -> None:
    surveys = [next(endings(name))[0] for name in names]
    watch.planned(surveys)
    watch.workers(2)
    for name in names:
        for task, receipt in endings(name, BROKEN if name == fails else None):
            watch.started(task.key, "w0")
            clock.now += receipt.seconds
            watch.progressed(task.key, 0.5)
            watch.check()
            watch.ended(receipt)
            if task.stage == SURVEY:
                watch.planned(tasks_of(name))
            watch.check()


def test_progress_lines_grow_and_say_100_only_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Though nobody knows at first how much work the sequences are."""
    clock = _Clock()
    watch = LinesWatch(_go_on, clock)
    _run(watch, clock, [f"take{index}" for index in range(12)])
    percents = [int(line[10:-1]) for line in capsys.readouterr().out.splitlines()]
    assert percents == sorted(set(percents))
    assert percents[-1] == 99
    assert len(percents) > 40
    watch.close()
    assert capsys.readouterr().out == "Progress: 100%\n"


def test_a_job_that_was_stopped_never_says_100(capsys: pytest.CaptureFixture[str]) -> None:
    """Its tasks have all ended, but not because they were done."""
    watch = LinesWatch(_go_on, _Clock())
    _run(watch, _Clock(), ["take0"])
    for task, receipt in endings("take1"):
        watch.planned([task])
        watch.ended(replace(receipt, state=State.CANCELLED))
    watch.close()
    assert "100" not in capsys.readouterr().out
    assert watch.pace.fraction() == pytest.approx(0.5)


def test_a_failure_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output stays for progress; what was skipped because of it is not told as well."""
    clock = _Clock()
    _run(LinesWatch(_go_on, clock), clock, ["take0", "take1"], fails="take1")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("take1: detect 1001-1240 failed on node01: Camera left: the image 1017 cannot")
    assert line.endswith("logs/take1/detect.1001-1240.log")


@pytest.mark.parametrize("make", [LinesWatch, lambda stop: TableWatch("day3", stop)])
def test_a_check_stops_the_work(make: Callable[[Callable[[], None]], CountingWatch]) -> None:
    """SIGINT and SIGTERM are looked for where the conductor calls in."""

    def stop() -> None:
        raise InterruptedRunError("Stopped")

    with pytest.raises(InterruptedRunError):
        make(stop).check()


def test_without_a_terminal_the_watch_writes_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that comes to its end says 100 %; one that is broken off does not."""
    with watching(tmp_path):
        pass
    assert capsys.readouterr().out == "Progress: 100%\n"
    with pytest.raises(InterruptedRunError), watching(tmp_path):
        raise InterruptedRunError("Stopped")
    assert capsys.readouterr().out == ""


def test_a_watch_that_looks_away_takes_all_that_a_watch_is_told() -> None:
    """It stands in where nobody watches."""
    _run(Unwatched(), _Clock(), ["take0"])


def _drawn(watch: CountingWatch, lines: int) -> str:
    figures = Figures("day3", 0.5, 60.0, None, 2, {"detect": 5.6}, 12.0)
    console = Console(file=io.StringIO(), width=120, height=lines)
    console.print(job_table(watch.standing, figures, lines))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_failed_and_running_sequences_and_counts_the_others() -> None:
    """Two hundred that are done are a number, not two hundred rows."""
    clock = _Clock()
    watch = CountingWatch(_go_on, clock)
    _run(watch, clock, [f"take{index}" for index in range(30)], fails="take7")
    watch.planned([task for task, _ in endings("last")])
    watch.started("last/calibrate", "w1")
    text = _drawn(watch, 30)
    rows = [line.split() for line in text.splitlines()]
    assert ["take7", "done", "done", "failed", "-", "-", "-", "-"] in rows
    assert ["last", ".", "0%", ".", ".", ".", ".", "."] in rows
    assert "take8" not in text
    assert "29 done, 1 running, 1 failed" in text
    assert "left -" in text


def test_the_table_is_never_higher_than_the_terminal() -> None:
    """However many sequences run or have failed; failures do not push out what runs."""
    clock = _Clock()
    watch = CountingWatch(_go_on, clock)
    for index in range(40):
        name = f"broken{index}"
        for task, receipt in endings(name, BROKEN):
            watch.planned([task])
            watch.ended(receipt)
    for index in range(5):
        watch.planned(tasks_of(f"take{index}"))
        watch.started(f"take{index}/calibrate", "w")
    text = _drawn(watch, 20)
    assert len(text.splitlines()) <= 20
    assert sum(line.startswith("take") for line in text.splitlines()) == 5
    assert "more" in text
