"""When the images of a frame agree about where the board is, and how many agreeing frames a camera needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_NEIGHBOURS = 2


@dataclass(frozen=True)
class Agreement:
    """What counts as agreement between the images of a frame: one board pose explains them all.

    Attributes:
        floor_px: RMS in pixels that is always good enough.
        factor: how many times worse than the typical image of a frame that agrees an image may be.
        own_factor: how many times worse than for a pose of its own an image may be (a blurred image is
            worse in any case).
        trust: how many times worse than for poses of their own the typical images may be: a rig whose
            frames all contradict each other is not to pass for one with a large residual.
        frames: the fewest agreeing frames that place a camera.
    """

    floor_px: float = 0.2
    factor: float = 2.0
    own_factor: float = 2.0
    trust: float = 10.0
    frames: int = 3

    def limits(self, typical_px: float, own: Array) -> Array:
        """The RMS in pixels (M,) beyond which images disagree.

        Args:
            typical_px: RMS of a typical image of a frame that agrees.
            own: (M,) RMS of the images for poses of their own.
        """
        typical_px = min(typical_px, self.trust * float(np.median(own)))
        return np.maximum(max(self.floor_px, self.factor * typical_px), self.own_factor * own)

    def require(self, name: str, agreeing: int, shared: int) -> None:
        """Raise a CalibrationError if too few shared frames agree on where a camera stands."""
        if shared < self.frames:
            raise CalibrationError(
                f"the board was seen together with other cameras in {shared} frames, "
                f"at least {self.frames} are needed",
                where=f"Camera {name}",
                fix="Film the board where several cameras see it at once",
            )
        if agreeing < self.frames:
            raise CalibrationError(
                f"{agreeing} of {shared} frames shared with other cameras agree on where it stands, "
                f"at least {self.frames} are needed",
                where=f"Camera {name}",
                fix="Check that the cameras were in sync and did not move",
            )


class UnfitCamerasError(Exception):
    """Cameras that are to be left out, with the reason for each by index; caught inside the calibration."""

    def __init__(self, reasons: Mapping[int, CalibrationError]) -> None:
        super().__init__(reasons)
        self.reasons = dict(reasons)


def frame_ids(frame: Ints) -> Ints:
    """Ids from 0 without gaps for frame numbers (M,)."""
    return np.unique(frame, return_inverse=True)[1].astype(np.int64)


def worst_by(ids: Ints, values: Array) -> Array:
    """The largest of the positive values (M,) of each id."""
    worst = np.zeros(int(ids.max(initial=-1)) + 1)
    np.maximum.at(worst, ids, values)
    return worst


def amid_disagreement(camera: Ints, frame: Ints, agreeing: Bools) -> Bools:
    """Which images (M,) agree, but between others of their camera that mostly do not.

    A stream that is out of sync agrees now and then, while the board is held still, and then nearly only.
    Asked are the two images of the camera before and the two after.

    Args:
        camera: (M,) indices of the cameras.
        frame: (M,) frame numbers.
        agreeing: (M,) which images agree with the others of their frame.
    """
    doubted = np.zeros(len(camera), dtype=bool)
    for index in np.unique(camera[~agreeing]):
        mine = np.flatnonzero(camera == index)
        mine = mine[np.argsort(frame[mine])]
        padded = np.pad(agreeing[mine].astype(float), _NEIGHBOURS, constant_values=np.nan)
        steps = [step for step in range(-_NEIGHBOURS, _NEIGHBOURS + 1) if step]
        near = np.stack([np.roll(padded, -step)[_NEIGHBOURS:-_NEIGHBOURS] for step in steps])
        asked = np.isfinite(near).sum(axis=0)
        doubted[mine] = agreeing[mine] & (2 * np.nansum(near, axis=0) < asked)
    return doubted
