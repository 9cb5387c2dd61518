"""How fast a job goes, and how long it will still take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from jobs.tasks import SURVEY, Receipt, State
from jobs.watching.standing import StageStanding, Standing
from jobs.watching.units import OTHERS_SECONDS, USUAL_SECONDS

WINDOW = 300.0
"""Seconds that rates are taken over."""

_SETTLED_TASKS = 4
"""Tasks per worker after which it can be told how busy the workers are kept."""


@dataclass(frozen=True)
class _Moment:
    time: float
    stage: str
    frames: int


class Pace:
    """Rates of the last minutes, and the time that is left, from what tasks of this run have taken.

    All times are of one clock that only goes forward, in seconds.
    """

    def __init__(self, standing: Standing, now: float) -> None:
        self._standing = standing
        self._begun = now
        self._recent: deque[_Moment] = deque()
        self._alive = 0
        self._since = now
        self._worker_seconds = 0.0
        self._busy_seconds = 0.0

    @property
    def workers(self) -> int:
        """How many there are now."""
        return self._alive

    def staff(self, alive: int, now: float) -> None:
        """So many workers there are from now on."""
        self._worker_seconds += self._alive * (now - self._since)
        self._alive, self._since = alive, now

    def end(self, receipt: Receipt, now: float) -> None:
        """A task has ended; the standing knows already."""
        self._busy_seconds += receipt.seconds
        frames = self._standing.frames(receipt.key) if receipt.state in (State.DONE, State.PARTIAL) else 0
        self._recent.append(_Moment(now, receipt.stage, frames))
        self._drop(now)

    def tasks_per_minute(self, now: float) -> float | None:
        """Of the last minutes; None where nothing has ended."""
        self._drop(now)
        return 60.0 * len(self._recent) / self._window(now) if self._recent else None

    def frames_per_second(self, now: float) -> dict[str, float]:
        """Of all workers together in the last minutes, by stage; stages without frames are absent."""
        self._drop(now)
        frames: dict[str, int] = {}
        for moment in self._recent:
            frames[moment.stage] = frames.get(moment.stage, 0) + moment.frames
        return {stage: count / self._window(now) for stage, count in frames.items() if count}

    def seconds_left(self, now: float) -> float | None:
        """Until the job is done; None where there is nothing yet to go by.

        The seconds that each stage took for its size, times what is left of it, over the workers there are,
        as busy as they have been kept so far. Sequences that nobody has looked at count as the others.
        """
        standing = self._standing
        if not standing.left:
            return 0.0
        left = total = 0.0
        for name, stage in standing.stages.items():
            own = _measured(stage)
            if own is None and stage.ended < stage.planned:
                return None
            left += (own or 0.0) * (stage.planned_units - stage.ended_units - stage.under_way_units)
            total += (own or 0.0) * stage.planned_units * (name != SURVEY)
        surveyed = len(standing.sequences) - standing.unsurveyed
        if standing.unsurveyed:
            if not total or not surveyed:
                return None
            left += standing.unsurveyed * total / surveyed
        hands = min(self._alive, standing.width(self._alive)) * self._kept_busy(now)
        return left / hands if hands else None

    def fraction(self) -> float:
        """Of the whole work that is behind (not cancelled), 0 to 1, tasks weighted by what they take."""
        stages = self._standing.stages
        each = {name: _measured(stage) for name, stage in stages.items()}
        if None in each.values():
            each = {name: USUAL_SECONDS.get(name, OTHERS_SECONDS) for name in stages}
        weights = {name: weight or 0.0 for name, weight in each.items()}
        done = sum(
            weights[name] * (stage.ended_units - stage.cancelled_units + stage.under_way_units)
            for name, stage in stages.items()
        )
        total = sum(stage.planned_units * weights[name] for name, stage in stages.items())
        unsurveyed, known = self._standing.unsurveyed, len(self._standing.sequences)
        surveyed = known - unsurveyed
        return done / (total * known / surveyed) if total and surveyed else 0.0

    def _kept_busy(self, now: float) -> float:
        """The part of the workers' time that tasks have taken; 1 until it can be told."""
        there = self._worker_seconds + self._alive * (now - self._since)
        if self._standing.worked < _SETTLED_TASKS * max(1, self._alive) or not there:
            return 1.0
        return min(1.0, max(0.05, self._busy_seconds / there))

    def _window(self, now: float) -> float:
        return max(1.0, min(WINDOW, now - self._begun))

    def _drop(self, now: float) -> None:
        while self._recent and self._recent[0].time < now - WINDOW:
            self._recent.popleft()


def _measured(stage: StageStanding) -> float | None:
    """Seconds per unit of size; None where no task of this run has worked on it."""
    return stage.seconds / stage.seconds_units if stage.seconds_units else None
