"""Synthetic board sessions in which the board is carried about while all cameras run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from tests.calibration.boards import BOARD, Array, see

Clock = Callable[[Array], Array]
"""By how many frames a camera is late at frame numbers (F,)."""


def carried_board(times: Array, speed: float = 1.0, seed: int = 0) -> tuple[Array, Array]:
    """Poses at times (F,) in frames of a board that is waved by hand: R (F, 3, 3) and t (F, 3).

    At speed 1 it moves and turns as a hand does at 25 frames a second, about 3 px a frame.
    """
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.02, 0.06, (6, 3)) * speed
    phases = rng.uniform(0, 2 * np.pi, (6, 3))
    waves = np.sin(rates[:, :, None] * (times - 1001) + phases[:, :, None]).mean(axis=1) * 1.7
    turn = (waves[:3] * np.array([[0.5], [0.5], [0.35]])).T
    R = Rotation.from_rotvec(turn).as_matrix() @ np.diag([1.0, -1.0, -1.0])
    return R, (waves[3:] * np.array([[0.1], [0.08], [0.12]])).T


def see_carried(
    rig: Rig,
    frames: NDArray[np.int64],
    late: Mapping[str, Clock],
    *,
    speed: float = 1.0,
    noise_px: float = 0.1,
) -> dict[str, dict[int, Array]]:
    """Noisy corners by camera and frame; the cameras in `late` show earlier moments than the others."""
    seen = {}
    for index, camera in enumerate(rig):
        clock = late.get(camera.name, np.zeros_like)
        times = frames - clock(frames.astype(np.float64))
        corners = see(Rig((camera,)), carried_board(times, speed), noise_px, seed=index, board=BOARD)
        seen[camera.name] = {int(frames[frame - 1001]): c for frame, c in corners[camera.name].items()}
    return seen
