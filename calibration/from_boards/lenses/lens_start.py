"""A first guess of a lens from images of a board, good enough for the adjustment to go on from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import CAMERA_SIZE, LENS_SIZE
from calibration.from_boards.adjustment.bundle import Options, adjust
from calibration.from_boards.adjustment.poses import poses_in_camera

Array = NDArray[np.float64]

# First guesses of the focal length as a share of the longer side: wide, normal, long.
_FOCAL_GUESSES = (0.7, 1.5, 4.0)
_FISHEYE_GUESSES = (0.2, 0.33, 0.6, 1.2)
_IMAGES = 25
_FISHEYE_IMAGES = 12
_FISHEYE_STEPS = 15
# Focal lengths, as shares of the longer side, that no lens has.
_ABSURD = (0.1, 50.0)
# The number of OpenCV's threads is one for the whole process.
_ALONE = threading.Lock()


def guess_lens(size: tuple[int, int], pixels: Array, points: Array, *, fisheye: bool) -> Array | None:
    """Focal lengths and k1 (LENS_SIZE,) from a spread of images; None where they do not tell.

    Several starts are tried, since far views hide the focal length.

    Args:
        size: (width, height) in pixels.
        pixels: (M, N, 2) corners, NaN where one is not seen.
        points: (N, 3) board points in metres.
        fisheye: whether the lens is a fisheye.
    """
    count = min(len(pixels), _FISHEYE_IMAGES if fisheye else _IMAGES)
    chosen = pixels[np.linspace(0, len(pixels) - 1, count).astype(int)]
    guesses = _FISHEYE_GUESSES if fisheye else _FOCAL_GUESSES
    tried = [
        (_fisheye if fisheye else _perspective)(_start(size, share), size, chosen, points)
        for share in guesses
    ]
    sane = [(rms, lens) for rms, lens in tried if np.isfinite(rms) and _is_sane(lens[0] / max(size))]
    return min(sane, key=lambda one: one[0])[1] if sane else None


def _is_sane(share: float) -> bool:
    return _ABSURD[0] < share < _ABSURD[1]


def _start(size: tuple[int, int], share: float) -> Array:
    """A lens of a focal length as a share of the longer side."""
    lens = np.zeros(LENS_SIZE)
    lens[:2] = share * max(size)
    lens[2:4] = (np.array(size) - 1) / 2
    return lens


def _perspective(lens: Array, size: tuple[int, int], pixels: Array, points: Array) -> tuple[float, Array]:
    """The RMS in pixels, and the lens refined in focal length and k1."""
    present = [np.isfinite(corners).all(axis=-1) for corners in pixels]
    seen = [corners[mask].astype(np.float32) for corners, mask in zip(pixels, present, strict=True)]
    flat = [points[mask].astype(np.float32) for mask in present]
    flags = (
        cv2.CALIB_USE_INTRINSIC_GUESS
        | cv2.CALIB_FIX_ASPECT_RATIO
        | cv2.CALIB_FIX_PRINCIPAL_POINT
        | cv2.CALIB_ZERO_TANGENT_DIST
        | cv2.CALIB_FIX_K2
        | cv2.CALIB_FIX_K3
    )
    K = np.array([[lens[0], 0, lens[2]], [0, lens[1], lens[3]], [0, 0, 1.0]])
    with _one_thread():
        rms, K, bent, _, _ = cv2.calibrateCamera(flat, seen, size, K, np.zeros(5), flags=flags)
    found = lens.copy()
    found[[0, 1, 4]] = K[0, 0], K[1, 1], bent.ravel()[0]
    return float(rms), found


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV without threads of its own: they sum in any order, and the last bits would differ each time."""
    with _ALONE:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(threads)


def _fisheye(lens: Array, size: tuple[int, int], pixels: Array, points: Array) -> tuple[float, Array]:
    """The RMS in pixels, and the lens refined in focal length and k1."""
    placed = poses_in_camera(lens, True, pixels, points)
    free = np.zeros((1, CAMERA_SIZE), dtype=bool)
    free[:, [0, 1, 4]] = True
    options = Options(robust_px=0.01 * max(size), max_iterations=_FISHEYE_STEPS, tolerance=1e-3)
    found = adjust(placed.state, placed.images, points, free, None, options)
    return float(np.median(found.rms)), found.state.lens[0]
