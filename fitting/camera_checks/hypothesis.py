"""A hypothesis: one mistake that may have been made with a rig, and how the rig is without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from calibration.camera import Camera
from calibration.errors import InputError
from fitting.camera_checks.sample import Sample

Correct = Callable[[Sample], Sample]
Change = Callable[[Camera], Camera | None]
"""A camera without the mistake; None where it cannot have been made."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A mistake in some cameras.

    Attributes:
        kind: a short name, such as "inverse-pose", that programs can read.
        cameras: positions of the cameras that it concerns.
        what: the mistake in words, a sentence without its subject's names and its full stop.
        fix: what a person can do about it, a sentence without its full stop.
        correct: the sample as if the mistake had not been made.
        in_rig: whether the corrected rig mends it; otherwise the footage has to be mended.
        prior: added to the cost of what it explains; more for mistakes that are seldom made.
    """

    kind: str
    cameras: tuple[int, ...]
    what: str
    fix: str
    correct: Correct
    in_rig: bool = True
    prior: float = 0.0


@dataclass(frozen=True)
class Suspects:
    """Which cameras are to be looked at.

    Attributes:
        single: those that may each have a mistake of their own.
        every: all that see anything.
    """

    single: tuple[int, ...]
    every: tuple[int, ...]


Kind = Callable[[Sample, Suspects], Iterable[Hypothesis]]
"""A kind of mistake: the hypotheses that there are of it."""


@dataclass(frozen=True)
class CameraMistake:
    """A kind of mistake that is made with one camera, or with all of them alike.

    Attributes:
        kind: see :class:`Hypothesis`.
        what: in words with {its}, {is_} and {s}, which become "their", "are" and "s" for several cameras.
        fix: likewise.
        change: a camera without the mistake.
        single, whole: whether one camera alone, or all, can have it.
        prior: see :class:`Hypothesis`.
    """

    kind: str
    what: str
    fix: str
    change: Change
    single: bool = True
    whole: bool = True
    prior: float = 0.0

    def __call__(self, sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
        """The mistake in all cameras, and in each suspect alone."""
        groups: list[tuple[int, ...]] = [suspects.every] if self.whole and suspects.every else []
        if self.single:
            groups += [(index,) for index in suspects.single]
        for cameras in groups:
            if all(self._changed(sample.rig.cameras[index]) is not None for index in cameras):
                yield self._hypothesis(cameras)

    def _hypothesis(self, cameras: tuple[int, ...]) -> Hypothesis:
        def change(camera: Camera) -> Camera:
            changed = self._changed(camera)
            return camera if changed is None else changed

        return Hypothesis(
            self.kind,
            cameras,
            numbered(self.what, len(cameras)),
            numbered(self.fix, len(cameras)),
            lambda sample: sample.with_cameras(change, cameras),
            prior=self.prior,
        )

    def _changed(self, camera: Camera) -> Camera | None:
        try:
            return self.change(camera)
        except InputError:
            return None


def numbered(text: str, count: int) -> str:
    """Words for one camera or for several."""
    several = count != 1
    return text.format(
        its="their" if several else "its", is_="are" if several else "is", s="s" if several else ""
    )


def proposals(kinds: Sequence[Kind], sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """All hypotheses of some kinds."""
    return chain.from_iterable(kind(sample, suspects) for kind in kinds)
