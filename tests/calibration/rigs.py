"""Synthetic rigs that several tests share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig

LENS = np.array([-0.12, 0.08, 0.0015, -0.001, 0.02])


def look_at(centre: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """World-to-camera rotation of a camera that stands at `centre` in a Y-up world."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(forward, right), forward))


def arc_rig(count: int = 3, *, degrees: float = 40.0, lens: NDArray[np.float64] = LENS) -> Rig:
    """Cameras on an arc one metre around the origin, each with its own focal length and roll."""
    cameras = []
    for index, angle in enumerate(np.radians(np.linspace(-degrees / 2, degrees / 2, count))):
        centre = np.array([np.sin(angle), 0.05 * index, np.cos(angle)])
        roll = Rotation.from_euler("z", 2.0 * index, degrees=True).as_matrix()
        R = roll @ look_at(centre, np.zeros(3))
        focal = 1500.0 + 30.0 * index
        K = np.array([[focal, 0, 515.0 - index], [0, focal * 1.001, 380.0 + index], [0, 0, 1]])
        cameras.append(Camera(f"cam{index}", 1024, 768, K, lens * (1 + 0.1 * index), R, -R @ centre))
    return Rig(tuple(cameras), source="synthetic")


def mixed_rig() -> Rig:
    """The first three cameras of an arc with a plain, a rational and a fisheye lens."""
    plain, rational, fisheye = arc_rig(3)
    return Rig(
        (
            plain,
            replace(rational, distortion=np.array([0.2, 0.1, 0.001, -0.002, 0.05, 0.3, -0.1, 0.02])),
            replace(fisheye, distortion=np.array([0.02, -0.01, 0.006, -0.002]), fisheye=True),
        ),
        source="synthetic",
    )


def assert_same_cameras(actual: Rig, expected: Rig, *, atol: float = 1e-12) -> None:
    """Names, sizes, lenses and poses of two rigs are equal but for `atol`, in each number's own unit."""
    assert actual.names == expected.names
    for one, other in zip(actual, expected, strict=True):
        assert one.size == other.size
        assert one.fisheye == other.fisheye
        for attribute in ("K", "distortion", "R", "t"):
            np.testing.assert_allclose(getattr(one, attribute), getattr(other, attribute), atol=atol)
