"""Find the mistake that explains why cameras do not agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fitting.camera_checks.agreement import LOST, Agreement, rough_cost
from fitting.camera_checks.catalogue import COARSE, FITTED
from fitting.camera_checks.consensus import MISFIT
from fitting.camera_checks.hypothesis import Hypothesis, Kind, Suspects, proposals
from fitting.camera_checks.moved import MovedCamera
from fitting.camera_checks.sample import Sample

_FEW_CAMERAS = 4
_SINGLE = 2
_LEAST_GAIN, _LEAST_OWN_GAIN = 0.15, 1.0
_OWN_PRIOR, _REST = 3.0, 0.1
_GOOD_ENOUGH = 2.0
_SHORTLIST = 5


@dataclass(frozen=True, eq=False)
class Explanation:
    """A mistake, and how the cameras agree without it.

    Attributes:
        hypothesis: the mistake.
        sample: as if it had not been made.
        before, after: the agreement with it and without it.
    """

    hypothesis: Hypothesis
    sample: Sample
    before: Agreement
    after: Agreement

    @property
    def cost(self) -> float:
        """Of what remains, and of how seldom the mistake is made; the least is the likeliest."""
        return self.after.cost + self.hypothesis.prior

    @property
    def own_cost(self) -> float:
        """The like, of the cameras that it concerns alone: among mistakes of single cameras.

        What is as good as the other cameras is good enough: a mistake whose correction has parameters that
        are found, such as a move, would otherwise win by following the detector's errors.
        """
        enough = _GOOD_ENOUGH * self._usual
        rest = self.after.cost_of(self.hypothesis.cameras)
        own = self.after.cost_of(self.hypothesis.cameras, floor=enough)
        return own + _REST * rest + self.after.shape_cost + _OWN_PRIOR * self.hypothesis.prior

    @property
    def _usual(self) -> float:
        """The residual of the cameras that agree, median; parts of the face's radius."""
        others = self.after.good_cameras.copy()
        others[list(self.hypothesis.cameras)] = False
        return float(np.median(self.after.residual[others])) if others.any() else 0.0

    @property
    def holds(self) -> bool:
        """Whether more cameras agree without the mistake, among them those that it concerns."""
        concerned = list(self.hypothesis.cameras)
        good = self.after.good_cameras
        own = good[concerned] | ~np.isfinite(self.after.residual[concerned])
        more = good.sum() > self.before.good_cameras.sum() or self.after.badness < 1
        possible = self.after.misfit < MISFIT and self.after.lost < LOST
        if not (more and possible):
            return False
        if len(concerned) <= _SINGLE:
            gain = self.before.cost_of(concerned) - self.after.cost_of(concerned)
            gain = max(gain, self.before.cost - self.after.cost)
            return bool(own.all() and gain > _LEAST_OWN_GAIN)
        return bool(own.mean() > 0.5 and self.before.cost - self.cost > _LEAST_GAIN)


def explain(sample: Sample, found: Agreement) -> Explanation | None:
    """The likeliest single mistake that makes more cameras agree; None where none does.

    Args:
        sample: in its own unit.
        found: how far its cameras agree; not all of them do.
    """
    suspects = suspects_of(sample, found)
    singles = (each for each in _single(sample, found, suspects) if each.holds)
    single = min(singles, key=lambda each: each.own_cost, default=None)
    if single is not None and single.after.badness < 1 and majority(found):
        return single
    wholes = (each for each in _whole(sample, found, suspects) if each.holds)
    whole = min(wholes, key=lambda each: each.cost, default=None)
    found_both = [each for each in (single, whole) if each is not None]
    return min(found_both, key=lambda each: each.cost, default=None)


def majority(found: Agreement) -> bool:
    """Whether at least three cameras agree about a head, and more than do not."""
    good = int(found.good_cameras.sum())
    bad = int((np.isfinite(found.residual) & ~found.good_cameras).sum())
    return good > max(2, bad) and found.misfit < MISFIT and found.lost < LOST


def suspects_of(sample: Sample, found: Agreement) -> Suspects:
    """The cameras that may be at fault: those that disagree, where a majority agrees."""
    every = tuple(int(index) for index in sample.seeing)
    bad = tuple(int(index) for index in np.flatnonzero(np.isfinite(found.residual) & ~found.good_cameras))
    return Suspects(bad if bad and majority(found) else every, every)


def _single(sample: Sample, found: Agreement, suspects: Suspects) -> Iterator[Explanation]:
    """Mistakes with single cameras, or two, where the others tell what is right, or there are but few."""
    if majority(found):
        moved = MovedCamera(found.points)
        for each in _concerning((*COARSE, *FITTED, moved), sample, suspects):
            changed = each.correct(sample)
            yield Explanation(each, changed, found, found.rejudged(changed, each.cameras))
    elif len(suspects.every) <= _FEW_CAMERAS:
        yield from _shortlisted(sample, found, list(_concerning(COARSE, sample, suspects)))


def _concerning(kinds: Sequence[Kind], sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """Those of one camera, or of two, but not of all."""
    every = len(suspects.every)
    for each in proposals(kinds, sample, suspects):
        if len(each.cameras) <= _SINGLE and (len(each.cameras) < every or each.kind == "swapped"):
            yield each


def _whole(sample: Sample, found: Agreement, suspects: Suspects) -> Iterator[Explanation]:
    """Mistakes with all cameras."""
    every = Suspects((), suspects.every)
    yield from _shortlisted(sample, found, list(proposals(COARSE, sample, every)))


def _shortlisted(sample: Sample, found: Agreement, hypotheses: list[Hypothesis]) -> Iterator[Explanation]:
    """The likeliest by a few landmarks, looked at with all of them."""
    costs = np.array([rough_cost(each.correct(sample)) + each.prior for each in hypotheses])
    for index in np.argsort(costs)[:_SHORTLIST]:
        if np.isfinite(costs[index]):
            changed = hypotheses[int(index)].correct(sample)
            yield Explanation(hypotheses[int(index)], changed, found, Agreement.of(changed))
