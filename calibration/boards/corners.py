"""Corners of black and white squares, to a fraction of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

WINDOW_SHARE = 0.33
"""The window reaches this share of a square, so that it never sees the next corner, even foreshortened."""

_WINDOW_RANGE = (2, 25)
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 60, 1e-4)


def refined_corners(image: Image, corners: Array, reach_px: float) -> Array:
    """Corners (N, 2) moved to where the edges around them meet.

    Args:
        image: (H, W) grey image.
        corners: (N, 2) pixels, nearly right.
        reach_px: how far from a corner to look, in pixels; no other edge or corner may lie there.
    """
    window = int(np.clip(reach_px, *_WINDOW_RANGE))
    start = np.ascontiguousarray(corners[:, None], dtype=np.float32)
    moved = cv2.cornerSubPix(image, start, (window, window), (-1, -1), _CRITERIA)
    return np.asarray(moved, dtype=np.float64).reshape(-1, 2)
