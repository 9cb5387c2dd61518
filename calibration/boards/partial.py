"""Boards whose points have ids, so that any part of them will do: which of the points to believe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import runs_mirrored

Array = NDArray[np.float64]

MIN_POINTS = 6
"""Fewer points say too little of a camera."""

_NEIGHBOURS = 8
# A point may be off from where its neighbours put it by this share of their distance: lenses bend a little.
_TOLERANCE = 0.35


def trusted(points: Array, pixels: Array) -> Array | None:
    """The pixels (N, 2) without those that do not fit their neighbours; None if too few are left.

    Args:
        points: (N, 3) board points, z = 0.
        pixels: (N, 2) where they were found, NaN rows where not.
    """
    pixels = pixels.copy()
    while True:
        seen = np.flatnonzero(np.isfinite(pixels).all(axis=1))
        if len(seen) < MIN_POINTS or _in_line(points[seen, :2]):
            return None
        errors = _off_neighbours(points[seen, :2], pixels[seen])
        if errors.max() <= _TOLERANCE:
            return None if runs_mirrored(points, pixels) else pixels
        pixels[seen[errors.argmax()]] = np.nan


def _in_line(points: Array) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 0.05 * spread[0])


def _off_neighbours(points: Array, pixels: Array) -> Array:
    """How far each pixel (M, 2) is from where an affine map of its neighbours puts it, as a share of their
    typical distance.
    """
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    nearest = np.argsort(apart, axis=1)[:, 1 : _NEIGHBOURS + 1]
    errors = np.empty(len(points))
    for index, others in enumerate(nearest):
        design = np.column_stack((points[others] - points[index], np.ones(len(others))))
        affine = np.linalg.lstsq(design, pixels[others], rcond=None)[0]
        size = np.median(np.linalg.norm(pixels[others] - pixels[index], axis=-1))
        errors[index] = np.linalg.norm(affine[2] - pixels[index]) / max(size, 1e-9)
    return errors
