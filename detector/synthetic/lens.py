"""Pictures through a lens: rendered wider without distortion, then bent as the camera model says."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from detector.synthetic.surfaces import Floats, Picture, Pixels

WIDEST = 2.0
"""The picture without distortion is at most so much larger than the image; beyond, its edge is repeated."""


class PinholeRenderer(Protocol):
    """Draws pictures without distortion; see :class:`detector.synthetic.renderer.Renderer`."""

    def render(self, picture: Picture, camera: Camera) -> tuple[Pixels, Floats]:
        """The image and its depth."""
        ...


def render_through_lens(renderer: PinholeRenderer, picture: Picture, camera: Camera) -> tuple[Pixels, Floats]:
    """Draw a picture as a camera sees it, lens distortion included.

    Args:
        renderer: draws the picture. picture: what to draw. camera: from where.

    Returns:
        image (height, width, 3) uint8 sRGB and depth (height, width) float32 in metres along the optical
        axis, 0 where only the backdrop is.
    """
    if not (np.any(camera.distortion) or camera.fisheye):
        return renderer.render(picture, camera)
    ideal, (x, y) = ideal_camera(camera)
    image, depth = renderer.render(picture, ideal)
    bent = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    far = cv2.remap(depth, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, np.uint8), np.asarray(far, np.float32)


def ideal_camera(camera: Camera) -> tuple[Camera, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A camera without distortion that sees all that a camera sees, and where each pixel of it comes from.

    Returns:
        The ideal camera, and x and y (height, width) float32 pixels of its image for :func:`cv2.remap`.
    """
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
    source = camera.normalise(grid.astype(np.float64)) * camera.focal + camera.principal
    size = np.array(camera.size)
    room = (WIDEST - 1.0) / 2.0 * size
    low = np.floor(np.maximum(source.min(axis=(0, 1)) - 2, -room))
    high = np.ceil(np.minimum(source.max(axis=(0, 1)) + 2, size - 1 + room))
    K = camera.K.copy()
    K[:2, 2] -= low
    width, height = (int(side) + 1 for side in high - low)
    ideal = Camera(camera.name, width, height, K, R=camera.R, t=camera.t)
    source = source - low
    return ideal, (source[..., 0].astype(np.float32), source[..., 1].astype(np.float32))
