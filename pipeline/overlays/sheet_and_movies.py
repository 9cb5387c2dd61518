"""What was fitted, drawn over what was seen: a movie per camera, and a sheet of cameras by frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.performance import Performance
from pipeline.drawing.picture_file import write_picture
from pipeline.drawing.tiles import empty_tile, fit_tile, wall
from pipeline.overlays.camera import CameraOverlay, OverlayOptions
from pipeline.overlays.movie_writer import movie_writer
from pipeline.overlays.panels import Scene

__all__ = [
    "CameraOverlay",
    "OverlayOptions",
    "Scene",
    "write_contact_sheet",
    "write_overlay_movies",
    "write_picture",
]

Image = NDArray[np.uint8]


def write_overlay_movies(scene: Scene, folder: Path, options: OverlayOptions | None = None) -> list[Path]:
    """Write ``camera.mp4`` for each camera that has any of the fitted frames.

    A frame that a camera lacks is left out of its movie; the number is burnt into every frame.

    Args:
        scene: to draw.
        folder: for the movies.
        options: of the drawing.

    Returns:
        the movies.

    Raises:
        InputError: frames and calibration differ in size, or the folder cannot be written to.
    """
    options = options or OverlayOptions()
    overlays = [CameraOverlay(scene, name, options) for name in scene.cameras]
    overlays = [overlay for overlay in overlays if overlay.frames]
    total, done = sum(len(overlay.frames) for overlay in overlays), 0
    paths = []
    for overlay in overlays:
        path = folder / f"{overlay.name}.mp4"
        with movie_writer(path, scene.performance.fps, options.quality) as movie:
            for frame in overlay.frames:
                picture = overlay.draw(frame)
                if picture is not None:
                    movie.write(picture)
                done += 1
                options.progress(done, total, overlay.name)
        paths.append(path)
    return paths


def write_contact_sheet(
    scene: Scene, path: Path, frames: Sequence[int] | None = None, options: OverlayOptions | None = None
) -> Path:
    """Write a picture with a row for each camera and a column for each frame.

    Where a camera has no image of a frame, its tile is empty and says so.

    Args:
        scene: to draw.
        path: of the picture; its suffix (.jpg or .png) is the format.
        frames: numbers to show; None for some that are spread over the performance.
        options: of the drawing.

    Returns:
        the path.

    Raises:
        InputError: no camera has frames, sizes differ, or the picture cannot be written.
    """
    options = options or OverlayOptions(longest_side=360, crop=True)
    if not scene.cameras:
        raise InputError("No camera of the performance has frames to draw over")
    chosen = list(frames) if frames is not None else _spread(scene.performance, options.sheet_frames)
    overlays = [CameraOverlay(scene, name, options) for name in scene.cameras]
    size = _common_size(overlays)
    tiles = []
    for overlay in overlays:
        for frame in chosen:
            picture = overlay.draw(frame)
            empty = empty_tile(size, [f"{overlay.name}  {frame}", "no image"])
            tiles.append(empty if picture is None else fit_tile(picture, size))
            options.progress(len(tiles), len(overlays) * len(chosen), overlay.name)
    write_picture(path, wall(tiles, len(chosen), gap=4))
    return path


def _spread(performance: Performance, count: int) -> list[int]:
    positions = np.unique(np.linspace(0, len(performance.frames) - 1, count).round().astype(int))
    return [int(frame) for frame in np.asarray(performance.frames)[positions]]


def _common_size(overlays: Sequence[CameraOverlay]) -> tuple[int, int]:
    """A tile that holds every camera's: the greatest height, the greatest width."""
    sizes = [overlay.tile_size for overlay in overlays]
    return max(width for width, _ in sizes), max(height for _, height in sizes)
