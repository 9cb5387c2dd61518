"""What a calibration is worth on boards that it was not made from.

A lens with too much freedom for its images fits their noise. So part of the boards is left out in turn, the
cameras are refined without it, and the boards that were left out are only placed. If the corners are much
further off then, the calibration believes its own images too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import State
from calibration.from_boards.adjustment.bundle import Options, adjust
from calibration.from_boards.adjustment.poses import Sightings, board_ids, place_boards
from calibration.from_boards.lenses.lens_models import lens_prior
from calibration.from_boards.result import BoardCalibration

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Progress = Callable[[int, int, str], None]

FOLDS = 4
"""Parts into which the boards are divided."""

# Images next to each other in time show nearly the same; runs of them go into a fold together.
_RUNS = 20
# A camera keeps its say about its lens only with this many images left.
_FEWEST_LEFT = 5
_STEPS = 6
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class HeldOut:
    """Errors of one camera in pixels, RMS, over the images that agree.

    Attributes:
        training_px: of images that the calibration was made from.
        held_out_px: of the same images, each by a calibration that was made without it.
        images: how many were held out.
    """

    training_px: float
    held_out_px: float
    images: int

    @property
    def ratio(self) -> float:
        """How many times larger the error is on images that were left out."""
        return self.held_out_px / self.training_px if self.training_px > 0 else 1.0


def held_out_errors(calibration: BoardCalibration, progress: Progress | None = None) -> Mapping[str, HeldOut]:
    """The error of each camera on boards that were left out; cameras with too few images are missing.

    Args:
        calibration: to be judged.
        progress: told (done, total, what) after each fold.
    """
    joint, names = calibration.joint, calibration.rig.names
    refit = _Refit(calibration)
    errors = np.full(len(joint.sightings), np.nan)
    folds = _folds(joint.sightings.frame)
    for fold in range(FOLDS):
        outside = folds == fold
        left = ~outside
        enough = np.bincount(joint.sightings.camera[left], minlength=len(names)) >= _FEWEST_LEFT
        judged = outside & enough[joint.sightings.camera] & joint.agreeing
        if judged.any():
            errors[judged] = refit.errors(left, judged)
        if progress is not None:
            progress(fold + 1, FOLDS, "held-out boards")
    found = {}
    for index, name in enumerate(names):
        mine = (joint.sightings.camera == index) & np.isfinite(errors)
        if mine.any():
            found[name] = HeldOut(_rms(joint.rms[mine]), _rms(errors[mine]), int(mine.sum()))
    return found


def _rms(values: Array) -> float:
    return float(np.sqrt((values**2).mean()))


def _folds(frames: Ints) -> Ints:
    """The fold (M,) of each image: all images of a frame are in one."""
    unique, index = np.unique(frames, return_inverse=True)
    runs = min(len(unique), _RUNS)
    return np.asarray((index * runs // len(unique)) % FOLDS, dtype=np.int64)


@dataclass(frozen=True)
class _Refit:
    calibration: BoardCalibration

    def errors(self, left: Bools, judged: Bools) -> Array:
        """RMS in pixels of the judged images, placed by cameras refined on those that are left."""
        joint = self.calibration.joint
        images = joint.sightings.take(judged)
        ids = board_ids(images, joint.agreeing[judged])
        return place_boards(self._refined(left), images, ids, joint.points).rms

    def _refined(self, left: Bools) -> State:
        joint, rig = self.calibration.joint, self.calibration.rig
        images = joint.sightings.take(left)
        start = place_boards(joint.state, images, board_ids(images, joint.agreeing[left]), joint.points)
        typical = float(np.median(joint.rms[joint.agreeing]))
        options = Options(
            robust_px=max(1.0, 4 * typical),
            noise_px=typical / np.sqrt(2),
            max_iterations=_STEPS,
            tolerance=_TOLERANCE,
        )
        models = [camera.lens_model for camera in rig]
        prior = lens_prior([camera.size for camera in rig], joint.state.lens, models)
        return adjust(start.state, start.images, joint.points, self._free(images), prior, options).state

    def _free(self, images: Sightings) -> Bools:
        """(C, CAMERA_SIZE) what the calibration left free, of the cameras that have images enough."""
        free = np.einsum("cii->ci", self.calibration.joint.covariance) > 0
        counts = np.bincount(images.camera, minlength=len(free))
        return np.asarray(free & (counts >= _FEWEST_LEFT)[:, None])
