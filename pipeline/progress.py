"""Progress as people and farm managers read it.

On a terminal: a bar. Elsewhere: a flushed line ``Progress: NN%`` on standard output for each new percent,
which the stock patterns of farm managers understand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Progress = Callable[[int, int, str], None]
"""Called with what is done, of how much, and a label; it may raise to stop the work at a safe place."""

WAITING = "waiting"
"""The label where nothing is done but waiting for another process: no work."""


def silent(done: int, total: int, label: str) -> None:
    """Report nothing."""


def span(progress: Progress, start: float, end: float) -> Progress:
    """A progress that fills only the part from ``start`` to ``end`` (fractions) of another."""

    def report(done: int, total: int, label: str) -> None:
        fraction = start + (end - start) * (done / total if total else 1.0)
        progress(round(fraction * 1000), 1000, label)

    return report


def checked(progress: Progress, check: Callable[[], None]) -> Progress:
    """A progress that calls ``check`` after each report, so that an interruption can stop the work there."""

    def report(done: int, total: int, label: str) -> None:
        progress(done, total, label)
        check()

    return report


class ProgressLines:
    """Prints ``Progress: NN%`` whenever the whole percentage grows."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._last = -1

    def __call__(self, done: int, total: int, label: str) -> None:
        """Report what is done of a total."""
        percent = min(100, int(100 * done / total)) if total else 100
        if percent > self._last:
            self._last = percent
            self._stream.write(f"Progress: {percent}%\n")
            self._stream.flush()

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class ProgressBar:
    """A bar on standard error, for a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        self._bar: RichProgress = RichProgress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self._task = self._bar.add_task("", total=1.0)

    def __call__(self, done: int, total: int, label: str) -> None:
        """Report what is done of a total."""
        self._bar.update(self._task, completed=done / total if total else 1.0, description=label)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def for_stream(stream: TextIO | None = None) -> ProgressLines | ProgressBar:
    """The bar where standard output is a terminal, else the lines."""
    target = stream if stream is not None else sys.stdout
    return ProgressBar() if target.isatty() else ProgressLines(target)
