"""Watching a job on a terminal, and where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from jobs.tasks import Receipt, State, Task
from jobs.watching.pace import Pace
from jobs.watching.standing import Standing
from jobs.watching.table import Figures, job_table
from jobs.watching.watch import Watch
from jobs.watching.words import failure_line, one_line
from pipeline.interruption import listen
from pipeline.progress import ProgressLines

_REDRAW = 0.25
_SHARE = 40
"""Drawing takes at most one part in so many of the time."""

_REPORT = 1.0
_ALL = 1000
_NOT_YET = 990  # 100 % is said at the end alone


class CountingWatch:
    """Keeps count of a job, as the basis of what is shown.

    Args:
        stop: called in each check; it raises to stop the work.
        clock: seconds, only going forward.
    """

    def __init__(self, stop: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.standing = Standing()
        self._stop, self._clock = stop, clock
        self._begun = clock()
        self.pace = Pace(self.standing, self._begun)

    def planned(self, tasks: Sequence[Task]) -> None:
        """Tasks have joined the job."""
        self.standing.plan(tasks)

    def started(self, key: str, worker: str) -> None:
        """A task runs."""
        self.standing.start(key, worker)

    def progressed(self, key: str, fraction: float) -> None:
        """A running task is so far."""
        self.standing.progress(key, fraction)

    def ended(self, receipt: Receipt) -> None:
        """A task has come to its end; a failure is told at once."""
        self.standing.end(receipt)
        self.pace.end(receipt, self._clock())
        if receipt.state is State.FAILED:
            self.failed(receipt)

    def found(self, receipts: Sequence[Receipt]) -> None:
        """These had ended before."""
        for receipt in receipts:
            self.standing.end(receipt, now=False)

    def workers(self, alive: int) -> None:
        """So many workers there are now."""
        self.pace.staff(alive, self._clock())

    def said(self, text: str) -> None:
        """Something that a person should read."""
        sys.stderr.write(f"{one_line(text)}\n")
        sys.stderr.flush()

    def failed(self, receipt: Receipt) -> None:
        """A task has failed."""
        self.said(failure_line(receipt))

    def check(self) -> None:
        """Look whether the work shall stop."""
        self._stop()


class LinesWatch(CountingWatch):
    """``Progress: NN%`` lines on standard output, and failures on standard error."""

    def __init__(self, stop: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stop, clock)
        self._lines = ProgressLines()
        self._next = self._begun

    def check(self) -> None:
        """Say how far it is, where a percent is full, and look whether the work shall stop."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _REPORT
            self._lines(min(_NOT_YET, round(_ALL * self.pace.fraction())), _ALL, "")
        super().check()

    def close(self) -> None:
        """The job has come to its end, or was stopped: then it never gets to 100."""
        if not self.standing.left and not self.standing.counts[State.CANCELLED]:
            self._lines(1, 1, "")


class TableWatch(CountingWatch):
    """A table on the terminal, on standard error; failures scroll by above it."""

    def __init__(
        self, job: str, stop: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stop, clock)
        self._job, self._next = job, self._begun
        self._console = Console(stderr=True)
        self.live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")

    def said(self, text: str) -> None:
        """Something that a person should read, above the table."""
        self._console.print(Text(one_line(text)))

    def failed(self, receipt: Receipt) -> None:
        """A task has failed."""
        self._console.print(Text(failure_line(receipt), style="red"))

    def check(self) -> None:
        """Draw again if it is time to, and look whether the work shall stop."""
        now = self._clock()
        if now >= self._next:
            self.draw(now)
            # A slow terminal shall not take the time of the scheduler's messages.
            self._next = now + max(_REDRAW, _SHARE * (self._clock() - now))
        super().check()

    def draw(self, now: float) -> None:
        """Draw the table as it is now."""
        pace = self.pace
        figures = Figures(
            self._job,
            pace.fraction(),
            now - self._begun,
            pace.seconds_left(now),
            pace.workers,
            pace.frames_per_second(now),
            pace.tasks_per_minute(now),
        )
        self.live.update(job_table(self.standing, figures, self._console.height - 1), refresh=True)

    def close(self) -> None:
        """Draw the table as it is at the end."""
        self.draw(self._clock())


@contextmanager
def watching(folder: Path) -> Iterator[Watch]:
    """A watch for the job of a folder: a table where standard output is a terminal, else lines.

    Its ``check`` raises :class:`InterruptedRunError` after SIGINT or SIGTERM.
    """
    with listen() as interruption:
        if not sys.stdout.isatty():
            lines = LinesWatch(interruption.check)
            yield lines
            lines.close()
            return
        table = TableWatch(folder.name, interruption.check)
        with table.live:
            yield table
            table.close()
