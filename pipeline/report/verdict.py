"""What became of a shoot in words: may it be relied on, and where is it to be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from fitting.performance import FrameStatus
from pipeline.frames.ranges import format_frames
from pipeline.report.facts import Facts

_MOST_REASONS = 12


class Grade(StrEnum):
    """How good it is; also the class of its colour in the style."""

    GOOD = "good"
    LOOK = "look"
    PART = "part"
    BAD = "bad"


HEADLINES = {
    Grade.GOOD: "Done",
    Grade.LOOK: "Done, with something to look at",
    Grade.PART: "Done in part",
    Grade.BAD: "Not to be relied on as it is",
}


@dataclass(frozen=True)
class Remark:
    """One thing to know, and how bad it is."""

    grade: Grade
    text: str


@dataclass(frozen=True)
class Verdict:
    """A shoot in words; the worst comes first."""

    grade: Grade
    remarks: tuple[Remark, ...]

    @property
    def headline(self) -> str:
        """The grade, in words."""
        return HEADLINES[self.grade]


def judge(facts: Facts) -> Verdict:
    """What is to be said of a shoot."""
    order = list(Grade)[::-1]
    remarks = sorted(_remarks(facts), key=lambda remark: order.index(remark.grade))
    worst = remarks[0].grade if remarks else Grade.GOOD
    return Verdict(worst, tuple(remarks))


def _remarks(facts: Facts) -> Iterator[Remark]:
    outcome, performance = facts.outcome, facts.performance
    if not outcome.converged:
        yield Remark(
            Grade.BAD,
            "The solver stopped before it reached its gate: look at the pictures before anything is used",
        )
    yield from _failures(facts)
    for warning in outcome.warnings:
        uncalibrated = any(warning.startswith(f"Camera {name}:") for name in outcome.uncalibrated)
        yield Remark(Grade.PART if uncalibrated else Grade.LOOK, _sentence(warning))
    for line in outcome.unreliable:
        words, _, frames = line.partition("  ")
        yield Remark(Grade.LOOK, f"{_sentence(words)}: {frames}")
    for line in outcome.drift:
        moved = not line.startswith("Where they were calibrated")
        yield Remark(Grade.LOOK if moved else Grade.GOOD, line)
    interpolated = performance.frames[performance.status == FrameStatus.INTERPOLATED]
    if len(interpolated):
        seen = format_frames(interpolated.tolist())
        yield Remark(Grade.LOOK, f"No camera saw a face; interpolated between neighbours: {seen}")
    if len(facts.unfitted):
        yield Remark(
            Grade.LOOK,
            f"Left out of the fit, since fewer than two cameras have an image: "
            f"{format_frames(facts.unfitted.tolist())}",
        )


def _failures(facts: Facts) -> Iterator[Remark]:
    """Frames that could not be used, brought together by camera and reason."""
    groups = defaultdict[tuple[str, str], list[int]](list)
    for failure in facts.outcome.failures:
        groups[failure.camera, failure.reason].append(failure.frame)
    for number, ((camera, reason), frames) in enumerate(groups.items()):
        if number == _MOST_REASONS:
            yield Remark(Grade.PART, f"and {len(groups) - number} more reasons, all in outcome.json")
            return
        who = "All cameras" if camera == "all" else f"Camera {camera}"
        yield Remark(Grade.PART, f"{who}: {reason}: {format_frames(frames)}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
