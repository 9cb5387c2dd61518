"""STMaps: two images of coordinates per camera, with which a compositor undoes and redoes its lens.

A pixel of a map holds, in red and green, where in the source image its colour is to be fetched: u from the
left edge (0) to the right (1), v from the bottom (0) to the top (1), as in Nuke's STMap node. The centre of
the bottom left pixel is at (0.5 / width, 0.5 / height): a map that changes nothing has u = (x + 0.5) / width.

- `NAME.undistort.exr`: applied to the plate, gives the image of a pinhole camera with the same matrix.
- `NAME.distort.exr`: applied to such an image (a render, say), gives the plate's lens.

With an overscan of 0.1 the pinhole image is a tenth of the width wider on the left and on the right, and a
tenth of the height higher at the top and at the bottom; the focal length in pixels stays. Pixels that
the lens does not show hold -1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import MissingDependencyError, UsageError
from calibration.formats.entry import Format
from calibration.formats.fields import file_stem
from calibration.lens import distort, distort_jacobian
from calibration.whole_file import whole_file

Array = NDArray[np.float64]
Map = NDArray[np.float32]

NOTHING = -1.0
"""Both coordinates of a pixel for which there is nothing to fetch."""

_MOST_OVERSCAN = 1.0
_ROWS_AT_ONCE = 256
_FOUND_PX = 0.01


def write(rig: Rig, path: Path, overscan: float = 0.0) -> None:
    """Write both maps of each camera into a folder.

    Args:
        rig: the cameras.
        path: the folder.
        overscan: how much larger the pinhole image is on each side, as a part of the width and height.

    Raises:
        UsageError: if the overscan makes no sense, or the path has the suffix of a file.
        MissingDependencyError: if OpenEXR is not installed.
    """
    if path.suffix.lower() == ".exr":
        raise UsageError("STMaps are two files per camera", where=str(path), fix="Name a folder")
    for camera in rig:
        border = overscan_pixels(camera, overscan)
        stem = file_stem(camera.name)
        _write_exr(path / f"{stem}.undistort.exr", undistortion_map(camera, overscan), border)
        _write_exr(path / f"{stem}.distort.exr", distortion_map(camera, overscan), border)


def overscan_pixels(camera: Camera, overscan: float) -> tuple[int, int]:
    """How many pixels the pinhole image has more on each side, (horizontally, vertically).

    Raises:
        UsageError: if the overscan is not a part from 0 to 1.
    """
    if not 0 <= overscan <= _MOST_OVERSCAN:
        raise UsageError(f"the overscan is {overscan:g}", fix="Give a part of the image, such as 0.1")
    return round(camera.width * overscan), round(camera.height * overscan)


def undistortion_map(camera: Camera, overscan: float = 0.0) -> Map:
    """Where each pixel of the pinhole image is in the plate: (H + 2 b, W + 2 a, 2) u and v, top row first."""
    a, b = overscan_pixels(camera, overscan)
    size = (camera.width + 2 * a, camera.height + 2 * b)
    result = np.empty((size[1], size[0], 2), dtype=np.float32)
    for rows, pixels in _pixels(size):
        ideal = (pixels - (a, b) - camera.principal) / camera.focal
        uv = _coordinates(_bent(camera, ideal), camera.size)
        # Beyond the fold of a lens polynomial the image would come a second time, turned round.
        stretch = distort_jacobian(ideal, camera.distortion, camera.fisheye)
        once = (np.linalg.det(stretch) > 0) & (np.trace(stretch, axis1=-2, axis2=-1) > 0)
        result[rows] = np.where(once[..., None], uv, NOTHING)
    return result


def distortion_map(camera: Camera, overscan: float = 0.0) -> Map:
    """Where each pixel of the plate is in the pinhole image: (H, W, 2) u and v, top row first."""
    a, b = overscan_pixels(camera, overscan)
    result = np.empty((camera.height, camera.width, 2), dtype=np.float32)
    for rows, pixels in _pixels(camera.size):
        ideal = camera.normalise(pixels)
        pinhole = ideal * camera.focal + camera.principal + (a, b)
        uv = _coordinates(pinhole, (camera.width + 2 * a, camera.height + 2 * b))
        found = np.abs(_bent(camera, ideal) - pixels).max(axis=-1) < _FOUND_PX
        result[rows] = np.where(found[..., None], uv, NOTHING)
    return result


def _bent(camera: Camera, ideal: Array) -> Array:
    """Normalised coordinates (..., 2) as pixels of the plate."""
    return distort(ideal, camera.distortion, camera.fisheye) * camera.focal + camera.principal


def _pixels(size: tuple[int, int]) -> Iterator[tuple[slice, Array]]:
    """The pixels (rows, W, 2) of an image, a part of its rows at a time."""
    width, height = size
    for start in range(0, height, _ROWS_AT_ONCE):
        rows = slice(start, min(start + _ROWS_AT_ONCE, height))
        x, y = np.meshgrid(np.arange(width), np.arange(rows.start, rows.stop))
        yield rows, np.stack((x, y), axis=-1).astype(np.float64)


def _coordinates(pixels: Array, size: tuple[int, int]) -> Array:
    """Pixels (..., 2) of an image of a size as u and v."""
    u = (pixels[..., 0] + 0.5) / size[0]
    v = 1 - (pixels[..., 1] + 0.5) / size[1]
    return np.stack((u, v), axis=-1)


def _write_exr(path: Path, uv: Map, border: tuple[int, int]) -> None:
    try:
        import OpenEXR  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingDependencyError(
            "STMaps need the OpenEXR library", where=str(path), fix="Install it: pip install OpenEXR"
        ) from error
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "comments": f"STMap; the pinhole image has {border[0]} and {border[1]} pixels more on each side",
    }
    channels = {
        "R": np.ascontiguousarray(uv[..., 0]),
        "G": np.ascontiguousarray(uv[..., 1]),
        "B": np.zeros(uv.shape[:2], dtype=np.float32),
    }
    with whole_file(path) as partial, OpenEXR.File(header, channels) as file:
        try:
            file.write(str(partial))
        except RuntimeError as error:
            raise OSError(str(error)) from error


RIG_FORMAT = Format(
    "stmap",
    "STMaps (EXR), which undo and redo the lens in a compositor: a folder",
    folder=True,
    write=write,
    write_as=lambda options: partial(write, overscan=options.overscan),
)
