"""Eight cameras with wide lenses near a head that speaks and turns, and the mistakes that can be planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from fitting.camera_checks.sample import Sample, spread
from fitting.detector_noise import detector_noise
from fitting.model_arrays import mean_head
from fitting.observations import Observations
from fitting.rehearsal import Rehearsal, even_noise, observe, rehearse
from tests.calibration.rigs import look_at
from tests.fitting.scenes import face_points, head

Array = NDArray[np.float64]
Change = Callable[[Camera], Camera]

ROWS = (0, 1, 2, 12, 13, 14)
"""Frames of the performance that are looked at: runs, as the check of a shoot takes them."""

LANDMARKS = 50

LENS = np.array([-0.28, 0.12, 0.0012, -0.0015, -0.02])
DETECTOR = detector_noise(2.0, 1.6, 1.6)
EVERY = tuple(range(8))


@lru_cache
def eight_cameras(bent: bool = True, distance: float = 0.32) -> Rig:
    """So far from the head, which fills the images, on an arc of 150 degrees at three heights."""
    cameras = []
    for index, angle in enumerate(np.radians(np.linspace(-75, 75, 8))):
        centre = (
            distance * (1 + 0.03 * index) * np.array([np.sin(angle), 0.2 * (index % 3 - 1), np.cos(angle)])
        )
        roll = Rotation.from_euler("z", 3.0 * index - 8, degrees=True).as_matrix()
        R = roll @ look_at(centre, np.array([0.005 * index, 0.01, 0.0]))
        focal = (2000.0 + 40.0 * index) * distance
        K = np.array([[focal, 0, 644.0 - index], [0, focal * 1.001, 506.0 + index], [0, 0, 1]])
        lens = LENS * (1 + 0.03 * index) if bent else np.zeros(5)
        cameras.append(Camera(f"cam{index}", 1280, 1024, K, lens, R, -R @ centre))
    return Rig(tuple(cameras), "planted")


@lru_cache
def performance(seed: int = 0, rig: Rig | None = None) -> Rehearsal:
    """Exact landmarks of fifteen frames."""
    return rehearse(head(), face_points(60), rig or eight_cameras(), 15, seed)


def seen_exactly(seed: int = 0, rig: Rig | None = None) -> Sample:
    """What the cameras see, without errors."""
    return as_sample(performance(seed, rig).observations, rig or eight_cameras())


def seen(seed: int = 0, rig: Rig | None = None) -> Sample:
    """What they see with independent errors of a pixel."""
    return as_sample(performance(seed, rig).seen(even_noise(1.0), seed), rig or eight_cameras())


def detected(seed: int = 0, rig: Rig | None = None) -> Sample:
    """What a detector sees, off by 3 px: neighbours err together, and cameras have habits."""
    return as_sample(performance(seed, rig).seen(DETECTOR, seed), rig or eight_cameras())


def out_of_step(index: int, frames: int) -> Sample:
    """As :func:`detected`, a camera showing what happened so many frames later."""
    truth = performance()
    vertices = np.concatenate([truth.vertices[frames:], np.repeat(truth.vertices[-1:], frames, axis=0)])
    late = observe(truth.observations.points, vertices, eight_cameras()).mean[:, index]
    mean = truth.observations.mean.copy()
    mean[:, index] = late
    noisy = DETECTOR(replace(truth.observations, mean=mean), np.random.default_rng(0))
    return as_sample(noisy, eight_cameras())


def as_sample(observations: Observations, rig: Rig) -> Sample:
    """Some landmarks of the frames of :data:`ROWS`."""
    chosen = observations.select_landmarks(spread(np.arange(len(observations.points)), LANDMARKS))
    pixels = np.swapaxes(chosen.mean[list(ROWS)], 1, 2).astype(np.float64)
    points = chosen.points.evaluate(mean_head(head()))
    sizes = np.array([camera.size for camera in rig])
    return Sample(pixels, points, rig, observations.frames[list(ROWS)], sizes)


def with_pose(camera: Camera, R: Array, t: Array) -> Camera:
    return replace(camera, R=R, t=t)


def opengl(camera: Camera) -> Camera:
    """Axes x right, y up, z backward."""
    flip = np.diag([1.0, -1.0, -1.0])
    return with_pose(camera, flip @ camera.R, flip @ camera.t)


def camera_to_world(camera: Camera) -> Camera:
    return with_pose(camera, camera.R.T, camera.centre)


def left_handed(camera: Camera) -> Camera:
    """As a left-handed program with y down writes it."""
    mirror = np.diag([-1.0, 1.0, 1.0])
    return with_pose(camera, mirror @ camera.R @ mirror, mirror @ camera.t)


def mirrored_place(camera: Camera) -> Camera:
    """The place mirrored along x, the rotation not."""
    return with_pose(camera, camera.R, -camera.R @ (camera.centre * (-1.0, 1.0, 1.0)))


def in_unit(metres: float) -> Change:
    return lambda camera: with_pose(camera, camera.R, camera.t * metres)


def with_k(change: Callable[[Array], Array]) -> Change:
    return lambda camera: replace(camera, K=change(camera.K.copy()))


def at_half_size(K: Array) -> Array:
    return np.asarray(np.diag([0.5, 0.5, 1.0]) @ K - [[0, 0, 0.25], [0, 0, 0.25], [0, 0, 0]])


def offset_from_middle(camera: Camera) -> Camera:
    """cx and cy as Metashape has them."""
    K = camera.K.copy()
    K[:2, 2] -= (np.array(camera.size) - 1) / 2
    return replace(camera, K=K)


def cx_for_cy(K: Array) -> Array:
    K[:2, 2] = K[1::-1, 2]
    return K


def shifted(K: Array, pixels: float) -> Array:
    K[:2, 2] += pixels
    return K


def straight(camera: Camera) -> Camera:
    return replace(camera, distortion=np.zeros(5))


def third_last(camera: Camera) -> Camera:
    """k1 k2 k3 p1 p2, read as k1 k2 p1 p2 k3."""
    k1, k2, p1, p2, k3 = camera.distortion[:5]
    return replace(camera, distortion=np.array([k1, k2, k3, p1, p2]))


def moved(degrees: float, metres: float) -> Change:
    """Turned about a slanted axis, and set aside."""

    def change(camera: Camera) -> Camera:
        turn = Rotation.from_rotvec(np.radians(degrees) * np.array([0.6, -0.7, 0.39])).as_matrix()
        R = turn @ camera.R
        return with_pose(camera, R, -R @ (camera.centre + metres * np.array([0.6, 0.5, 0.62])))

    return change
