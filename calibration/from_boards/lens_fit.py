"""The lens of one camera from its own images of a board, whatever the other cameras do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.from_boards.board_images import CAMERA_SIZE, LENS_SIZE
from calibration.from_boards.bundle import Prior, adjust
from calibration.from_boards.poses import poses_in_camera

Array = NDArray[np.float64]

# A first guess of the focal length as a share of the longer side: wide, normal, long.
_FOCAL_GUESSES = (0.7, 1.5, 4.0)
_GUESS_IMAGES = 25
# What the terms of the lens may plausibly do at the image's corner, as shares of the distance from the
# middle: k1, k2, p1, p2, k3. It matters only where the corners do not say better.
_PLAUSIBLE = np.array([0.10, 0.02, 0.005, 0.005, 0.01, 0.1, 0.02, 0.01])
_PRINCIPAL_SHARE = 0.05


@dataclass(frozen=True)
class LensFit:
    """What one camera's images say about its lens.

    Attributes:
        lens: (LENS_SIZE,) fx fy cx cy, coefficients.
        fisheye: whether it is a fisheye.
        R: (M, 3, 3) board to camera, for every image.
        t: (M, 3) metres.
        rms: (M,) RMS distance of the corners in pixels.
        kept: (M,) whether the image agrees with the lens and was used.
    """

    lens: Array
    fisheye: bool
    R: Array
    t: Array
    rms: Array
    kept: NDArray[np.bool_]


def fit_lens(
    name: str, size: tuple[int, int], pixels: Array, points: Array, *, minimum: int, floor_px: float
) -> LensFit:
    """Focal lengths, principal point and k1 k2 p1 p2 (k3 = 0) of one camera.

    Images whose corners fit four times worse than the typical one, and worse than `floor_px`, are left out.

    Args:
        name: the camera, for errors.
        size: (width, height) in pixels.
        pixels: (M, N, 2) corners.
        points: (N, 3) board points in metres.
        minimum: the fewest images that will do.
        floor_px: RMS in pixels below which an image is never left out.

    Raises:
        CalibrationError: if the images do not determine the lens.
    """
    lens = _first_guess(name, size, pixels, points)
    kept = np.ones(len(pixels), dtype=bool)
    while True:
        lens = _refined(lens, size, pixels[kept], points)
        placed = poses_in_camera(lens, False, pixels, points)
        rms = placed.rms
        good = rms <= max(floor_px, 4 * float(np.median(rms[kept])))
        if good.sum() < minimum:
            raise CalibrationError(
                f"the corners of {int(good.sum())} of {len(pixels)} images fit one lens, "
                f"at least {minimum} are needed",
                where=f"Camera {name}",
                fix="Check the board's corner counts and the sharpness of the images",
            )
        if not (kept & ~good).any():
            return LensFit(
                lens, False, placed.state.board_rotation, placed.state.board_translation, rms, kept
            )
        kept &= good


def lens_prior(sizes: Sequence[tuple[int, int]], lenses: Array) -> Prior:
    """Beliefs about lenses (C, 9): a principal point near the middle, a distortion that is not absurd."""
    shape = np.array(sizes, dtype=np.float64)
    mean = np.zeros((len(sizes), LENS_SIZE))
    mean[:, 2:4] = (shape - 1) / 2
    sigma = np.full(mean.shape, np.inf)
    sigma[:, 2:4] = _PRINCIPAL_SHARE * shape.max(axis=1, keepdims=True)
    radius = np.linalg.norm(shape / 2 / lenses[:, :2], axis=1, keepdims=True)
    sigma[:, 4:] = _PLAUSIBLE / radius ** np.array([2, 4, 1, 1, 6, 2, 4, 6])
    return Prior(mean, sigma)


def _first_guess(name: str, size: tuple[int, int], pixels: Array, points: Array) -> Array:
    """Focal length and k1 from a spread of images; several starts, since far views hide the focal length."""
    chosen = pixels[np.linspace(0, len(pixels) - 1, min(len(pixels), _GUESS_IMAGES)).astype(int)]
    present = np.isfinite(chosen).all(axis=-1)
    seen = [corners[mask].astype(np.float32) for corners, mask in zip(chosen, present, strict=True)]
    flat = [points[mask].astype(np.float32) for mask in present]
    flags = (
        cv2.CALIB_USE_INTRINSIC_GUESS
        | cv2.CALIB_FIX_ASPECT_RATIO
        | cv2.CALIB_FIX_PRINCIPAL_POINT
        | cv2.CALIB_ZERO_TANGENT_DIST
        | cv2.CALIB_FIX_K2
        | cv2.CALIB_FIX_K3
    )
    best, best_rms = None, np.inf
    for share in _FOCAL_GUESSES:
        focal = share * max(size)
        K = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
        rms, K, lens, _, _ = cv2.calibrateCamera(flat, seen, size, K, np.zeros(5), flags=flags)
        if np.isfinite(rms) and rms < best_rms and 0.1 < K[0, 0] / max(size) < 50:
            best, best_rms = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2], lens.ravel()[0], *[0] * 7]), rms
    if best is None:
        raise CalibrationError(
            "the images of the board do not tell the focal length",
            where=f"Camera {name}",
            fix="Check the board's corner counts, and tilt it in different directions",
        )
    return best


def _refined(lens: Array, size: tuple[int, int], pixels: Array, points: Array) -> Array:
    placed = poses_in_camera(lens, False, pixels, points)
    free = np.zeros((1, CAMERA_SIZE), dtype=bool)
    free[:, :8] = True
    state, images = placed.state, placed.images
    fitted = adjust(state, images, points, free, lens_prior([size], state.lens))
    return np.asarray(fitted.state.lens[0])
