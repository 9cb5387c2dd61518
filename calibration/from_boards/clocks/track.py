"""The way of a board through time, between the frames too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.from_boards.adjustment.board_images import State
from calibration.from_boards.adjustment.poses import HALF_TURN, Sightings, place_boards
from calibration.from_boards.placing.agreement import frame_ids

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_GAP = 4
"""Frames between which a board in a hand moves evenly enough to be interpolated: a sixth of a second."""


@dataclass(frozen=True)
class Track:
    """Board poses in the world at F frames in order.

    Attributes:
        frames: (F,) frame numbers, rising.
        R: (F, 3, 3) board to world.
        t: (F, 3) metres.
    """

    frames: Ints
    R: Array
    t: Array

    def at(self, times: Array) -> tuple[Array, Array, Bools]:
        """Poses (K, 3, 3), (K, 3) at times (K,) in frames, and which of them (K,) the track covers.

        Rotations turn evenly from frame to frame and positions move evenly. A time that lies in a longer
        gap than :data:`MAX_GAP`, or outside the track, gets the pose of a frame near it and is not covered.
        """
        after = np.clip(np.searchsorted(self.frames, times), 1, len(self.frames) - 1)
        before = after - 1
        gap = self.frames[after] - self.frames[before]
        share = np.clip((times - self.frames[before]) / gap, 0, 1)
        turn = Rotation.from_matrix(self.R[after] @ self.R[before].transpose(0, 2, 1)).as_rotvec()
        R = Rotation.from_rotvec(turn * share[:, None]).as_matrix() @ self.R[before]
        t = self.t[before] + share[:, None] * (self.t[after] - self.t[before])
        inside = (times >= self.frames[0]) & (times <= self.frames[-1])
        exact = (share == 0) | (share == 1)
        return R, t, np.asarray(inside & ((gap <= MAX_GAP) | exact))


def steady_track(frames: Ints, R: Array, t: Array, *, turnable: bool) -> Track:
    """A track of board poses in the order of their frames.

    Args:
        frames: (F,) frame numbers, rising.
        R: (F, 3, 3) board to world.
        t: (F, 3) metres.
        turnable: whether the board may be listed from either end. It then does not turn over from one frame
            to the next, and may be listed from the other end than in the images.
    """
    R = R.copy()
    for index in range(1, len(R) if turnable else 0):
        turned = R[index] @ HALF_TURN
        if np.trace(turned.T @ R[index - 1]) > np.trace(R[index].T @ R[index - 1]):
            R[index] = turned
    return Track(frames.astype(np.int64), R, t)


def board_track(state: State, sightings: Sightings, points: Array, *, turnable: bool) -> Track | None:
    """Where the board was at every frame of some images, by known cameras; None for fewer than two frames.

    Args:
        state: its cameras are used.
        sightings: images that agree with each other.
        points: (N, 3) board points in metres.
        turnable: see :func:`steady_track`.
    """
    frames = np.unique(sightings.frame)
    if len(frames) < 2:
        return None
    placed = place_boards(state, sightings, frame_ids(sightings.frame), points).state
    return steady_track(frames, placed.board_rotation, placed.board_translation, turnable=turnable)
