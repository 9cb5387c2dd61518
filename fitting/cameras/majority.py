"""The world in which most cameras are where they were given: what moved is then told from what stayed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from fitting.world import LocalWorld

Array = NDArray[np.float64]

MAJORITY = 3
"""Of fewer cameras there is no majority."""

_ROUNDS = 30
_REDESCENDING = 10
_FLOOR_PX = 0.05
_USUAL = 2.0


def majority_world(local: Rig, given: Rig, points: Array, start: LocalWorld) -> LocalWorld:
    """Where most cameras of a local world are where they were given, as the head that they see shows it.

    A camera's turn and shift can cancel in its image, so that neither is known well; where it sees the head
    is. The sum over cameras of the unsquared distance between the images of the head is convex near the
    solution and lets a minority of cameras be; a last few rounds let it be altogether.

    Args:
        local: C cameras as they were found. given: the same as they were given.
        points: (N, 3) of the head, in the local world.
        start: the world that is sought, roughly; returned as it is if there is no majority.
    """
    if len(local) < MAJORITY:
        return start
    seen = [camera.project(points) for camera in local]
    motion = _Motion(start.axes.T, start.origin)
    weights = np.ones(len(local))
    for step in range(_ROUNDS + _REDESCENDING):
        motion, off = _stepped(motion, given, points, seen, weights)
        if step < _ROUNDS:
            weights = 1 / np.maximum(off, _FLOOR_PX)
        else:
            usual = _USUAL * max(float(np.median(off)), _FLOOR_PX)
            weights = 1 / (1 + (off / usual) ** 2) ** 2
    return LocalWorld(motion.rotation.T, motion.shift)


@dataclass(frozen=True, eq=False)
class _Motion:
    """From the local world: `x = rotation @ x_local + shift`."""

    rotation: Array
    shift: Array


def _stepped(
    motion: _Motion, given: Rig, points: Array, seen: list[Array], weights: Array
) -> tuple[_Motion, Array]:
    """A step of Gauss and Newton, and (C,) RMS pixels that each camera was off by before it."""
    world = points @ motion.rotation.T + motion.shift
    middle = world.mean(axis=0)
    arm = world - middle
    system, pull, off = np.zeros((6, 6)), np.zeros(6), np.zeros(len(given))
    for index, camera in enumerate(given):
        apart = seen[index] - camera.project(world)
        off[index] = np.sqrt(np.square(apart).sum(-1).mean())
        along = camera.jacobian(world)
        # x moves by turn x arm + shift, and pixel . (turn x arm) = turn . (arm x pixel)
        slope = np.concatenate((np.cross(arm[:, None], along), along), axis=-1)
        system += weights[index] * np.einsum("nip,niq->pq", slope, slope)
        pull += weights[index] * np.einsum("nip,ni->p", slope, apart)
    move = np.linalg.solve(system, pull)
    turn = Rotation.from_rotvec(move[:3]).as_matrix()
    shift = turn @ (motion.shift - middle) + middle + move[3:]
    return _Motion(turn @ motion.rotation, shift), off
