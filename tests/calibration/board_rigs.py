"""Rigs of many cameras that see boards in part, and how far a calibration is from the truth in deviations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.from_boards.result import BoardCalibration
from tests.calibration.rigs import look_at

Array = NDArray[np.float64]
Corners = dict[str, dict[int, Array]]


def ring_rig(count: int, *, degrees: float = 360.0, focal: float = 1800.0, seed: int = 0) -> Rig:
    """Cameras of 2048 x 1536 about 1.5 m around the origin, each with a lens of its own."""
    rng = np.random.default_rng(seed)
    cameras = []
    for index, angle in enumerate(np.radians(degrees) * (np.arange(count) / count - 0.5)):
        centre = np.array([1.5 * np.sin(angle), rng.uniform(-0.5, 0.5), 1.5 * np.cos(angle)])
        roll = Rotation.from_euler("z", rng.uniform(-5, 5), degrees=True).as_matrix()
        R = roll @ look_at(centre, rng.uniform(-0.05, 0.05, 3))
        f = focal * rng.uniform(0.95, 1.05)
        middle = np.array([1023.5, 767.5]) + rng.normal(0, 8, 2)
        K = np.array([[f, 0, middle[0]], [0, f * (1 + rng.normal(0, 1e-3)), middle[1]], [0, 0, 1]])
        lens = rng.normal(0, 1, 5) * [0.05, 0.03, 3e-4, 3e-4, 0.02]
        cameras.append(Camera(f"c{index:03d}", 2048, 1536, K, lens, R, -R @ centre))
    return Rig(tuple(cameras), source="synthetic")


def spun_boards(count: int, *, degrees: float = 360.0, seed: int = 1) -> tuple[Array, Array]:
    """Poses of a board near the origin that faces all sides of a ring in turn: R (F, 3, 3) and t (F, 3)."""
    rng = np.random.default_rng(seed)
    turn = Rotation.from_euler("y", rng.uniform(-degrees / 2, degrees / 2, count)[:, None], degrees=True)
    tilt = Rotation.from_rotvec(rng.uniform(-0.6, 0.6, (count, 3)))
    return (turn * tilt).as_matrix() @ np.diag([1.0, -1.0, -1.0]), rng.uniform(-0.2, 0.2, (count, 3))


def near_boards(camera: Camera, count: int, *, distance: float = 0.35, seed: int = 3) -> tuple[Array, Array]:
    """Poses of a board close to one camera, all over its image and past its borders."""
    rng = np.random.default_rng(seed)
    reach = distance * np.array(camera.size) / camera.focal / 2
    local = np.column_stack((rng.uniform(-reach, reach, (count, 2)), rng.uniform(0.8, 1.3, count) * distance))
    R = Rotation.from_rotvec(rng.uniform(-0.5, 0.5, (count, 3))).as_matrix()
    return camera.R.T @ R, (local - camera.t) @ camera.R


def see_parts(
    rig: Rig,
    poses: tuple[Array, Array],
    points: Array,
    noise_px: float = 0.2,
    *,
    facing: float = 0.35,
    seed: int = 2,
) -> Corners:
    """Noisy corners by camera and frame (1001, 1002...), NaN where one is out of the image."""
    rng = np.random.default_rng(seed)
    seen: Corners = {camera.name: {} for camera in rig}
    for frame, (R, t) in enumerate(zip(*poses, strict=True), start=1001):
        for camera in rig:
            world = points @ R.T + t
            pixels = camera.project(world)
            inside = ((pixels > 3) & (pixels < np.array(camera.size) - 4)).all(axis=1)
            inside &= camera.to_camera(world)[:, 2] > 0.05
            if (camera.R @ R)[2, 2] > facing and inside.sum() >= 8:
                pixels = pixels + rng.normal(0, noise_px, pixels.shape)
                seen[camera.name][frame] = np.where(inside[:, None], pixels, np.nan)
    return seen


def normalised_errors(result: BoardCalibration, truth: Rig) -> Mapping[str, Array]:
    """Errors in units of the deviations that the calibration states, by kind; poses against the reference."""
    first, true_first = result.rig[result.reference], truth[result.reference]
    errors: dict[str, list[Array]] = {
        kind: [] for kind in ("focal", "principal", "distortion", "rotation", "position")
    }
    for camera in result.rig:
        true, sigma = truth[camera.name], result.deviations[camera.name]
        known = sigma.distortion > 0
        errors["focal"].append((camera.focal - true.focal) / sigma.focal)
        errors["principal"].append((camera.principal - true.principal) / sigma.principal)
        errors["distortion"].append((camera.distortion - true.distortion)[known] / sigma.distortion[known])
        if camera.name != result.reference:
            turn = (camera.R @ first.R.T) @ (true.R @ true_first.R.T).T
            errors["rotation"].append(Rotation.from_matrix(turn).as_rotvec() / sigma.rotation)
            # The world of the result is Y up in the axes of the reference camera.
            off = first.to_camera(camera.centre) - true_first.to_camera(true.centre)
            errors["position"].append(off * [1, -1, -1] / sigma.position)
    return {kind: np.concatenate(values) for kind, values in errors.items() if values}


def with_lens(rig: Rig, distortion: Array, *, fisheye: bool = False) -> Rig:
    """The same cameras with another lens."""
    return Rig(tuple(replace(one, distortion=distortion, fisheye=fisheye) for one in rig), rig.source)
