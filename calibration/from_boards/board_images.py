"""Images of a board as a function of the cameras and of the board's poses, with analytic derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import MIN_DEPTH
from calibration.lens import distort, distort_jacobian

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LENS_SIZE = 9
"""fx fy cx cy k1 k2 p1 p2 k3"""
CAMERA_SIZE = LENS_SIZE + 6
"""The lens, then rotation (a left-multiplied rotation vector) and translation."""


@dataclass(frozen=True)
class State:
    """All unknowns: C cameras, B board poses, metres; `x_cam = R_c (R_b p + t_b) + t_c`.

    Attributes:
        lens: (C, 9) fx fy cx cy k1 k2 p1 p2 k3.
        camera_rotation: (C, 3, 3).
        camera_translation: (C, 3).
        board_rotation: (B, 3, 3) board to world.
        board_translation: (B, 3).
    """

    lens: Array
    camera_rotation: Array
    camera_translation: Array
    board_rotation: Array
    board_translation: Array

    def boards_moved(self, step: Array) -> State:
        """The state after a step (B, 6) of its boards: left-multiplied rotation vectors, then shifts."""
        return replace(
            self,
            board_rotation=Rotation.from_rotvec(step[:, :3]).as_matrix() @ self.board_rotation,
            board_translation=self.board_translation + step[:, 3:],
        )


@dataclass(frozen=True)
class Images:
    """M images of the board: which camera (M,), which board pose (M,), and its corners (M, N, 2) in px."""

    camera: Ints
    board: Ints
    pixels: Array


def image_rms(residuals: Array) -> Array:
    """RMS distance (M,) of residuals (M, N, 2)."""
    return np.asarray(np.sqrt((residuals**2).sum(-1).mean(-1)))


def residuals(state: State, images: Images, points: Array) -> Array:
    """Projected minus seen corners (M, N, 2) of board points (N, 3)."""
    local, _ = _local(state, images, points)
    lens = state.lens[images.camera][:, None]
    bent = distort(local[..., :2] / np.maximum(local[..., 2:], MIN_DEPTH), lens[..., 4:])
    return np.asarray(bent * lens[..., :2] + lens[..., 2:4] - images.pixels)


def _local(state: State, images: Images, points: Array) -> tuple[Array, Array]:
    """Corners (M, N, 3) in camera axes, and their offsets from the board's origin (M, N, 3) in the world."""
    camera, board = images.camera, images.board
    turned = points @ state.board_rotation[board].transpose(0, 2, 1)
    world = turned + state.board_translation[board][:, None]
    return world @ state.camera_rotation[camera].transpose(0, 2, 1) + state.camera_translation[camera][
        :, None
    ], turned


def _cross(vectors: Array) -> Array:
    """Matrices (..., 3, 3) with `_cross(a) @ b = a x b`."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    return np.stack((zero, -z, y, z, zero, -x, -y, x, zero), axis=-1).reshape(*x.shape, 3, 3)


def derivatives(state: State, images: Images, points: Array) -> tuple[Array, Array]:
    """Pixels by the camera's unknowns (M, 2N, 15) and by the board's (M, 2N, 6)."""
    local, turned = _local(state, images, points)
    lens = state.lens[images.camera][:, None]
    ideal, by_local = _by_local(local, lens)
    swing = _cross(local - state.camera_translation[images.camera][:, None])
    by_camera = np.concatenate((_by_lens(ideal, lens), -by_local @ swing, by_local), axis=-1)
    return by_camera.reshape(len(local), -1, CAMERA_SIZE), _by_board(state, images, by_local, turned)


def board_derivatives(state: State, images: Images, points: Array) -> Array:
    """Pixels by the board's unknowns alone (M, 2N, 6)."""
    local, turned = _local(state, images, points)
    _, by_local = _by_local(local, state.lens[images.camera][:, None])
    return _by_board(state, images, by_local, turned)


def _by_local(local: Array, lens: Array) -> tuple[Array, Array]:
    """Normalised coordinates (M, N, 2), and pixels by points in camera axes (M, N, 2, 3)."""
    depth = np.maximum(local[..., 2:], MIN_DEPTH)
    ideal = local[..., :2] / depth
    perspective = np.zeros((*local.shape[:2], 2, 3))
    perspective[..., 0, 0] = perspective[..., 1, 1] = 1 / depth[..., 0]
    perspective[..., :, 2] = -ideal / depth
    return ideal, (distort_jacobian(ideal, lens[..., 4:]) * lens[..., :2, None]) @ perspective


def _by_board(state: State, images: Images, by_local: Array, turned: Array) -> Array:
    by_world = by_local @ state.camera_rotation[images.camera][:, None]
    return np.concatenate((-by_world @ _cross(turned), by_world), axis=-1).reshape(len(turned), -1, 6)


def _by_lens(ideal: Array, lens: Array) -> Array:
    """Pixels by fx fy cx cy k1 k2 p1 p2 k3: (M, N, 2, 9)."""
    x, y = ideal[..., 0], ideal[..., 1]
    r2 = x * x + y * y
    bent = distort(ideal, lens[..., 4:])
    jacobian = np.zeros((*ideal.shape, LENS_SIZE))
    for axis in (0, 1):
        jacobian[..., axis, axis] = bent[..., axis]
        jacobian[..., axis, 2 + axis] = 1.0
    radial = ideal * lens[..., :2]
    for column, power in ((4, 1), (5, 2), (8, 3)):
        jacobian[..., :, column] = radial * (r2**power)[..., None]
    jacobian[..., :, 6] = np.stack((2 * x * y, r2 + 2 * y * y), axis=-1) * lens[..., :2]
    jacobian[..., :, 7] = np.stack((r2 + 2 * x * x, 2 * x * y), axis=-1) * lens[..., :2]
    return jacobian
