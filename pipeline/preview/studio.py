"""A photographer's studio for heads: a long lens, key, fill and rim light, and a soft background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera
from detector.synthetic.lighting import project_environment
from detector.synthetic.renderer import Renderer
from detector.synthetic.surfaces import KeyLight, Light, Picture, Pixels, Surface

Float = NDArray[np.float64]

VIEWS = {
    "front": 0.0,
    "left": -90.0,
    "right": 90.0,
    "three-quarter": 38.0,
    "three-quarter-left": -38.0,
}
"""Degrees by which the head turns to its own left to be seen from there; "left" shows the actor's left."""
SHAPE = 4 / 5
"""Width of a picture per height."""
_SPAN = 0.32
_DISTANCE = 1.5
_AIM = (0.0, -0.022, -0.045)
_AXIS = (0.0, 0.0, -0.06)


class Studio:
    """Takes pictures of surfaces in canonical axes; make one per process, as of its renderer."""

    def __init__(self, height: int, supersample: int = 2) -> None:
        """Set up camera and light.

        Args:
            height: of the pictures in pixels, even; they are 4 by 5.
            supersample: rendered pixels per pixel along each side.

        Raises:
            MissingDependencyError: OpenGL is not there.
        """
        self._renderer = Renderer(supersample=supersample, multisample=False)
        self.camera = _portrait_lens(height)
        self._light = _light()
        self._backdrop = _backdrop(self.camera.width, self.camera.height)

    def photograph(self, surfaces: Sequence[Surface], degrees: float = 0.0) -> Pixels:
        """A picture (height, width, 3) of surfaces, turned to the actor's left by some degrees."""
        turned = tuple(_turned(surface, degrees) for surface in surfaces)
        picture = Picture(turned, self._light, self._backdrop, np.array(_AIM), reach=0.26)
        return self._renderer.render(picture, self.camera)[0]


def _turned(surface: Surface, degrees: float) -> Surface:
    """A surface turned about the upright axis through the skull."""
    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix().astype(np.float32)
    axis = np.array(_AXIS, np.float32)
    strands = surface.strands
    if strands is not None:
        strands = np.concatenate([strands[:, :3] @ turn.T, strands[:, 3:]], axis=1)
    return replace(
        surface,
        positions=((surface.positions - axis) @ turn.T + axis).astype(np.float32),
        normals=surface.normals @ turn.T,
        strands=strands,
    )


def _portrait_lens(height: int) -> Camera:
    width = 2 * round(height * SHAPE / 2)
    focal = height * _DISTANCE / _SPAN
    K = np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])
    R = np.diag([1.0, -1.0, -1.0])
    eye = np.array(_AIM) + np.array([0.0, 0.0, _DISTANCE])
    return Camera("studio", width, height, K, np.zeros(5), R, -R @ eye)


def _light() -> Light:
    """A large warm key from the upper left of the picture, a cool rim from behind, a weak even fill."""

    def radiance(d: Float) -> Float:
        sky = 0.11 + 0.08 * d[:, 1] + 0.03 * d[:, 2]
        fill = 0.22 * np.exp(2.5 * (d @ _unit(0.9, 0.1, 0.6) - 1.0))
        cool = 0.55 * np.exp(5.0 * (d @ _unit(0.9, 0.5, -0.7) - 1.0))
        return sky[:, None] + fill[:, None] * (0.95, 1.0, 1.08) + cool[:, None] * (0.85, 1.0, 1.2)

    key = KeyLight(_unit(-0.85, 0.70, 0.75), np.array([1.0, 0.95, 0.88]) * 1.25, 0.30)
    rim = KeyLight(_unit(0.85, 0.55, -0.75), np.array([0.85, 0.97, 1.12]) * 0.9, 0.22)
    return Light((key, rim), project_environment(radiance), exposure=1.0, filmic=0.35)


def _unit(*vector: float) -> Float:
    return np.asarray(np.array(vector) / np.linalg.norm(vector))


def _backdrop(width: int, height: int) -> Pixels:
    """A wall with a soft pool of light behind the head."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -SHAPE : SHAPE : width * 1j]
    glow = np.exp(-((x - 0.15) ** 2 + (y + 0.1) ** 2) / 0.9)[..., None]
    colour = np.array([46.0, 49.0, 55.0]) + glow * np.array([62.0, 64.0, 67.0])
    # a wall without any grain would show the steps between its few shades
    grain = np.random.default_rng(0).normal(0.0, 0.7, (height, width, 1))
    return np.asarray(np.clip(np.rint(colour + grain), 0, 255), np.uint8)
