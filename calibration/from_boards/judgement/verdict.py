"""A calibration in words: good, usable, or redo a camera; why, and what to do next.

Each limit says up to where a camera is good, and up to where it is usable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.from_boards.judgement.clock_reasons import clock_reasons
from calibration.from_boards.judgement.coverage import by_region, in_few_words
from calibration.from_boards.judgement.facts import CameraFacts, Facts
from calibration.from_boards.judgement.reasons import Grade, Limit, Reason, listed, ranked

IMAGES = Limit(10, 6)
"""Images that determine the lens. Six would do in theory; from about ten on the numbers settle."""

COVERAGE = Limit(0.35, 0.1)
"""Share of the image with corners. Elsewhere the lens is a guess; a tenth is less than a face needs."""

EXTRAPOLATED_PX = 0.5
"""A ninth of the image without corners counts where the lens may be wrong by more than this."""

EMPTY = Limit(1, 8)
"""Ninths of the image that count so. One may lie outside of the actor; even eight leave the middle."""

FOCAL = Limit(0.003, 0.015)
"""Standard deviation of the focal length, as a share of it. 0.3% moves a head by 3 mm at a metre."""

LENS_PX = Limit(1.0, 3.0)
"""RMS of what the lens may be wrong by where boards were: landmarks are good to a pixel or so."""

RESIDUAL_PX = Limit(0.5, 1.5)
"""RMS of the corners in images 2000 pixels wide. Sharp corners of a flat board come to 0.1 to 0.3."""

HELD_OUT = Limit(1.6, 3.0)
"""How many times worse boards fit that were left out. Honest lenses are some ten percent worse."""

BOARDS_SHARED = Limit(8, 3)
"""Boards that tie a camera to the others. Three place it; from about eight on a bad one is noticed."""

PRINCIPAL = Limit(0.05, 0.15)
"""How far the principal point is off the middle, as a share of the width. Sensors are mounted better."""

FOUND = Limit(0.6, 0.0)
"""Share of the images in which the board was found. Fewer, and the film was not made for it."""

_RESIDUAL_WIDTH = 2000
_HELD_OUT_PX = 0.1  # a difference smaller than this matters to nobody
_LITTLE_TILT = 25.0  # degrees
_PLENTY = 15  # images


@dataclass(frozen=True)
class CameraVerdict:
    """What one camera's calibration is good for, and what speaks against it, the gravest first."""

    name: str
    grade: Grade
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class RigVerdict:
    """What a calibration is good for.

    Attributes:
        grade: of the worst camera.
        cameras: in the order of the rig; those that could not be calibrated come last.
    """

    grade: Grade
    cameras: tuple[CameraVerdict, ...]

    def __getitem__(self, name: str) -> CameraVerdict:
        return next(camera for camera in self.cameras if camera.name == name)

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        bad = [camera.name for camera in self.cameras if camera.grade is self.grade]
        if self.grade is Grade.GOOD:
            return "Good: use it"
        everyone = 1 < len(bad) == len(self.cameras)
        names = "all cameras" if everyone else f"camera{'s' if len(bad) > 1 else ''} {listed(bad)}"
        return f"Redo {names}" if self.grade is Grade.REDO else f"Usable; {names} could be better"

    @property
    def worst(self) -> tuple[str, Reason] | None:
        """The gravest that there is to say, and of which camera; nothing where all is good."""
        told = [(camera.name, reason) for camera in self.cameras for reason in camera.reasons]
        return max(told, key=lambda one: (one[1].grade, one[1].excess), default=None)

    @property
    def sentence(self) -> str:
        """The verdict in one sentence or two."""
        if self.worst is None:
            return f"{self.headline}."
        name, reason = self.worst
        alone = sum(camera.grade is self.grade for camera in self.cameras) == 1
        return f"{self.headline}{':' if alone else f'. Most of all {name}:'} {reason.what}."


def judge(facts: Facts) -> RigVerdict:
    """The verdict on a calibration and on each of its cameras."""
    cameras = [judge_camera(camera) for camera in facts.cameras]
    cameras += [_left_out(name, error) for name, error in facts.calibration.left_out.items()]
    return RigVerdict(max(camera.grade for camera in cameras), tuple(cameras))


def _left_out(name: str, error: CalibrationError) -> CameraVerdict:
    reason = Reason(
        "not calibrated", Grade.REDO, np.inf, f"it could not be calibrated: {error.what}", error.fix
    )
    return CameraVerdict(name, Grade.REDO, (reason,))


