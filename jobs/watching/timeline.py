"""When which worker did what, to be drawn as a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from jobs.tasks import Receipt, State
from jobs.watching.words import duration

_WIDTH = 1000.0
_THIN = 1.0
_MOST_ROWS = 96
_LONG_BREAK = 600.0
_BREAK_SHARE = 0.1
_BREAK_WIDTH = 0.02
_TICKS = 6
_LONG = 3600.0


@dataclass(frozen=True)
class Bar:
    """A task: where it begins and how wide it is (0 to 1000), and what to say of it."""

    start: float
    width: float
    stage: str
    state: State
    title: str


@dataclass(frozen=True)
class Row:
    """The tasks of a worker."""

    worker: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Timeline:
    """Workers and their tasks.

    Attributes:
        rows: one of each worker.
        ticks: places (0 to 1000) and times of the day.
        breaks: places where a time without any task was cut out, and how long it was.
        left_out: workers that are not shown.
        begun: day and time of the first start, UTC.
        seconds: from the first start to the last end.
    """

    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    breaks: tuple[tuple[float, str], ...]
    left_out: int
    begun: str
    seconds: float


@dataclass(frozen=True)
class _Span:
    receipt: Receipt
    start: float
    end: float


def timeline(receipts: Iterable[Receipt]) -> Timeline:
    """The tasks that took time, by worker. Each stands where the clock of the job's folder says."""
    spans = sorted(_spans(receipts), key=lambda span: span.start)
    if not spans:
        return Timeline((), (), (), 0, "", 0.0)
    scale = _Scale(spans)
    workers: dict[str, list[_Span]] = {}
    for span in spans:
        workers.setdefault(_worker(span.receipt), []).append(span)
    rows = [Row(name, _bars(own, scale)) for name, own in sorted(workers.items())]
    last = max(span.end for span in spans)
    return Timeline(
        tuple(rows[:_MOST_ROWS]),
        tuple(scale.ticks()),
        tuple((scale.place(start) + scale.cut / 2, duration(end - start)) for start, end in scale.breaks),
        max(0, len(rows) - _MOST_ROWS),
        datetime.fromtimestamp(spans[0].start, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        last - spans[0].start,
    )


class _Scale:
    """Places of times, long breaks between tasks cut short."""

    def __init__(self, spans: Sequence[_Span]) -> None:
        covered = _covered(spans)
        total = sum(end - start for start, end in covered) or 1.0
        gaps = [(before[1], after[0]) for before, after in pairwise(covered)]
        self.breaks = [gap for gap in gaps if gap[1] - gap[0] > max(_LONG_BREAK, _BREAK_SHARE * total)]
        self.first, self.last = covered[0][0], covered[-1][1]
        shown = self.last - self.first - sum(end - start for start, end in self.breaks)
        self.cut = _WIDTH * _BREAK_WIDTH
        self._per_second = (_WIDTH - self.cut * len(self.breaks)) / (shown or 1.0)

    def place(self, time: float) -> float:
        """Of a time, 0 to 1000."""
        passed = [(start, end) for start, end in self.breaks if end <= time]
        seconds = time - self.first - sum(end - start for start, end in passed)
        return seconds * self._per_second + self.cut * len(passed)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and times of the day, UTC, evenly spread."""
        places = [_WIDTH * index / _TICKS for index in range(_TICKS + 1)]
        form = "%H:%M" if self.last - self.first > _LONG else "%H:%M:%S"
        return [(place, datetime.fromtimestamp(self._time(place), UTC).strftime(form)) for place in places]

    def _time(self, place: float) -> float:
        time = self.first + place / self._per_second
        for start, end in self.breaks:
            if time > start:
                time += (end - start) - self.cut / self._per_second
                time = max(time, start)
        return time


def _covered(spans: Sequence[_Span]) -> list[tuple[float, float]]:
    """Times in which any task ran."""
    covered: list[tuple[float, float]] = []
    for span in spans:
        if covered and span.start <= covered[-1][1]:
            covered[-1] = (covered[-1][0], max(covered[-1][1], span.end))
        else:
            covered.append((span.start, span.end))
    return covered


def _bars(spans: Sequence[_Span], scale: _Scale) -> tuple[Bar, ...]:
    """Tasks too short to be seen give way to those before, unless they failed: thousands remain a picture."""
    bars: list[Bar] = []
    for span in spans:
        start = scale.place(span.start)
        width = max(_THIN, scale.place(span.end) - start)
        hidden = bars and width <= _THIN and start < bars[-1].start + bars[-1].width
        if not hidden or span.receipt.state is State.FAILED:
            bars.append(Bar(start, width, span.receipt.stage, span.receipt.state, _title(span.receipt)))
    return tuple(bars)


def _spans(receipts: Iterable[Receipt]) -> Iterable[_Span]:
    for receipt in receipts:
        if receipt.state in (State.SKIPPED, State.CANCELLED) or not receipt.started:
            continue
        try:
            start = datetime.fromisoformat(receipt.started).timestamp()
        except ValueError:
            continue
        yield _Span(receipt, start, start + receipt.seconds)


def _worker(receipt: Receipt) -> str:
    return f"{receipt.host} {receipt.worker or receipt.process}"


def _title(receipt: Receipt) -> str:
    return f"{receipt.key}: {receipt.state}, {duration(receipt.seconds)}"
