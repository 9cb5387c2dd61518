"""Image files of any kind as upright 8-bit RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from calibration.errors import InputError

FAILURES = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for files that are missing, truncated, damaged or absurdly large."""

DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
UNIT_OF_DEEP = 257
"""16-bit levels per 8-bit level."""


def read_upright(path: Path) -> NDArray[np.uint8]:
    """An image (H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Grey becomes RGB, 16 bits become 8, and what is transparent is laid over black.

    Raises:
        InputError: the file is missing, truncated, or not an image.
    """
    try:
        with Image.open(path) as image:
            return np.array(_rgb(ImageOps.exif_transpose(image)))
    except FAILURES as error:
        raise InputError(f"the image cannot be read ({error})", where=str(path)) from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in DEEP_MODES:
        levels = np.asarray(image, dtype=np.float64) / UNIT_OF_DEEP
        image = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image.convert("RGB")


def stored_size_and_orientation(path: Path) -> tuple[tuple[int, int], int]:
    """Width and height before turning, and the EXIF orientation (1 to 8), from the header alone.

    Raises:
        InputError: the file is not an image.
    """
    try:
        with Image.open(path) as image:
            return image.size, int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except FAILURES as error:
        raise InputError(f"the image cannot be read ({error})", where=str(path)) from error


def turn_points(points: NDArray[np.float64], size: tuple[int, int], orientation: int) -> NDArray[np.float64]:
    """Pixels (L, 2) of the stored image of width and height ``size``, in the upright one.

    Args:
        points: x, y; pixel (0, 0) is the centre of the top-left one.
        size: width and height as stored.
        orientation: EXIF's, 1 to 8; others count as 1.
    """
    x, y = points.T
    mirrored_x, mirrored_y = size[0] - 1 - x, size[1] - 1 - y
    upright = {
        2: (mirrored_x, y),
        3: (mirrored_x, mirrored_y),
        4: (x, mirrored_y),
        5: (y, x),
        6: (mirrored_y, x),
        7: (mirrored_y, mirrored_x),
        8: (y, mirrored_x),
    }.get(orientation, (x, y))
    return np.stack(upright, axis=1)
