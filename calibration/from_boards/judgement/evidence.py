"""What each camera saw of the boards, and where the boards were: the numbers behind a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.from_boards.adjustment.board_images import Images, residuals
from calibration.from_boards.adjustment.poses import board_ids
from calibration.from_boards.result import BoardCalibration

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class CameraEvidence:
    """The images of one camera that determined its lens, M of them, and the corners that were left out.

    Attributes:
        camera: as it was calibrated.
        frames: (M,) frame numbers; below all others for images of the lens alone.
        pixels: (M, N, 2) corners, NaN where one is not seen.
        residuals: (M, N, 2) pixels from the corners to where the calibration has them.
        R: (M, 3, 3) board to camera.
        t: (M, 3) metres.
        agreeing: (M,) whether the image agrees with the other cameras of its frame.
        shared: (M,) whether it determined where the camera stands.
        unfit: (K, 2) corners of images that fit no lens.
    """

    camera: Camera
    frames: Ints
    pixels: Array
    residuals: Array
    R: Array
    t: Array
    agreeing: Bools
    shared: Bools
    unfit: Array

    @property
    def corners(self) -> Array:
        """(K, 2) pixels of all corners that are seen."""
        flat = self.pixels.reshape(-1, 2)
        return flat[np.isfinite(flat).all(axis=1)]

    @property
    def tilts(self) -> Array:
        """(M,) degrees between board and image plane; parallel boards do not tell the focal length."""
        return np.asarray(np.degrees(np.arccos(np.clip(np.abs(self.R[:, 2, 2]), 0, 1))))

    @property
    def distances(self) -> Array:
        """(M,) metres from the camera to the middle of the board."""
        return np.asarray(np.linalg.norm(self.t, axis=1))


@dataclass(frozen=True)
class Evidence:
    """All cameras by name, and the boards that several cameras saw at once.

    Attributes:
        cameras: in the order of the rig.
        points: (N, 3) the board's points in metres.
        frames: (F,) frame numbers of the boards.
        R: (F, 3, 3) board to world.
        t: (F, 3) metres.
        cameras_at: (F, C) which cameras saw each.
    """

    cameras: Mapping[str, CameraEvidence]
    points: Array
    frames: Ints
    R: Array
    t: Array
    cameras_at: Bools


def gather(calibration: BoardCalibration) -> Evidence:
    """The evidence of a calibration, in the world of its rig."""
    joint, rig = calibration.joint, calibration.rig
    sightings, state = joint.sightings, joint.state
    ids = board_ids(sightings, joint.agreeing)
    images = Images(sightings.camera, ids, sightings.pixels)
    left = residuals(state, images, joint.points)
    turn = state.camera_rotation[sightings.camera]
    R = turn @ state.board_rotation[ids]
    t = np.einsum("mij,mj->mi", turn, state.board_translation[ids])
    t += state.camera_translation[sightings.camera]
    cameras = {}
    for index, camera in enumerate(rig):
        mine = sightings.camera == index
        cameras[camera.name] = CameraEvidence(
            camera,
            sightings.frame[mine],
            sightings.pixels[mine],
            left[mine],
            R[mine],
            t[mine],
            joint.agreeing[mine],
            joint.shared[mine],
            _unfit(calibration, camera.name),
        )
    boards, first = np.unique(ids[joint.shared], return_index=True)
    source = np.flatnonzero(joint.shared)[first]
    seen = np.zeros((len(boards), len(rig)), dtype=bool)
    seen[np.searchsorted(boards, ids[joint.shared]), sightings.camera[joint.shared]] = True
    # The rig's world has another orientation than the fit's: boards go through a camera that saw them.
    worlds = [rig.cameras[camera] for camera in sightings.camera[source]]
    return Evidence(
        cameras,
        joint.points,
        sightings.frame[source],
        np.array([camera.R.T @ R[k] for camera, k in zip(worlds, source, strict=True)]).reshape(-1, 3, 3),
        np.array([camera.R.T @ (t[k] - camera.t) for camera, k in zip(worlds, source, strict=True)]).reshape(
            -1, 3
        ),
        seen,
    )


def _unfit(calibration: BoardCalibration, name: str) -> Array:
    """The corners (K, 2) of the images that determined nothing."""
    frames = {(one.frame, one.of_lens) for one in calibration.rejected if one.camera == name and not one.lens}
    parts = [np.zeros((0, 2))]
    for detections, of_lens in ((calibration.detections, False), (calibration.lens_detections, True)):
        parts += [c for frame, c in detections.get(name, {}).items() if (frame, of_lens) in frames]
    corners = np.concatenate(parts)
    return corners[np.isfinite(corners).all(axis=1)]