def judge_camera(facts: CameraFacts) -> CameraVerdict:
    """The verdict on one camera."""
    reasons = ranked(
        [
            *clock_reasons(facts),
            _images(facts),
            _found(facts),
            _coverage(facts),
            _focal(facts),
            _lens(facts),
            _residual(facts),
            _held_out(facts),
            _link(facts),
            _principal(facts),
        ]
    )
    return CameraVerdict(facts.name, max((r.grade for r in reasons), default=Grade.GOOD), reasons)


def _images(facts: CameraFacts) -> Reason | None:
    count = facts.counts.lens
    more = max(_PLENTY - count, 5)
    return IMAGES.reason(
        count,
        "images",
        f"only {count} images of the board determine its lens",
        f"Film {more} more images of the board, each in another place and tilt",
    )


def _found(facts: CameraFacts) -> Reason | None:
    counts = facts.counts
    return FOUND.reason(
        counts.found / max(counts.images, 1),
        "found",
        f"the board was found in {counts.found} of {counts.images} images",
        "Keep the whole board in the image, sharp and evenly lit, with a light border around it",
    )


def _coverage(facts: CameraFacts) -> Reason | None:
    share, error = facts.coverage.share, by_region(facts.lens_error_px)
    empty = [name for name in facts.coverage.empty if error[name] > EXTRAPOLATED_PX]
    grade = max(COVERAGE.grade(share), EMPTY.grade(len(empty)))
    if grade is Grade.GOOD:
        return None
    parts = listed(in_few_words(empty or facts.coverage.empty))
    worst = max(error[name] for name in empty) if empty else 0.0
    guess = f", where the lens may be wrong by {worst:.1f} px" if empty else ""
    return Reason(
        "coverage",
        grade,
        max(COVERAGE.excess(share), EMPTY.excess(len(empty))),
        f"corners of the board cover {share:.0%} of its image, hardly any of the {parts}{guess}",
        f"Film {int(np.clip(3 * len(empty), 5, 10))} more images with the board in these parts of the image: "
        f"{parts}",
    )


def _focal(facts: CameraFacts) -> Reason | None:
    share, (_, most) = facts.focal_share, facts.tilts
    px = float(facts.deviations.focal.max())
    if most < _LITTLE_TILT:
        why = f"the boards face it, tilted by {most:.0f} degrees at most"
        fix = "Film 10 more images with the board tilted by 30 to 45 degrees: left, right, up and down"
    else:
        why = "its images say too little"
        fix = "Film the board larger in the image and from nearer, tilted by 30 to 45 degrees"
    return FOCAL.reason(
        share, "focal", f"its focal length is known to {px:.1f} px ({share:.1%}) only: {why}", fix
    )


def _lens(facts: CameraFacts) -> Reason | None:
    return LENS_PX.reason(
        facts.lens_px,
        "lens",
        f"its lens is known to {facts.lens_px:.1f} px only, even where boards were",
        "Film 10 more images with the board large in the image, in all its parts",
    )


def _residual(facts: CameraFacts) -> Reason | None:
    factor = max(1.0, max(facts.camera.size) / _RESIDUAL_WIDTH)
    return RESIDUAL_PX.reason(
        facts.residual_px / factor,
        "residual",
        f"its corners are off by {facts.residual_px:.2f} px",
        "Check that its images are sharp (short exposure, more light), that the board is flat and that its "
        "squares have the size that is said",
    )


def _held_out(facts: CameraFacts) -> Reason | None:
    found = facts.held_out
    if found is None or found.held_out_px - found.training_px < _HELD_OUT_PX:
        return None
    return HELD_OUT.reason(
        found.ratio,
        "held out",
        f"boards that were left out are off by {found.held_out_px:.2f} px, those that were used by "
        f"{found.training_px:.2f} px: the lens follows the noise of its images",
        "Film 10 more images of the board, all over the image, or choose a simpler lens model",
    )


def _link(facts: CameraFacts) -> Reason | None:
    if facts.reference:
        return None
    a, b = facts.link.weakest
    by_way = f", by way of {listed(list(facts.link.chain[1:-1]))}" if len(facts.link.chain) > 2 else ""
    return BOARDS_SHARED.reason(
        facts.link.boards,
        "link",
        f"it hangs on {facts.link.boards} boards that {a} and {b} saw at once{by_way}",
        f"Film 10 more images with the board where {a} and {b} both see it",
    )


def _principal(facts: CameraFacts) -> Reason | None:
    middle = (np.array(facts.camera.size) - 1) / 2
    x, y = facts.camera.principal - middle
    deviation = float(facts.deviations.principal.max())
    return PRINCIPAL.reason(
        facts.principal_share,
        "principal point",
        f"its principal point is ({x:+.0f}, {y:+.0f}) px off the middle of the image (± {deviation:.0f})",
        "Right if the images were cropped off centre or the lens shifted; if not, film more boards, tilted, "
        "near all corners of the image",
    )
