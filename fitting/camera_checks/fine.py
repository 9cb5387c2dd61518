"""Mistakes that leave no contradiction: landmarks that agree less well than they could."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fitting.camera_checks.agreement import Agreement
from fitting.camera_checks.catalogue import COARSE, FINE, FITTED
from fitting.camera_checks.explain import Explanation
from fitting.camera_checks.hypothesis import Hypothesis, Suspects, proposals
from fitting.camera_checks.lenses import DISTORTION, HALF_PIXELS
from fitting.camera_checks.moved import MovedCamera
from fitting.camera_checks.residuals import Amplitude, Field, amplitude, residual_field
from fitting.camera_checks.sample import Sample
from fitting.camera_checks.sync import out_of_step, possible_offsets

Array = NDArray[np.float64]

_BETTER = 0.75
_KEPT = 0.9
_CHANCE = 1e-4
_WHOLE = 0.35
_LEAST_PX = 0.02
_PRIOR_WEIGHT = 0.1
_IN_STEP = 0.8
_FLOOR_PX = 0.05
_OUTLYING, _OUTLYING_PX, _MENDED = 2.5, 1.0, 0.6


@dataclass(frozen=True)
class Detectability:
    """Whether landmarks would show a small mistake, and how much of it they do show.

    Attributes:
        kind: "half-pixel", or "already-undistorted": that the images have none of the lenses' distortion.
        shown: how much of the mistake the landmarks show: 0 none of it, 1 all of it.
        detectable: whether all of it would have been told from none of it.
    """

    kind: str
    shown: Amplitude
    detectable: bool


def explain_finely(sample: Sample, found: Agreement) -> Explanation | None:
    """The likeliest mistake under which the landmarks agree clearly better; None where there is none.

    Args:
        sample: in its own unit; its cameras agree, but for what is looked for here.
        found: how far.
    """
    return _whole(sample, found) or _single(sample, found) or _out_of_step(sample, found)


def detectability(sample: Sample) -> tuple[Detectability, ...]:
    """What the landmarks say of half a pixel in all principal points, and of the lenses' distortion."""
    before = residual_field(sample)
    every = Suspects((), tuple(int(index) for index in sample.seeing))
    result = []
    for hypothesis in proposals((*HALF_PIXELS[:1], *DISTORTION[:1]), sample, every):
        shown = amplitude(before, residual_field(hypothesis.correct(sample), before.weights))
        whole = replace(shown, value=1.0)
        result.append(Detectability(hypothesis.kind, shown, whole.differs(_CHANCE)))
    return tuple(result)


def _whole(sample: Sample, found: Agreement) -> Explanation | None:
    """A mistake in all cameras."""
    before = residual_field(sample)
    every = Suspects((), tuple(int(index) for index in sample.seeing))
    best: tuple[float, Hypothesis, Sample] | None = None
    for hypothesis in proposals((*FINE, *FITTED), sample, every):
        changed = hypothesis.correct(sample)
        after = residual_field(changed, before.weights)
        gain = _gain(before, after)
        shown = amplitude(before, after)
        if not (gain < np.log(_BETTER) or _is_shown(shown)):
            continue
        rank = gain + _PRIOR_WEIGHT * hypothesis.prior
        if gain < 0 and (best is None or rank < best[0]):
            best = rank, hypothesis, changed
    if best is None:
        return None
    return Explanation(best[1], best[2], found, Agreement.of(best[2], found.among))


def _is_shown(shown: Amplitude) -> bool:
    """Whether the cameras show, all alike, just as much of a change as the mistake makes."""
    wholly = abs(shown.value - 1) < _WHOLE
    return wholly and shown.size_px > _LEAST_PX and shown.differs(_CHANCE)


def _gain(before: Field, after: Field) -> float:
    """Mean logarithm, over the cameras, of what a change leaves of the residuals."""
    if (after.weights > 0).sum() < _KEPT * (before.weights > 0).sum():
        return np.inf
    known = np.isfinite(before.spread_px) & np.isfinite(after.spread_px)
    ratio = (after.spread_px[known] + _FLOOR_PX) / (before.spread_px[known] + _FLOOR_PX)
    return float(np.log(ratio).mean()) if known.any() else np.inf


def _single(sample: Sample, found: Agreement) -> Explanation | None:
    """A mistake in the camera that stands out, where it does."""
    for index in _outlying(found):
        among = np.isfinite(found.residual)
        among[index] = False
        others = Agreement.of(sample, among)
        explained = [each for each in _explanations(sample, others, index) if _mends(each, index)]
        if explained:
            return min(explained, key=lambda each: _left(each, index) + each.hypothesis.prior)
    return None


def _out_of_step(sample: Sample, found: Agreement) -> Explanation | None:
    """A camera that agrees clearly better some frames earlier or later."""
    best: tuple[float, Explanation] | None = None
    for index in np.flatnonzero(found.good_cameras) if possible_offsets(sample) else ():
        for hypothesis in out_of_step(sample, Suspects((int(index),), ())):
            changed = hypothesis.correct(sample)
            same_frames = np.where(np.isfinite(changed.pixels), sample.pixels, np.nan)
            before = found.rejudged(replace(sample, pixels=same_frames), hypothesis.cameras)
            each = Explanation(hypothesis, changed, before, found.rejudged(changed, hypothesis.cameras))
            left = _left(each, int(index))
            if left < np.log(_IN_STEP) and (best is None or left < best[0]):
                best = left, each
    return None if best is None else best[1]


def _outlying(found: Agreement) -> list[int]:
    """The cameras whose residuals are far beyond the others', the worst first; three others are needed."""
    residual = found.residual
    if np.isfinite(residual).sum() < 4:
        return []
    usual = float(np.nanmedian(residual))
    out = (residual > _OUTLYING * usual) & (found.residual_px > _OUTLYING_PX)
    return [int(index) for index in np.argsort(-np.nan_to_num(residual)) if out[index]]


def _explanations(sample: Sample, others: Agreement, index: int) -> Iterator[Explanation]:
    suspects = Suspects((index,), tuple(int(each) for each in sample.seeing))
    for hypothesis in proposals((*COARSE, *FITTED, MovedCamera(others.points)), sample, suspects):
        if hypothesis.cameras == (index,):
            changed = hypothesis.correct(sample)
            yield Explanation(hypothesis, changed, others, others.rejudged(changed, (index,)))


def _mends(each: Explanation, index: int) -> bool:
    return bool(each.after.residual[index] < _MENDED * each.before.residual[index])


def _left(each: Explanation, index: int) -> float:
    """Logarithm of what is left of a camera's residual."""
    after, before = each.after.residual_px[index], each.before.residual_px[index]
    return float(np.log((after + _FLOOR_PX) / (before + _FLOOR_PX)))
