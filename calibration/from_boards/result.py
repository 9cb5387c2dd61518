"""A calibrated rig and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import Board
from calibration.camera import Rig
from calibration.errors import CalibrationError
from calibration.from_boards.joint import JointFit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rejection:
    """An image that was found but not trusted, and why.

    Attributes:
        camera: the camera.
        frame: the frame number.
        reason: why, in words.
        lens: whether it still determined its camera's lens.
        of_lens: whether it is one of the images that were given for the lens alone.
    """

    camera: str
    frame: int
    reason: str
    lens: bool
    of_lens: bool = False


@dataclass(frozen=True)
class ViewCounts:
    """What became of one camera's images.

    Attributes:
        images: how many were given, those for the lens alone among them.
        missing: the frames in which the board was not found.
        lens: how many determined the lens.
        poses: how many determined where the camera stands to the others.
        lens_missing: the images for the lens alone in which the board was not found.
    """

    images: int
    missing: tuple[int, ...]
    lens: int
    poses: int
    lens_missing: tuple[int, ...] = ()

    @property
    def found(self) -> int:
        """In how many images the board was found."""
        return self.images - len(self.missing) - len(self.lens_missing)


@dataclass(frozen=True)
class Deviations:
    """Standard deviations of a camera; 0 where a number was held.

    Attributes:
        focal: (2,) pixels.
        principal: (2,) pixels.
        distortion: (8,) of the coefficients.
        rotation: (3,) radians, about the camera's own axes, against the reference camera.
        position: (3,) metres, of the camera's centre along the world's axes.
    """

    focal: Array
    principal: Array
    distortion: Array
    rotation: Array
    position: Array


@dataclass(frozen=True, eq=False)
class BoardCalibration:
    """A calibrated rig and the evidence for it.

    Attributes:
        rig: the cameras; the reference camera is at the origin of a right-handed world with Y up along its
            image and Z towards the back of the camera.
        board: the board.
        residual_px: RMS reprojection error in pixels by camera, over the images that agree.
        rejected: the images that were found but not trusted, and why.
        counts: what became of the images, by camera.
        deviations: how sure the numbers are, by camera.
        used: frames that determined the poses, by camera.
        detections: corners (N, 2) in pixels by camera and frame, where the board was found; NaN where a
            corner was not.
        lens_detections: the same in the images that were given for the lens alone.
        reference: name of the reference camera.
        joint: the fit behind it, cameras in the order of the rig: each image's residual, each board's pose,
            the board's points as they were refined. Images for the lens alone have frame numbers below all
            others there.
        left_out: why each camera that is not in the rig could not be calibrated, by name.
        late: by how many frames cameras are late, where they are. Frame numbers here are those that the
            images should have: the numbers of the files less that many. Corners of cameras that are late by
            parts of a frame are those between two images.
    """

    rig: Rig
    board: Board
    residual_px: Mapping[str, float]
    rejected: tuple[Rejection, ...]
    counts: Mapping[str, ViewCounts]
    deviations: Mapping[str, Deviations]
    used: Mapping[str, tuple[int, ...]]
    detections: Mapping[str, Mapping[int, Array]]
    lens_detections: Mapping[str, Mapping[int, Array]]
    reference: str
    joint: JointFit
    left_out: Mapping[str, CalibrationError]
    late: Mapping[str, float] = field(default_factory=dict)
