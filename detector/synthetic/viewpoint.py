"""Where the camera stands and what it frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera
from detector.region import HEAD_CENTRE, HEAD_SIZE

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Where the head is: `x_world = rotation @ x_canonical + offset`, (3, 3) and (3,) in metres."""

    rotation: Array
    offset: Array

    @property
    def centre(self) -> Array:
        """(3,) the point of the head that regions of interest are centred on, in the world."""
        return np.asarray(self.rotation @ np.array(HEAD_CENTRE) + self.offset)


def draw_camera(head: HeadFrame, size: int, rng: np.random.Generator) -> Camera:
    """A camera whose whole image (size x size pixels) is a loosely framed crop of the head.

    Its optical axis need not pass through the crop: a face off the centre of a wide photograph is seen
    obliquely, and so is this one.
    """
    direction = head.rotation @ _draw_direction(rng)
    distance = draw_distance(rng)
    eye = head.centre + direction * distance
    # The photograph is aimed somewhere near the head; the crop then sits off its centre.
    off_axis = np.deg2rad(rng.normal(0.0, 6.0, 2)).clip(-0.3, 0.3)
    rotation = look_at(eye, head.centre, _draw_roll(rng))
    rotation = Rotation.from_euler("yx", off_axis).as_matrix() @ rotation
    local = rotation @ (head.centre - eye)
    scale = draw_margin(rng)
    focal = size * local[2] / (HEAD_SIZE * scale)
    shift = rng.normal(0.0, 0.06, 2).clip(-0.16, 0.16) * size
    middle = (size - 1) / 2 + shift
    principal = middle - focal * local[:2] / local[2]
    aspect = np.exp(rng.normal(0.0, 0.01))
    K = np.array([[focal * aspect, 0.0, principal[0]], [0.0, focal, principal[1]], [0.0, 0.0, 1.0]])
    return Camera("crop", size, size, K, R=rotation, t=-rotation @ eye)


def draw_helmet_camera(head: HeadFrame, size: int, rng: np.random.Generator) -> Camera:
    """A wide lens on an arm of a helmet, close to the face and mostly below it, with barrel distortion."""
    yaw, pitch = np.deg2rad([rng.normal(0.0, 9.0), np.clip(rng.normal(-14.0, 10.0), -40.0, 15.0)])
    towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    eye = head.centre + head.rotation @ towards * rng.uniform(0.19, 0.32)
    aim = head.centre + head.rotation @ (np.array([0.0, -0.01, 0.03]) + rng.normal(0.0, 0.012, 3))
    rotation = look_at(eye, aim, float(np.deg2rad(rng.normal(0.0, 6.0))), head.rotation[:, 1])
    depth = float((rotation @ (head.centre - eye))[2])
    focal = size * depth / (HEAD_SIZE * rng.uniform(0.75, 1.15))
    middle = (size - 1) / 2 + rng.normal(0.0, 0.05, 2).clip(-0.12, 0.12) * size
    K = np.array([[focal, 0.0, middle[0]], [0.0, focal, middle[1]], [0.0, 0.0, 1.0]])
    k1 = -rng.uniform(0.03, 0.30)
    # With k2 > 9/20 k1^2 the lens never folds back.
    lens = np.array([k1, k1 * k1 * rng.uniform(0.5, 0.9), *rng.normal(0.0, 0.001, 2), 0.0])
    return Camera("helmet", size, size, K, lens, rotation, -rotation @ eye)


def draw_distance(rng: np.random.Generator) -> float:
    """Metres from the camera to the head: mostly 0.6 to 2, some close to the lens, some far."""
    choice = rng.random()
    if choice < 0.04:
        return float(rng.uniform(0.24, 0.36))
    if choice < 0.20:
        return float(rng.uniform(0.36, 0.6))
    return float(np.exp(rng.uniform(np.log(0.6), np.log(4.0))))


def draw_margin(rng: np.random.Generator) -> float:
    """Side of the picture in units of the region of interest: training cuts its crops out of it."""
    return float(np.clip(np.exp(rng.normal(np.log(1.2), 0.14)), 0.9, 1.9))


def _draw_direction(rng: np.random.Generator) -> Array:
    """(3,) unit vector in the canonical frame from the head to the camera."""
    yaw = rng.normal(0.0, 24.0) if rng.random() < 0.6 else rng.uniform(-95.0, 95.0)
    pitch = rng.normal(0.0, 10.0) if rng.random() < 0.75 else rng.uniform(-38.0, 38.0)
    yaw, pitch = np.deg2rad(np.clip(yaw, -100.0, 100.0)), np.deg2rad(np.clip(pitch, -42.0, 42.0))
    return np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])


def _draw_roll(rng: np.random.Generator) -> float:
    degrees = rng.normal(0.0, 7.0) if rng.random() < 0.8 else rng.uniform(-32.0, 32.0)
    return float(np.deg2rad(degrees))


def look_at(
    eye: Array, target: Array, roll: float = 0.0, up: tuple[float, float, float] | Array = (0.0, 1.0, 0.0)
) -> Array:
    """World-to-camera rotation (3, 3), OpenCV axes, of a camera at eye (3,) that looks at target (3,).

    Args:
        eye: position in metres. target: the point on the optical axis.
        roll: turn about the optical axis in radians; 0 keeps `up` upright.
        up: (3,) what is up in the image, the world's Y axis by default.
    """
    z = target - eye
    z = z / np.linalg.norm(z)
    x = np.cross(z, up)
    x /= np.linalg.norm(x)
    upright = np.stack([x, np.cross(z, x), z])
    turned: Array = Rotation.from_euler("z", roll).as_matrix() @ upright
    return turned
