"""Synthetic board sessions with known truth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.boards.checkerboard import Checkerboard
from calibration.camera import Camera, Rig

Array = NDArray[np.float64]

BOARD = Checkerboard((9, 6), 0.03)


def board_poses(count: int, seed: int = 0) -> tuple[Array, Array]:
    """Poses of a board that faces a rig on +Z and is tilted and moved: R (F, 3, 3) and t (F, 3)."""
    rng = np.random.default_rng(seed)
    tilt = rng.uniform([-0.6, -0.6, -0.4], [0.6, 0.6, 0.4], (count, 3))
    # The board's z points into it, away from the cameras.
    R = Rotation.from_rotvec(tilt).as_matrix() @ np.diag([1.0, -1.0, -1.0])
    return R, rng.uniform([-0.12, -0.1, -0.15], [0.12, 0.1, 0.15], (count, 3))


def see(
    rig: Rig, poses: tuple[Array, Array], noise_px: float = 0.1, seed: int = 1, board: Checkerboard = BOARD
) -> dict[str, dict[int, Array]]:
    """Noisy corners by camera and frame (1001, 1002...), where the whole board is in the image."""
    rng = np.random.default_rng(seed)
    seen: dict[str, dict[int, Array]] = {camera.name: {} for camera in rig}
    for frame, (R, t) in enumerate(zip(*poses, strict=True), start=1001):
        for camera in rig:
            corners = camera.project(board.points @ R.T + t)
            facing = (camera.R @ R)[2, 2] > 0.3
            if facing and ((corners > 3) & (corners < np.array(camera.size) - 4)).all():
                seen[camera.name][frame] = corners + rng.normal(0, noise_px, corners.shape)
    return seen


def sizes(rig: Rig) -> dict[str, tuple[int, int]]:
    return {camera.name: camera.size for camera in rig}


def relative_pose(a: Camera, b: Camera) -> tuple[Array, Array]:
    """The pose of `b` in the axes of `a`, which no choice of the world changes."""
    R = b.R @ a.R.T
    return R, b.t - R @ a.t


def picture(board: Checkerboard, homography: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An antialiased image of the board whose points (metres) land where the homography says."""
    columns, rows = board.corners
    fine, squares = 24, np.add.outer(np.arange(rows + 1), np.arange(columns + 1)) % 2
    texture = np.kron(squares, np.ones((fine, fine))).astype(np.uint8) * 170 + 40
    texture = cv2.copyMakeBorder(texture, fine, fine, fine, fine, cv2.BORDER_CONSTANT, value=210)
    # Texture pixel of an inner corner (i, j) is (i + 2) * fine - 0.5.
    middle = [(side - 1) / 2 for side in board.corners]
    to_board = np.array(
        [[1 / fine, 0, 0.5 / fine - 2 - middle[0]], [0, 1 / fine, 0.5 / fine - 2 - middle[1]]]
    )
    to_board = np.vstack((to_board * board.square, [0, 0, 1]))
    large = np.diag([3.0, 3.0, 1.0])
    large[:2, 2] = 1.0
    wide = (size[0] * 3, size[1] * 3)
    image = cv2.warpPerspective(
        texture, large @ homography @ to_board, wide, borderMode=cv2.BORDER_CONSTANT, borderValue=(128,)
    )
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
