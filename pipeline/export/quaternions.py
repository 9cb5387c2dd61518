"""Rotations of joints as animation curves: unit quaternions that never turn the long way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Float = NDArray[np.float64]


def joint_quaternions(rotations: Float) -> Float:
    """Unit quaternions (K, F, 4) x y z w of rotation vectors (F, K, 3).

    Each is on the side of the one before it, so that no player turns the long way between two frames.
    """
    frames, joints = rotations.shape[:2]
    quaternions = Rotation.from_rotvec(rotations.reshape(-1, 3)).as_quat().reshape(frames, joints, 4)
    flips = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0.0
    sides = np.cumprod(np.where(flips, -1.0, 1.0), axis=0)
    quaternions[1:] *= sides[..., None]
    return np.asarray(quaternions.swapaxes(0, 1))
