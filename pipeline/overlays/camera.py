"""The overlays of one camera: its crop and scale, chosen once, and its panels frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import InputError, UsageError
from fitting.performance import FrameStatus
from fitting.posed import posed_vertices
from pipeline.drawing.mesh import Look
from pipeline.drawing.tiles import beside, label
from pipeline.frames.images import UnreadableImageError
from pipeline.overlays.panels import PANELS, Scene, View
from pipeline.progress import Progress, silent

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

_CROP_MARGIN = 0.08  # of the head's height, on each side
_CROP_ASPECT = 0.85  # width to height: the same for all cameras, so that a sheet has no holes
_SAMPLED_FRAMES = 16  # that a crop is chosen from
_STATUS_NOTES = {FrameStatus.SINGLE_VIEW: "one view", FrameStatus.INTERPOLATED: "not seen, interpolated"}


@dataclass(frozen=True)
class OverlayOptions:
    """How overlays look.

    Attributes:
        panels: what stands side by side; keys of :data:`pipeline.overlays.panels.PANELS`.
        longest_side: of one panel, pixels; photographs are scaled down to it, never up.
        crop: show only the part of the photograph around the head, the same in all frames of a camera.
        look: of the mesh.
        sheet_frames: how many frames a contact sheet shows when none are named.
        quality: of movies, H.264's constant rate factor.
        progress: called after each picture.

    Raises:
        UsageError: a panel is not known.
    """

    panels: tuple[str, ...] = ("photo", "mesh", "landmarks")
    longest_side: int = 960
    crop: bool = False
    look: Look = field(default_factory=Look)
    sheet_frames: int = 5
    quality: int = 20
    progress: Progress = silent

    def __post_init__(self) -> None:
        for panel in self.panels:
            if panel not in PANELS:
                raise UsageError(f"there is no panel {panel!r}", fix=f"Known are: {', '.join(PANELS)}")
        if not self.panels or self.longest_side < 2 or self.sheet_frames < 1:
            raise UsageError("an overlay needs a panel, a size and a frame")


class CameraOverlay:
    """The overlays of one camera of a scene.

    Raises:
        InputError: the camera is not in the rig, has no frames, or they are of another size.
    """

    def __init__(self, scene: Scene, name: str, options: OverlayOptions) -> None:
        """Choose the crop and the scale once, so that nothing moves from frame to frame."""
        if name not in scene.cameras:
            raise InputError("There are no frames or no calibration to draw", where=f"Camera {name}")
        self.name = name
        self._scene = scene
        self._options = options
        self._index = scene.performance.rig.names.index(name)
        self._source = scene.sources[name]
        self._camera = scene.performance.rig[name]
        if self._source.size != self._camera.size:
            raise InputError(
                f"The frames are {self._source.size} pixels but the calibration is for {self._camera.size}",
                where=f"Camera {name}",
                fix="Calibrate with images of the same size and crop as the shot",
            )
        box = self._head_box() if options.crop else (0, 0, *self._camera.size)
        self._box = box
        scale = min(1.0, options.longest_side / max(box[2], box[3]))
        size = max(2, round(box[2] * scale)), max(2, round(box[3] * scale))
        self._view_camera = window(self._camera, box, size)

    @property
    def frames(self) -> list[int]:
        """The frame numbers that were fitted and that this camera has an image of."""
        available = set(self._source.frames)
        return [int(frame) for frame in self._scene.performance.frames if int(frame) in available]

    @property
    def tile_size(self) -> tuple[int, int]:
        """Width and height of what :meth:`draw` returns."""
        width, height = self._view_camera.size
        return width * len(self._options.panels), height

    def draw(self, frame: int) -> Image | None:
        """The panels of one frame side by side, or None where the camera has no readable image of it."""
        positions = np.flatnonzero(np.asarray(self._scene.performance.frames) == frame)
        if not len(positions) or frame not in self._source.frames:
            return None
        try:
            photo = self._source.read(frame)
        except UnreadableImageError:
            return None
        view = self._view(int(positions[0]), photo)
        panels = [PANELS[panel](view) for panel in self._options.panels]
        panels[0] = label(panels[0], self._caption(frame, int(positions[0])))
        return beside(panels)

    def _view(self, position: int, photo: Image) -> View:
        x, y, width, height = self._box
        size = self._view_camera.size
        patch = photo[y : y + height, x : x + width]
        scaled = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        vertices = posed_vertices(self._scene.model, self._scene.performance, position)
        mean, sigma = self._landmarks(position)
        return View(self._scene, scaled, self._view_camera, vertices, mean, sigma, self._options.look)

    def _landmarks(self, position: int) -> tuple[Float | None, Float | None]:
        """The landmarks (L, 2) and sigmas (L,) of a frame, in the pixels of the view."""
        observations = self._scene.observations
        if observations is None:
            return None, None
        found = np.flatnonzero(observations.frames == self._scene.performance.frames[position])
        if not len(found) or not observations.seen[found[0], self._index]:
            return None, None
        mean = np.asarray(observations.mean[found[0], self._index], np.float64)
        sigma = np.asarray(observations.sigma[found[0], self._index], np.float64)
        scale = np.array(self._view_camera.size) / self._box[2:]
        return (mean - self._box[:2] + 0.5) * scale - 0.5, sigma * float(scale.mean())

    def _caption(self, frame: int, position: int) -> list[str]:
        performance = self._scene.performance
        residual = np.asarray(performance.residual_px[position, self._index])
        known = residual[np.isfinite(residual)]
        error = f"{known.mean():.1f} px" if known.size else "no landmarks"
        note = _STATUS_NOTES.get(FrameStatus(int(performance.status[position])))
        return [f"{self.name}  {frame}", error, *([note] if note else [])]

    def _head_box(self) -> tuple[int, int, int, int]:
        """x, y, width, height around the head in some frames; the whole image where it is nowhere in it."""
        frames = len(self._scene.performance.frames)
        chosen = np.unique(np.linspace(0, frames - 1, _SAMPLED_FRAMES).astype(int))
        pixels = np.concatenate([self._seen_pixels(int(position)) for position in chosen])
        size = np.array(self._camera.size)
        if not len(pixels):
            return 0, 0, *self._camera.size
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        height = max((high - low)[1], (high - low)[0] / _CROP_ASPECT) * (1.0 + 2.0 * _CROP_MARGIN)
        reach = np.array([height * _CROP_ASPECT, height]) / 2.0
        middle = (low + high) / 2.0
        low = np.clip(np.floor(middle - reach), 0, size).astype(int)
        high = np.clip(np.ceil(middle + reach), 0, size).astype(int)
        if np.any(high - low < 8):
            return 0, 0, *self._camera.size
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    def _seen_pixels(self, position: int) -> Float:
        vertices = posed_vertices(self._scene.model, self._scene.performance, position)
        in_front = self._camera.to_camera(vertices)[:, 2] > 0.0
        return np.asarray(self._camera.project(vertices[in_front]), np.float64)


def window(camera: Camera, box: tuple[int, int, int, int], size: tuple[int, int]) -> Camera:
    """The camera of a part of its image, scaled.

    Args:
        camera: of the whole image.
        box: x, y, width, height of the part, pixels.
        size: width and height that the part is scaled to, pixels.

    Returns:
        a camera in whose image the pixel (u, v) has come to ((u - x + 0.5) size / width - 0.5, ...).
    """
    x, y, width, height = box
    sx, sy = size[0] / width, size[1] / height
    to_view = np.array([[sx, 0.0, (0.5 - x) * sx - 0.5], [0.0, sy, (0.5 - y) * sy - 0.5], [0.0, 0.0, 1.0]])
    return replace(camera, width=size[0], height=size[1], K=to_view @ camera.K)
