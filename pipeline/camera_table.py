"""The cameras of a rig as a table that a person can judge: lens, view, place, neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig

HEADINGS = ("camera", "image", "focal px", "36 mm eq.", "view", "lens", "x y z m", "nearest", "residual")

_NEIGHBOURS = 2
_FULL_FRAME_MM = 36.0
_UNEQUAL = 2e-4


def camera_table(rig: Rig) -> list[tuple[str, ...]]:
    """A row of texts per camera, under :data:`HEADINGS`."""
    return [_row(camera, rig) for camera in rig]


def _row(camera: Camera, rig: Rig) -> tuple[str, ...]:
    residual = rig.residual_px.get(camera.name)
    x, y, z = camera.centre + 0.0
    return (
        camera.name,
        f"{camera.width} x {camera.height}",
        _focal(camera),
        f"{_full_frame_mm(camera):.1f} mm",
        " x ".join(f"{angle:.1f}" for angle in field_of_view(camera)) + " deg",
        _lens(camera),
        f"{x:.3f} {y:.3f} {z:.3f}",
        _nearest(camera, rig),
        "" if residual is None else f"{residual:.2f} px",
    )


def _focal(camera: Camera) -> str:
    fx, fy = camera.focal
    return f"{fx:.1f}" if abs(fx / fy - 1) < _UNEQUAL else f"{fx:.1f} x {fy:.1f}"


def _full_frame_mm(camera: Camera) -> float:
    """The focal length that sees as much on a sensor whose longer side is 36 mm, upright images too."""
    longer = int(np.argmax(camera.size))
    return float(camera.focal[longer] / camera.size[longer] * _FULL_FRAME_MM)


def field_of_view(camera: Camera) -> tuple[float, float]:
    """Degrees between the left and right edges of the image, and between top and bottom, through the lens."""
    cx, cy = camera.principal
    horizontal = np.array([[-0.5, cy], [camera.width - 0.5, cy]])
    vertical = np.array([[cx, -0.5], [cx, camera.height - 0.5]])
    return _angle(camera, horizontal), _angle(camera, vertical)


def _angle(camera: Camera, pixels: NDArray[np.float64]) -> float:
    rays = np.column_stack((camera.normalise(pixels), np.ones(2)))
    first, second = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def _lens(camera: Camera) -> str:
    """The model of the lens, and by how much it bends the corners of the image."""
    if not np.any(camera.distortion) and not camera.fisheye:
        return "none"
    x, y = camera.width - 0.5, camera.height - 0.5
    corners = np.array([[-0.5, -0.5], [x, -0.5], [-0.5, y], [x, y]])
    straight = camera.normalise(corners) * camera.focal + camera.principal
    bend = np.linalg.norm(straight - corners, axis=1).max()
    return f"{camera.lens_model}, {bend:.1f} px"


def _nearest(camera: Camera, rig: Rig) -> str:
    """The cameras that stand nearest, with their distances."""
    others = [other for other in rig if other is not camera]
    apart = sorted((float(np.linalg.norm(other.centre - camera.centre)), other.name) for other in others)
    return ", ".join(f"{name} {metres:.3f} m" for metres, name in apart[:_NEIGHBOURS])
