"""Synthetic board sessions with known truth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.boards.checkerboard import Checkerboard
from calibration.boards.drawing import rasterised
from calibration.boards.kinds import PrintableBoard
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


def picture(board: PrintableBoard, homography: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An antialiased image of the board whose points (metres) land where the homography says."""
    drawing = board.drawing()
    scale, margin = 1400 / max(drawing.size), 100
    shape = [round(side * scale) + 2 * margin for side in drawing.size[::-1]]
    paper = rasterised(drawing, (shape[0], shape[1]), scale, (margin, margin))
    texture = np.asarray(40 + paper * (170 / 255), np.uint8)
    to_board = np.array(
        [
            [1 / scale, 0, (0.5 - margin) / scale - drawing.size[0] / 2],
            [0, 1 / scale, (0.5 - margin) / scale - drawing.size[1] / 2],
            [0, 0, 1],
        ]
    )
    large = np.diag([4.0, 4.0, 1.0])
    large[:2, 2] = 1.5
    wide = (size[0] * 4, size[1] * 4)
    image = cv2.warpPerspective(
        texture, large @ homography @ to_board, wide, borderMode=cv2.BORDER_CONSTANT, borderValue=(128,)
    )
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def planar_view(camera: Camera, R: Array, t: Array) -> Array:
    """The homography (3, 3) from a board's plane in metres to the pixels of a camera without distortion."""
    to_camera = np.column_stack((R[:, 0], R[:, 1], t))
    return np.asarray(camera.K @ to_camera)
