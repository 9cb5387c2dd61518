"""Bringing two worlds together that the same cameras were calibrated in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WorldMove:
    """A rigid move from one world to another: x -> rotation @ x + shift, metres."""

    rotation: Array
    shift: Array

    def __call__(self, points: Array) -> Array:
        """Points (..., 3) in the new world."""
        return np.asarray(points @ self.rotation.T + self.shift)


def centred(move: WorldMove, points: Array, onto: Array) -> WorldMove:
    """The move with another shift, so that points (N, 3) have the centre of others (M, 3)."""
    return WorldMove(move.rotation, onto.mean(axis=0) - move.rotation @ points.mean(axis=0))


def move_between(source: Rig, target: Rig) -> WorldMove:
    """The rigid move, without scale, that brings the cameras of one rig onto their namesakes in another.

    Rotations are averaged as matrices (the nearest rotation to their sum), then centres are matched.

    Raises:
        InputError: the rigs have no camera in common.
    """
    names = [name for name in source.names if name in target.names]
    if not names:
        raise InputError("The two calibrations have no camera in common", where=source.source)
    pairs = [(source[name], target[name]) for name in names]
    u, _, vt = np.linalg.svd(sum(after.R.T @ before.R for before, after in pairs))
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    before, after = (np.mean([camera.centre for camera in side], axis=0) for side in zip(*pairs, strict=True))
    return WorldMove(rotation, after - rotation @ before)
