"""A change of world for the duration of a fit.

Rotation vectors are singular at a full turn and stiff near half of one, and an actor may face anywhere in
the studio. So the fit runs in a world that is centred on the head and turned with it; its result is brought
back exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from fitting.initialise import Placement

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalWorld:
    """`x_local = axes @ (x_world - origin)`.

    Attributes:
        axes: (3, 3) rotation. origin: (3,) metres.
    """

    axes: Array
    origin: Array

    @classmethod
    def around(cls, placement: Placement) -> LocalWorld:
        """The world in which the head of a placement is, on the whole, at rest at the origin."""
        mean = Rotation.from_matrix(placement.rotation).mean().as_matrix()
        return cls(np.asarray(mean.T), np.median(placement.translation, axis=0))

    @classmethod
    def anchored(cls, local: Camera, camera: Camera) -> LocalWorld:
        """The world in which a camera at a local place is where it was given."""
        # R_local axes = R and t_local - R origin = t, as in :meth:`leave`
        return cls(local.R.T @ camera.R, camera.R.T @ (local.t - camera.t))

    def enter(self, rig: Rig) -> Rig:
        """The rig in the local world."""
        # R x_world + t = (R axes^T) x_local + (R origin + t)
        return _map(rig, lambda c: (c.R @ self.axes.T, c.R @ self.origin + c.t))

    def leave(self, rig: Rig) -> Rig:
        """The rig back in the world."""
        return _map(rig, lambda c: (c.R @ self.axes, c.t - c.R @ self.axes @ self.origin))

    def enter_motion(self, rotation: Array, translation: Array) -> tuple[Array, Array]:
        """Head-to-world motions (F, 3, 3) and (F, 3) as head-to-local ones."""
        return self.axes @ rotation, (translation - self.origin) @ self.axes.T

    def leave_motion(self, rotation: Array, translation: Array) -> tuple[Array, Array]:
        """Head-to-local motions as head-to-world ones."""
        return self.axes.T @ rotation, translation @ self.axes + self.origin


def _map(rig: Rig, move: Callable[[Camera], tuple[Array, Array]]) -> Rig:
    moved = []
    for camera in rig:
        R, t = move(camera)
        moved.append(replace(camera, R=R, t=t))
    return replace(rig, cameras=tuple(moved))
