"""Decoding one image file to what the network was trained on: 8-bit sRGB, three channels.

8-bit files are taken as display-referred. 16-bit integers are scaled to 8 bits. Floating point (EXR, float
TIFF) is taken as scene-linear and brought to display by an exposure in stops and the sRGB curve. Alpha
is dropped and grey becomes RGB. The EXIF orientation is *not* applied: calibration images and shots of one
camera must share one pixel grid, and cameras disagree on what they write there.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, MissingDependencyError
from pipeline.frames.share import check_share

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".exr"})

Image = NDArray[np.uint8]

_DECODE = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_DECODE_AS_IT_IS = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION


class UnreadableImageError(InputError):
    """One image is missing, cut short or not an image; the other frames can still be used."""

    code = "image"


def read_image(path: Path, *, exposure: float = 0.0) -> Image:
    """Decode one image.

    Args:
        path: a JPEG, PNG, TIFF or EXR file.
        exposure: stops, applied to linear (floating point) images only.

    Returns:
        (H, W, 3) sRGB.

    Raises:
        UnreadableImageError: the file is missing, truncated or not an image.
        MissingDependencyError: an EXR file, and the OpenEXR library is not installed.
    """
    if path.suffix.lower() == ".exr":
        return linear_to_display(_read_exr(path), exposure)
    return decode_image(read_bytes(path), path, exposure=exposure)


def decode_image(data: bytes, path: Path, *, exposure: float = 0.0) -> Image:
    """Decode the bytes of a JPEG, PNG or TIFF file to (H, W, 3) sRGB.

    Args:
        data: all of the file.
        path: its name, whose suffix tells the format.
        exposure: stops, applied to linear (floating point) images only.

    Raises:
        UnreadableImageError: the data are truncated or not an image.
    """
    if _is_cut_short(data, path.suffix.lower()):
        raise UnreadableImageError("The image is truncated", where=str(path), fix="Copy it again")
    pixels = _decoded(data)
    if pixels is None:
        raise UnreadableImageError("The file is not a readable image", where=str(path), fix="Copy it again")
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, dtype=np.uint8)
    if pixels.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 / 257), dtype=np.uint8)
    if pixels.dtype.kind == "f":
        return linear_to_display(pixels.astype(np.float32), exposure)
    raise UnreadableImageError(
        f"The image has pixels of type {pixels.dtype}",
        where=str(path),
        fix="Save it with 8 or 16 bits per channel without sign, or in floating point",
    )


def _decoded(data: bytes) -> NDArray[np.generic] | None:
    """Pixels (H, W, 3) RGB as the file has them; None where it does not decode."""
    # the first is quicker and knows palettes; the second takes what the first cannot convert
    for how in (_DECODE, _DECODE_AS_IT_IS):
        try:
            pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), how) if data else None
        except cv2.error:
            continue
        if pixels is not None:
            channels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
            return np.ascontiguousarray(channels[..., 2::-1])
    return None


def linear_to_display(linear: NDArray[np.floating], exposure: float = 0.0) -> Image:
    """Bring scene-linear RGB to 8-bit sRGB: gain of 2^exposure, then the curve of IEC 61966-2-1."""
    light = np.nan_to_num(np.asarray(linear, dtype=np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    light = np.clip(light * np.float32(2.0**exposure), 0.0, 1.0)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.asarray(np.round(curve * 255.0), dtype=np.uint8)


def read_bytes(path: Path) -> bytes:
    """All of an image file.

    Raises:
        UnreadableImageError: it is missing or cannot be read.
        LostShareError: its folder cannot be read either.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        check_share(path, error.errno)
        if isinstance(error, FileNotFoundError):
            raise UnreadableImageError("The image does not exist", where=str(path)) from error
        raise UnreadableImageError(f"The image cannot be read ({error.strerror})", where=str(path)) from error


def _is_cut_short(data: bytes, suffix: str) -> bool:
    """Whether the end marker is absent; decoders fill the rest of a truncated JPEG with grey, silently."""
    if suffix in (".jpg", ".jpeg"):
        # Markers cannot occur inside entropy-coded data, so an end marker must follow the last scan.
        return data.rfind(b"\xff\xd9") <= data.rfind(b"\xff\xda")
    if suffix == ".png":
        return b"IEND" not in data[-4096:]
    return False


def _read_exr(path: Path) -> NDArray[np.float32]:
    try:
        import OpenEXR  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingDependencyError(
            "EXR images need the OpenEXR library",
            where=str(path),
            fix="Install it: pip install 'vultus[exr]'",
        ) from error
    try:
        with OpenEXR.File(str(path)) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items()}
    except (RuntimeError, OSError, ValueError) as error:
        read_bytes(path)  # says so if it is not there, or its share is not
        raise UnreadableImageError("The file is not a readable EXR image", where=str(path)) from error
    for name in ("RGB", "RGBA"):
        if name in channels:
            return np.asarray(channels[name][..., :3], dtype=np.float32)
    if "Y" in channels:
        return np.repeat(np.asarray(channels["Y"], dtype=np.float32)[..., None], 3, axis=2)
    raise UnreadableImageError(
        f"The EXR image has no RGB channels, only {', '.join(sorted(channels))}", where=str(path)
    )
