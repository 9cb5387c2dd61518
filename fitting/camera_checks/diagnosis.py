"""What is wrong with a rig: mistakes named one after the other, each undone before the next is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from fitting.camera_checks.agreement import Agreement, in_own_unit
from fitting.camera_checks.explain import Explanation, explain, majority
from fitting.camera_checks.fine import Detectability, detectability, explain_finely
from fitting.camera_checks.footage import other_size
from fitting.camera_checks.hypothesis import Hypothesis
from fitting.camera_checks.sample import Sample
from fitting.camera_checks.units import unit_of, whole_unit

Array = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

_MOST_COARSE, _MOST_FINE = 6, 4


@dataclass(frozen=True, eq=False)
class Mistake:
    """A mistake that was found, and what undoing it does.

    Attributes:
        kind: a short name, such as "inverse-pose".
        cameras: the names of the cameras that it concerns.
        whole: whether these are all.
        what: in words, without the names.
        fix: what a person can do.
        in_rig: whether the corrected rig is without it; otherwise the footage has to be mended.
        before_px, after_px: (C,) how far the landmarks of each camera are from where the others see them.
    """

    kind: str
    cameras: tuple[str, ...]
    whole: bool
    what: str
    fix: str
    in_rig: bool
    before_px: Array
    after_px: Array

    def __str__(self) -> str:
        return f"{self.who}: {self.what}"

    @property
    def who(self) -> str:
        """The cameras in words."""
        if self.whole and len(self.cameras) > 2:
            return "All cameras"
        return f"Camera{'s' if len(self.cameras) > 1 else ''} {' and '.join(self.cameras)}"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What is wrong with a rig.

    Attributes:
        mistakes: that were found, in the order in which they are to be undone.
        given, corrected: the sample as it was, and without the mistakes.
        before, after: how far the cameras agree then.
        contradicting: names of the cameras that contradict the others for no known reason.
        detectable: of small mistakes; none where the cameras do not agree well enough.
    """

    mistakes: tuple[Mistake, ...]
    given: Sample
    corrected: Sample
    before: Agreement
    after: Agreement
    contradicting: tuple[str, ...]
    detectable: tuple[Detectability, ...]

    @property
    def rig(self) -> Rig:
        """The rig without the mistakes."""
        return self.corrected.rig

    @property
    def mends(self) -> bool:
        """Whether the corrected rig is another than the one that was given."""
        return any(mistake.in_rig for mistake in self.mistakes)


def diagnose(sample: Sample, *, fine: bool = True, progress: Progress | None = None) -> Diagnosis:
    """Find what is wrong with a rig.

    Args:
        sample: what its cameras saw.
        fine: whether to look for mistakes that leave no contradiction too.
        progress: called before each look.
    """
    search = _Search(sample, progress)
    search.sizes()
    search.coarse()
    search.unit()
    if fine:
        search.fine()
    return search.diagnosis(fine)


class _Search:
    """The sample as it becomes, mistake by mistake, in a unit of its own."""

    def __init__(self, sample: Sample, progress: Progress | None) -> None:
        self.given = sample
        self.progress = progress or (lambda done, total, label: None)
        self.mistakes: list[Mistake] = []
        # Cameras in nanometres or parsecs are all the same to the search.
        self.sample = in_own_unit(sample)
        self.found = Agreement.of(self.sample)

    def sizes(self) -> None:
        """Images of another size than the calibration's: the likeliest reason, by how the cameras agree."""
        tried = [self._explanation(each) for each in other_size(self.sample)]
        if tried:
            self._accept(min(tried, key=lambda each: each.cost))

    def coarse(self) -> None:
        """Mistakes that make cameras contradict each other."""
        for _ in range(_MOST_COARSE):
            if self.found.badness <= 1:
                return
            self._look("contradictions")
            best = explain(self.sample, self.found)
            if best is None:
                return
            self._accept(best)

    def unit(self) -> None:
        """Lengths in another unit, by the size of the head."""
        if not (self.found.badness <= 1 or majority(self.found)):
            return
        unit = unit_of(self.found.scale)
        if unit is not None:
            self._accept(self._explanation(whole_unit(self.sample, *unit)))

    def fine(self) -> None:
        """Mistakes under which the cameras agree, but less well than they could."""
        for _ in range(_MOST_FINE):
            agreeing = self._agreeing()
            if agreeing is None:
                return
            self._look("small mistakes")
            best = explain_finely(agreeing, Agreement.of(agreeing))
            if best is None:
                return
            self._accept(replace(best, sample=best.hypothesis.correct(self.sample)))

    def diagnosis(self, fine: bool) -> Diagnosis:
        """All that was found."""
        self._look("what remains")
        corrected = replace(self.sample.with_rig(self._in_given_unit()), metres=self.given.metres)
        agreeing = self._agreeing() if fine else None
        return Diagnosis(
            tuple(self.mistakes),
            self.given,
            corrected,
            Agreement.of(self.given),
            Agreement.of(corrected),
            self._contradicting(),
            () if agreeing is None else detectability(agreeing),
        )

    def _in_given_unit(self) -> Iterator[Camera]:
        for camera in self.sample.rig:
            yield replace(camera, t=camera.t * self.sample.metres / self.given.metres)

    def _agreeing(self) -> Sample | None:
        """The cameras that agree, the others seeing nothing; None where there is no majority."""
        good = self.found.good_cameras
        if self.found.badness > 1 and not majority(self.found):
            return None
        pixels = self.sample.pixels.copy()
        pixels[:, :, ~good] = np.nan
        return replace(self.sample, pixels=pixels)

    def _contradicting(self) -> tuple[str, ...]:
        if self.found.badness <= 1:
            return ()
        bad = np.isfinite(self.found.residual) & ~self.found.good_cameras
        if not majority(self.found):
            bad = np.isin(np.arange(len(bad)), self.sample.seeing)
        return tuple(name for name, wrong in zip(self.sample.rig.names, bad, strict=True) if wrong)

    def _explanation(self, hypothesis: Hypothesis) -> Explanation:
        changed = hypothesis.correct(self.sample)
        return Explanation(hypothesis, changed, self.found, Agreement.of(changed))

    def _accept(self, best: Explanation) -> None:
        hypothesis, names = best.hypothesis, self.sample.rig.names
        self.sample = in_own_unit(best.sample)
        before = self.found
        self.found = Agreement.of(self.sample)
        self.mistakes.append(
            Mistake(
                hypothesis.kind,
                tuple(names[index] for index in hypothesis.cameras),
                set(hypothesis.cameras) >= set(self.sample.seeing.tolist()),
                hypothesis.what,
                hypothesis.fix,
                hypothesis.in_rig,
                before.residual_px,
                self.found.residual_px,
            )
        )

    def _look(self, label: str) -> None:
        self.progress(len(self.mistakes), _MOST_COARSE + _MOST_FINE, label)
