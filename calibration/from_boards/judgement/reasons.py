"""What speaks against a camera's calibration, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Grade(IntEnum):
    """What a calibration is good for."""

    GOOD = 0
    USABLE = 1
    REDO = 2

    @property
    def word(self) -> str:
        """The grade as people read it."""
        return self.name.lower()


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong with a camera's calibration.

    Attributes:
        code: what it is, for programs: "coverage".
        grade: what it leaves the camera good for.
        excess: how many times worse than what is good.
        what: what is wrong, as a clause about the camera: "corners cover 20% of its image".
        fix: what to do next, as a sentence without its full stop.
    """

    code: str
    grade: Grade
    excess: float
    what: str
    fix: str


@dataclass(frozen=True)
class Limit:
    """Up to `good` nothing is wrong, beyond `usable` the camera is to be calibrated again.

    Where `usable` is the smaller of the two, small values are the bad ones.
    """

    good: float
    usable: float

    def grade(self, value: float) -> Grade:
        """What a value leaves the camera good for."""
        sign = 1.0 if self.usable >= self.good else -1.0
        if sign * value <= sign * self.good:
            return Grade.GOOD
        return Grade.USABLE if sign * value <= sign * self.usable else Grade.REDO

    def excess(self, value: float) -> float:
        """How many times worse than good a value is."""
        worse, better = (value, self.good) if self.usable >= self.good else (self.good, value)
        return worse / max(better, 1e-9)

    def reason(self, value: float, code: str, what: str, fix: str) -> Reason | None:
        """The reason that a value gives; None if it is good."""
        grade = self.grade(value)
        return None if grade is Grade.GOOD else Reason(code, grade, self.excess(value), what, fix)


def ranked(reasons: Sequence[Reason | None]) -> tuple[Reason, ...]:
    """The reasons there are, the gravest first."""
    there = [reason for reason in reasons if reason is not None]
    return tuple(sorted(there, key=lambda reason: (-reason.grade, -reason.excess)))


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
