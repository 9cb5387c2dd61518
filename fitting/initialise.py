"""Where a fit starts: the mean head, rigidly placed in each frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from calibration.camera import Camera, Rig
from calibration.errors import NoFaceError
from calibration.triangulation import triangulate
from fitting.alignment import align_robustly
from fitting.observations import Observations

Array = NDArray[np.float64]

MIN_LANDMARKS = 6
"""A frame is placed by at least so many landmarks."""

# Residual in sigmas beyond which a camera's landmark is no longer believed in the triangulation.
_BELIEVED = 5.0
_REWEIGHTINGS = 4
# Landmarks that a head is placed by, and images whose landmarks are triangulated at once: some 100 MB.
_PLACING = 100
_VIEWS_AT_ONCE = 2_000


@dataclass(frozen=True, eq=False)
class Placement:
    """`x_world = R x_head + t` per frame.

    Attributes:
        rotation: (F, 3, 3). translation: (F, 3) metres.
        direct: (F,) bool, false where a frame was placed by its neighbours.
    """

    rotation: Array
    translation: Array
    direct: NDArray[np.bool_]

    def depths(self, rig: Rig) -> Array:
        """(F, C) metres from each camera to the head, along its axis."""
        return np.stack([camera.to_camera(self.translation)[:, 2] for camera in rig], axis=1)


def place(observations: Observations, rig: Rig, head: Array) -> Placement:
    """Place a rigid head in every frame.

    Frames seen by two cameras or more: triangulation, weighted by 1 / sigma^2, and robust alignment. Frames
    seen by one: perspective-n-point. Frames that give neither: interpolated between their neighbours.

    Args:
        observations: F frames, C cameras, L landmarks.
        rig: C cameras.
        head: (L, 3) the landmarks of the mean head in metres, canonical.

    Raises:
        NoFaceError: if not a single frame can be placed.
    """
    count, landmarks = len(observations.frames), len(head)
    rotation, translation = np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3))
    direct = np.zeros(count, dtype=np.bool_)
    # A part of the landmarks places a head as well as all; frames that show too few of them get all.
    for step in sorted({max(1, landmarks // _PLACING), 1}, reverse=True):
        chosen = np.arange(0, landmarks, step)
        left = np.flatnonzero(~direct)
        at_once = max(1, _VIEWS_AT_ONCE // len(rig))
        for part in (left[start : start + at_once] for start in range(0, len(left), at_once)):
            some = observations.select_frames(part).select_landmarks(chosen)
            points, weights = triangulate_robustly(some, rig)
            found = (weights > 0).sum(-1) >= MIN_LANDMARKS
            if found.any():
                motion = align_robustly(head[chosen], points[found], weights[found])
                rotation[part[found]], translation[part[found]] = motion.rotation, motion.translation
                direct[part[found]] = True
    for frame in np.flatnonzero(~direct):
        posed = _from_best_view(observations, int(frame), rig, head)
        if posed is not None:
            rotation[frame], translation[frame] = posed
            direct[frame] = True
    if not direct.any():
        raise NoFaceError(
            f"no frame has {MIN_LANDMARKS} landmarks in any camera", fix="Look at the detected landmarks"
        )
    numbers = observations.frames
    return Placement(
        interpolate_rotations(rotation, direct, numbers),
        interpolate_rows(translation, direct, numbers),
        direct,
    )


def triangulate_robustly(observations: Observations, rig: Rig) -> tuple[Array, Array]:
    """The landmarks in space, and how much each is to be trusted.

    A view that is many sigmas from where the other views put a landmark loses its vote, so that one
    camera that looks at something else does not pull the head aside.

    Returns:
        points: (F, L, 3) metres, 0 where unknown. weights: (F, L), 0 where unknown.
    """
    pixels = np.swapaxes(observations.mean, 1, 2)
    given = np.swapaxes(observations.weights, 1, 2).astype(np.float64)
    current = given
    for remaining in reversed(range(_REWEIGHTINGS)):
        points, residual = triangulate(pixels, rig, current)
        if remaining:
            squared = np.where(np.isfinite(residual), given * residual**2, 0.0)
            # The bend starts high: at first every residual is spoilt by the outliers.
            current = given / (1 + squared / (_BELIEVED * 4**remaining) ** 2) ** 2
    known = np.asarray(np.isfinite(points).all(-1))
    return np.where(known[..., None], points, 0.0), np.where(known, current.sum(-1), 0.0)


def _from_best_view(
    observations: Observations, frame: int, rig: Rig, head: Array
) -> tuple[Array, Array] | None:
    """The pose of the head in the camera that is surest of it; None if none sees enough."""
    weights = observations.weights[frame]
    enough = (weights > 0).sum(-1) >= MIN_LANDMARKS
    if not enough.any():
        return None
    best = int(np.argmax(np.where(enough, weights.sum(-1), 0.0)))
    used = weights[best] > 0
    pixels = observations.mean[frame, best, used].astype(np.float64)
    return perspective_pose(pixels, head[used], rig.cameras[best])


def perspective_pose(pixels: Array, head: Array, camera: Camera) -> tuple[Array, Array] | None:
    """The pose of a known head from one calibrated camera.

    Args:
        pixels: (L, 2) distorted pixels. head: (L, 3) metres, canonical. camera: the camera.

    Returns:
        R (3, 3) and t (3,), head to world; None if no pose before the camera explains the pixels.
    """
    ideal = camera.normalise(pixels)
    known = np.isfinite(ideal).all(-1)
    if known.sum() < MIN_LANDMARKS:
        return None
    found, vector, shift = cv2.solvePnP(
        np.ascontiguousarray(head[known]),
        np.ascontiguousarray(ideal[known]),
        np.eye(3),
        None,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not found or not np.isfinite(vector).all() or float(shift[2, 0]) <= 0:
        return None
    in_camera = np.asarray(cv2.Rodrigues(vector)[0], dtype=np.float64)
    return camera.R.T @ in_camera, camera.R.T @ (shift[:, 0] - camera.t)


def interpolate_rotations(rotation: Array, known: NDArray[np.bool_], at: NDArray[np.int64]) -> Array:
    """Rotations (F, 3, 3), those that are not known slerped between the nearest that are; ends hold."""
    if known.sum() < 2:
        return np.where(known[:, None, None], rotation, rotation[known][:1])
    spline = Slerp(at[known], Rotation.from_matrix(rotation[known]))
    between = spline(np.clip(at, at[known][0], at[known][-1])).as_matrix()
    return np.where(known[:, None, None], rotation, between)


def interpolate_rows(rows: Array, known: NDArray[np.bool_], at: NDArray[np.int64]) -> Array:
    """Rows (F, n), those that are not known interpolated linearly by frame number; ends hold."""
    columns = [np.interp(at, at[known], column[known]) for column in rows.T]
    return np.where(known[:, None], rows, np.stack(columns, axis=1))


def fill_between(
    expression: Array, pose: Array, known: NDArray[np.bool_], frames: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Expression (F, E) and pose (F, 15), the frames that are not known (F,) between those that are."""
    pose = pose.copy()
    turning = Rotation.from_rotvec(pose.reshape(-1, 5, 3)[:, :4].reshape(-1, 3)).as_matrix()
    for joint in range(4):
        between = interpolate_rotations(turning[joint::4], known, frames)
        pose[~known, 3 * joint : 3 * joint + 3] = Rotation.from_matrix(between[~known]).as_rotvec()
    pose[:, 12:] = interpolate_rows(pose[:, 12:], known, frames)
    return interpolate_rows(expression, known, frames), pose
