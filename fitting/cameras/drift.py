"""What became of calibrated cameras since they were calibrated, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.compare import angle_degrees

Array = NDArray[np.float64]

BEYOND_CHANCE = 2.0
"""A camera has moved if the head is that many times farther off in its image than is uncertain."""

CALIBRATED_PX = 0.3
"""What a calibration is uncertain by itself, where it does not say."""


@dataclass(frozen=True)
class CameraDrift:
    """How far a camera is from where it was calibrated.

    Attributes:
        name: of the camera.
        degrees: by which it turned. metres: by which its centre moved. focal: relative change.
        effect_px: RMS distance between the images of the head that it has before and after.
        uncertain_px: one standard deviation of that, of the fit and of the calibration together.
        rotation_degrees, position_metres: one standard deviation of its turn and its place; 0 where it was
            not found together with the head.
    """

    name: str
    degrees: float
    metres: float
    focal: float
    effect_px: float
    uncertain_px: float
    rotation_degrees: float
    position_metres: float

    @property
    def times(self) -> float:
        """The effect in standard deviations."""
        return self.effect_px / self.uncertain_px

    @property
    def moved(self) -> bool:
        """Whether that is beyond chance."""
        return self.times > BEYOND_CHANCE

    def __str__(self) -> str:
        if not self.moved:
            return (
                f"Camera {self.name}: where it was calibrated, within what is uncertain "
                f"({self.effect_px:.1f} px at the head, +-{self.uncertain_px:.1f})"
            )
        lens = f", its focal length by {100 * self.focal:+.1f} percent" if abs(self.focal) > 1e-3 else ""
        turn, shift = f"{self.degrees:.1f}", f"{1000 * self.metres:.0f}"
        if self.position_metres > 0:
            turn += f" +-{self.rotation_degrees:.1f}"
            shift += f" +-{1000 * self.position_metres:.0f}"
        move = f"{turn} degrees and {shift} mm"
        return (
            f"Camera {self.name}: it moved by {move}{lens} since the calibration ({self.effect_px:.0f} px at "
            f"the head), {self.times:.0f} times what is uncertain: calibrate it again"
        )


@dataclass(frozen=True)
class Doubt:
    """What is uncertain about where one camera is, one standard deviation each.

    Attributes:
        habit_px: pixels that its landmarks are off by alike in all frames.
        calibrated_px: pixels of the calibration's residual; :data:`CALIBRATED_PX` if it is not known.
        view_px: pixels, of where it sees the head, by the fit; 0 for a camera that stays.
        rotation: radians. position: metres.
    """

    habit_px: float
    calibrated_px: float | None = None
    view_px: float = 0.0
    rotation: float = 0.0
    position: float = 0.0

    @property
    def px(self) -> float:
        """All of it together, in pixels."""
        calibrated = CALIBRATED_PX if self.calibrated_px is None else self.calibrated_px
        return float(np.sqrt(self.habit_px**2 + calibrated**2 + self.view_px**2))


def camera_drift(given: Camera, found: Camera, head: Array, doubt: Doubt) -> CameraDrift:
    """How far a camera is from where it was calibrated.

    Args:
        given: as it was calibrated. found: as it is, in the same world.
        head: (N, 3) metres, points of the head in it.
        doubt: about what was found.
    """
    return CameraDrift(
        name=given.name,
        degrees=angle_degrees(found.R @ given.R.T),
        metres=float(np.linalg.norm(found.centre - given.centre)),
        focal=float(found.focal.mean() / given.focal.mean() - 1),
        effect_px=_effect(given, found, head),
        uncertain_px=doubt.px,
        rotation_degrees=float(np.degrees(doubt.rotation)),
        position_metres=doubt.position,
    )


def _effect(before: Camera, after: Camera, head: Array) -> float:
    apart = after.project(head) - before.project(head)
    return float(np.sqrt(np.square(apart).sum(-1).mean()))


def describe_drift(drift: Sequence[CameraDrift]) -> list[str]:
    """A sentence for each camera that moved, and one for all that stayed."""
    lines = [str(each) for each in drift if each.moved]
    stayed = [each for each in drift if not each.moved]
    if stayed:
        most = max(each.effect_px for each in stayed)
        names = ", ".join(each.name for each in stayed)
        within = f"within what is uncertain ({most:.1f} px at the head at most)"
        lines.append(f"Where they were calibrated, {within}: {names}")
    return lines
