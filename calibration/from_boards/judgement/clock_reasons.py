"""What speaks against a camera's clock, in words, with the numbers that put it right."""

from __future__ import annotations

from dataclasses import replace

from calibration.from_boards.clocks.offsets import Offset, Undetermined
from calibration.from_boards.clocks.timing import Stretch, is_late
from calibration.from_boards.judgement.facts import CameraFacts
from calibration.from_boards.judgement.reasons import Grade, Limit, Reason

LATE = Limit(0.1, 0.5)
"""Frames. A face that speaks moves by some pixels in one; beyond a half, another frame number is nearer."""

OUT_OF_SYNC = Limit(0.0, 0.75)
"""Share of the shared images. Some are left out without harm; where it is most, who is to be believed?"""

_WHOLE = 0.15  # an offset that is so near to whole frames is one of whole frames
_CLOCKS = "Check genlock and the frame rates: 23.976 against 24 is 1 frame in 1000"


def clock_reasons(facts: CameraFacts) -> list[Reason]:
    """The reasons that the clock of a camera gives."""
    reasons = []
    late = facts.timing.late
    if facts.late:
        reasons.append(_renumbered(facts.late, facts.timing.rest))
    elif late is not None:
        reasons.append(_late(late))
    return [*reasons, *_stretches(facts)]


def _renumbered(late: float, rest: Offset | Undetermined) -> Reason:
    """Of a camera that was calibrated as if it had been in time."""
    if isinstance(rest, Offset):
        whole = replace(rest, frames=late + rest.frames)
        if whole.drift:
            return _late(whole)
        frames, words = whole.frames, offset_words(whole)
    else:
        frames, words = late, f"{abs(late):g} frames {'late' if late > 0 else 'early'}"
    way = f"its images were numbered {-late:+.0f}" if late == round(late) else "it had been in time"
    what = (
        f"it runs {words} through the whole take; it was calibrated as if {way}, "
        "but the shoot has to be put right too"
    )
    return Reason("late", Grade.USABLE, LATE.excess(abs(frames)), what, renumbering(frames))


def _stretches(facts: CameraFacts) -> list[Reason]:
    """The reason that the stretches out of sync give."""
    if not facts.timing.stretches:
        return []
    share = facts.out_of_sync / max(facts.out_of_sync + int(facts.evidence.shared.sum()), 1)
    told = [_stretch(stretch) for stretch in facts.timing.stretches]
    fixes = list(dict.fromkeys(fix for _, fix in told))
    what = "it is out of sync " + "; ".join(words for words, _ in told)
    grade = OUT_OF_SYNC.grade(share)
    return [Reason("sync", grade, 1 + 5 * share, what, ". ".join(fixes))]


def offset_words(offset: Offset) -> str:
    """How late or early, and how surely: "2.00 frames late (± 0.01)"."""
    if offset.drift:
        start, end = offset.at(offset.first), offset.at(offset.last)
        return f"{start:+.1f} frames late at {offset.first}, {end:+.1f} at {offset.last}"
    side = "late" if offset.frames > 0 else "early"
    return f"{abs(offset.frames):.2f} frames {side} (± {max(offset.deviation, 0.005):.2f})"


def _late(offset: Offset) -> Reason:
    way = "it drifts:" if offset.drift else "it runs"
    what = f"{way} {offset_words(offset)}" + ("" if offset.drift else " through the whole take")
    worst = max(abs(offset.at(offset.first)), abs(offset.at(offset.last)))
    fix = _CLOCKS if offset.drift else renumbering(offset.frames)
    return Reason("late", LATE.grade(worst), LATE.excess(worst), what, fix)


def renumbering(frames: float) -> str:
    """What to do about a camera that is late by so many frames through a whole take."""
    whole = round(frames)
    if not whole:
        return "It is less than a frame: genlock the cameras, or hold the board still while it is filmed"
    change = f"{-whole:+d}"
    exact = abs(frames - whole) < _WHOLE
    rest = "" if exact else f"; the rest, {frames - whole:+.2f} frames, needs genlock"
    return (
        f"Rename its images by {change} ({1001} becomes {1001 - whole}), or, for a movie, "
        f"change its start_frame in shoot.toml by {change}{rest}"
    )


def _stretch(stretch: Stretch) -> tuple[str, str]:
    """A stretch in words, and what to do about it."""
    images = f"{stretch.rejected} of {stretch.images} images" if stretch.images > 1 else "1 image"
    where = f"from {stretch.first} to {stretch.last}" if stretch.images > 1 else f"at {stretch.first}"
    what = (
        f"{where} ({images}, the board off by up to {stretch.off_px[1]:.1f} px, "
        f"{stretch.off_metres[1] * 1000:.1f} mm)"
    )
    offset = stretch.offset
    if not isinstance(offset, Offset):
        return what, (
            f"By how many frames cannot be told: {offset.reason}. "
            "Check that the take itself is in sync, with a clap or a flash"
        )
    if not is_late(offset):
        return what, "It is not late there: check whether the camera or the board's parts moved"
    what += f", {offset_words(offset)}"
    if offset.drift:
        return what, _CLOCKS
    whole = round(offset.frames)
    if whole and abs(offset.frames - whole) < _WHOLE:
        side = "dropped" if whole < 0 else "doubled or recorded late"
        return what, (
            f"{abs(whole)} frames were {side} before {stretch.first}: "
            f"rename its images from there on by {-whole:+d}"
        )
    return what, _CLOCKS
