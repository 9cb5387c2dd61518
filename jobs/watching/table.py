"""The live table: sequences by stages, drawn with rich."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobs.tasks import State
from jobs.watching.standing import Cell, Standing
from jobs.watching.words import duration, rate

_MARKS = {
    State.DONE: ("done", "green"),
    State.CURRENT: ("done", "green dim"),
    State.PARTIAL: ("partial", "yellow"),
    State.FAILED: ("failed", "bold red"),
    State.SKIPPED: ("-", "dim"),
    State.CANCELLED: ("cancelled", "magenta"),
    State.WAITING: (".", "dim"),
}
_COUNTED = (State.DONE, State.PARTIAL, State.RUNNING, State.WAITING, State.FAILED, State.CANCELLED)
_FEWEST_ROWS = 4


@dataclass(frozen=True)
class Figures:
    """What is said of a job besides its sequences.

    Attributes:
        job: its name.
        fraction: of the work that is done, 0 to 1.
        elapsed, left: seconds; left is None where nobody can tell.
        workers: alive.
        frames_per_second: by stage.
        tasks_per_minute: of all stages.
    """

    job: str
    fraction: float
    elapsed: float
    left: float | None
    workers: int
    frames_per_second: dict[str, float]
    tasks_per_minute: float | None


def job_table(standing: Standing, figures: Figures, lines: int) -> RenderableType:
    """All there is to see, at most so many lines high."""
    rows = max(_FEWEST_ROWS, lines - 6)
    return Group(_heading(figures), _sequences(standing, figures, rows), _counts(standing))


def _heading(figures: Figures) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    tasks = figures.tasks_per_minute
    grid.add_row(
        Text(figures.job, style="bold"),
        ProgressBar(total=1.0, completed=figures.fraction, width=24),
        f"{100 * figures.fraction:3.0f}%",
        f"{duration(figures.elapsed)}, left {duration(figures.left)}",
        f"workers {figures.workers}" if figures.workers else Text("no workers", style="yellow"),
        f"tasks/min {rate(tasks)}",
    )
    return grid


def _sequences(standing: Standing, figures: Figures, rows: int) -> RenderableType:
    stages = list(standing.stages)
    table = Table(box=None, padding=(0, 2, 0, 0), show_footer=True)
    table.add_column("sequence", no_wrap=True, overflow="ellipsis", footer=Text("frames/s", style="dim"))
    for stage in stages:
        speed = figures.frames_per_second.get(stage)
        table.add_column(stage, no_wrap=True, footer=Text(rate(speed) if speed else "", style="dim"))
    shown, hidden = _chosen(standing, rows)
    for name in shown:
        cells = standing.sequences[name].cells
        table.add_row(Text(name), *(_mark(cells.get(stage)) for stage in stages))
    if hidden:
        table.add_row(Text(f"... and {hidden} more", style="dim"))
    return table


def _chosen(standing: Standing, rows: int) -> tuple[list[str], int]:
    """The sequences to show, failed ones first (at most half of the rows if others run), and how many not."""
    failed, running = standing.states_of(State.FAILED), standing.states_of(State.RUNNING)
    if len(failed) + len(running) > rows:
        rows -= 1
    room = max(rows - len(running), rows // 2)
    shown = [*failed[-room:], *running]
    return shown[:rows], max(0, len(failed) + len(running) - min(rows, len(shown)))


def _mark(cell: Cell | None) -> Text:
    if cell is None:
        return Text("")
    state = cell.state
    if state is State.RUNNING:
        return Text(f"{cell.percent}%", style="cyan")
    return Text(*_MARKS[state])


def _counts(standing: Standing) -> Text:
    there = [state for state in _COUNTED if standing.counts[state]]
    parts: Iterable[Text] = (
        Text(
            f"{standing.counts[state]} {state}", style="cyan" if state is State.RUNNING else _MARKS[state][1]
        )
        for state in there
    )
    return Text(", ").join(parts) + Text(
        f"; {standing.tasks - standing.left} of {standing.tasks} tasks ended"
    )
