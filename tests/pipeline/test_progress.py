"""Progress and interruption, as farm managers use them."""

from __future__ import annotations

import io
import os
import signal

import pytest

from pipeline.interruption import InterruptedRunError, TerminatedRunError, listen
from pipeline.progress import ProgressLines, checked, for_stream, silent, span


def test_each_new_percent_is_one_flushed_line() -> None:
    """Farm managers look for Progress: NN% and need no repetition."""
    stream = io.StringIO()
    report = ProgressLines(stream)
    for done in range(5):
        report(done, 400, "")
    report(400, 400, "")
    assert stream.getvalue() == "Progress: 0%\nProgress: 1%\nProgress: 100%\n"


def test_a_file_gets_lines_and_not_a_bar() -> None:
    """Control characters of a bar never end up in a log."""
    assert isinstance(for_stream(io.StringIO()), ProgressLines)


def test_a_part_of_the_work_fills_its_part_of_the_whole() -> None:
    """Two stages of a run count as one progress."""
    stream = io.StringIO()
    report = span(ProgressLines(stream), 0.5, 1.0)
    report(0, 10, "fit")
    report(10, 10, "fit")
    assert stream.getvalue() == "Progress: 50%\nProgress: 100%\n"


@pytest.mark.parametrize(
    ("number", "kind", "status"),
    [(signal.SIGTERM, TerminatedRunError, 143), (signal.SIGINT, InterruptedRunError, 130)],
)
def test_a_signal_stops_the_work_at_its_next_report(
    number: signal.Signals, kind: type[InterruptedRunError], status: int
) -> None:
    """The chunk in hand is finished; the status tells the farm why."""
    with listen() as interruption:
        report = checked(silent, interruption.check)
        report(0, 2, "")
        os.kill(os.getpid(), number)
        with pytest.raises(kind) as caught:
            report(1, 2, "")
    assert caught.value.exit_status == status
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
