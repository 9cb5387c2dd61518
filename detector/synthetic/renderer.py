"""Pictures by pyrender, with our own shaders and a calibrated OpenCV camera.

pyrender is imported on first use only: it needs OpenGL through EGL, which a farm node may lack.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import MissingDependencyError
from detector.synthetic.surfaces import Floats, Picture, Pixels

NEAR, FAR = 0.03, 20.0
DRAFT_BLUR, DRAFT_EDGE_BLUR = 0.55, 0.9
"""Pixels by which drafts without supersampling are softened, as by a lens: all over, at steps in depth."""
DRAFT_STEP = 0.012
"""Metres between neighbouring pixels from which on that is an edge."""


def camera_to_gl(camera: Camera, scale: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The OpenGL view of an OpenCV camera; lens distortion is not part of it.

    Args:
        camera: the camera; its pixel (0, 0) is the centre of the top-left pixel.
        scale: pixels of the rendering per pixel of the camera (supersampling).

    Returns:
        fx, fy, cx, cy (4,) in pixels of the rendering measured from the corner of the image, and the pose
        (4, 4) camera-to-world with OpenGL axes (x right, y up, z backwards).
    """
    intrinsics = np.array([*camera.focal, *(camera.principal + 0.5)]) * scale
    pose = np.eye(4)
    pose[:3, :3] = camera.R.T * np.array([1.0, -1.0, -1.0])
    pose[:3, 3] = camera.centre
    return intrinsics, pose


class Renderer:
    """One EGL context of this process and the pictures that it draws.

    Make one per process: pyrender shares one display, and closing a renderer closes it for all.
    """

    def __init__(self, supersample: int = 2, multisample: bool = True) -> None:
        """Open the context.

        Args:
            supersample: rendered pixels per pixel along each side, averaged at the end.
            multisample: whether edges are smoothed by four samples a pixel.

        Raises:
            MissingDependencyError: if EGL or OpenGL is not there.
        """
        self._supersample = supersample
        self._bridge, self._offscreen = _open(multisample, draft=supersample == 1)
        self._shading = self._offscreen._renderer
        self._pool = self._bridge.TexturePool()

    def render(self, picture: Picture, camera: Camera) -> tuple[Pixels, Floats]:
        """Draw a picture.

        Args:
            picture: what to draw.
            camera: from where; its distortion is ignored.

        Returns:
            image (height, width, 3) uint8 sRGB and depth (height, width) float32 in metres, 0 where only the
            backdrop is.
        """
        scale = self._supersample
        self._offscreen.viewport_width = camera.width * scale
        self._offscreen.viewport_height = camera.height * scale
        intrinsics, pose = camera_to_gl(camera, scale)
        gl = self._bridge.pyrender
        gl_camera = gl.IntrinsicsCamera(*intrinsics, znear=NEAR, zfar=FAR)
        self._shading.light = picture.light
        self._shading.pixel_angle = float(1.0 / intrinsics[0])
        scene = self._bridge.build_scene(picture, self._shading, self._pool, gl_camera, pose)
        colour, depth = self._offscreen.render(scene, flags=gl.RenderFlags.SHADOWS_DIRECTIONAL)
        size = (camera.width, camera.height)
        image = cv2.resize(np.ascontiguousarray(colour), size, interpolation=cv2.INTER_AREA)
        depth = np.ascontiguousarray(depth[::scale, ::scale])
        if scale == 1:
            image = _softened(image, depth)
        return image, np.where(depth > 0.95 * FAR, 0.0, depth).astype(np.float32)

    def close(self) -> None:
        """Free the context. No other renderer of this process works afterwards."""
        self._offscreen.delete()


def _softened(image: Pixels, depth: Floats) -> Pixels:
    """A picture without jagged edges: outlines and single hairs are blurred more than what they enclose."""
    kernel = np.ones((3, 3), np.uint8)
    step = cv2.dilate(depth, kernel) - cv2.erode(depth, kernel) > DRAFT_STEP
    edge = cv2.GaussianBlur(step.astype(np.float32), (3, 3), 0.8)[..., None]
    sharp = cv2.GaussianBlur(image, (3, 3), DRAFT_BLUR).astype(np.float32)
    soft = cv2.GaussianBlur(image, (5, 5), DRAFT_EDGE_BLUR).astype(np.float32)
    return np.asarray(np.rint(sharp + edge * (soft - sharp)), np.uint8)


def _open(multisample: bool, draft: bool) -> tuple[ModuleType, Any]:
    try:
        bridge = importlib.import_module("detector.synthetic.pyrender_bridge")
        offscreen = bridge.pyrender.OffscreenRenderer(64, 64)
        offscreen._renderer = bridge.ShadingRenderer(multisample, draft)
    except (ImportError, AttributeError, OSError, RuntimeError, ValueError) as error:
        raise MissingDependencyError(
            f"pictures cannot be rendered, OpenGL through EGL is not available ({error})",
            fix="On Debian: apt install libegl1 libgl1",
        ) from error
    return bridge, offscreen
