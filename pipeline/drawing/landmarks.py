"""Draw landmarks into photographs: dots coloured by their certainty, contours, residuals.

Images are (H, W, 3) uint8 RGB; every function returns a new image and leaves its input as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.shading import Colour

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

SHIFT = 4  # OpenCV's fixed-point bits for positions between pixels

IBUG68_LINES: tuple[tuple[int, ...], ...] = (
    tuple(range(17)),
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    tuple(range(27, 31)),
    tuple(range(31, 36)),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)


def draw_landmarks(
    image: Image,
    mean: Float,
    sigma: Float | None = None,
    *,
    lines: Sequence[Sequence[int]] = (),
    circles: bool = False,
    radius: float | None = None,
    sigma_range: tuple[float, float] | None = None,
    colour: Colour = (90, 230, 120),
) -> Image:
    """Draw landmarks as dots, green where the detector is sure and red where it is not.

    Args:
        image: (H, W, 3).
        mean: (L, 2) pixels; landmarks that are not finite are left out.
        sigma: (L,) pixels; None draws all in ``colour``.
        lines: chains of landmark indices to join, such as :data:`IBUG68_LINES`.
        circles: draw a circle of one sigma around each.
        radius: of the dots, pixels; None for one that suits the image and the count.
        sigma_range: the sigmas (pixels) that are pure green and pure red; None for 0.5 and 5 percent of the
            landmarks' extent.
        colour: RGB of dots without sigma, and of the lines.

    Returns:
        a new image.
    """
    result = image.copy()
    finite = np.asarray(np.isfinite(mean).all(axis=1))
    if not finite.any():
        return result
    extent = float(np.ptp(mean[finite], axis=0).max())
    radius = radius or max(1.0, extent / (110.0 if len(mean) <= 100 else 200.0))
    for chain in lines:
        drawn = [k for k in chain if finite[k]]
        cv2.polylines(result, [fixed_point(mean[drawn])], False, colour, 1, cv2.LINE_AA, SHIFT)
    tints = _certainty(sigma, sigma_range or (0.005 * extent, 0.05 * extent)) if sigma is not None else None
    for k in np.flatnonzero(finite):
        tint = colour if tints is None else tuple(int(c) for c in tints[k])
        if circles and sigma is not None and np.isfinite(sigma[k]):
            _circle(result, mean[k], float(sigma[k]), tint, 1)
        _circle(result, mean[k], radius, tint, cv2.FILLED)
    return result


def draw_residuals(image: Image, mean: Float, fitted: Float, colour: Colour = (255, 80, 200)) -> Image:
    """Lines from the landmarks (L, 2) to the points (L, 2) that the fit gives them, pixels."""
    result = image.copy()
    finite = np.isfinite(mean).all(axis=1) & np.isfinite(fitted).all(axis=1)
    segments = np.stack([mean, fitted], axis=1)[finite]
    cv2.polylines(
        result, [fixed_point(segment) for segment in segments], False, colour, 1, cv2.LINE_AA, SHIFT
    )
    return result


def _certainty(sigma: Float, span: tuple[float, float]) -> Float:
    """Colours (L, 3): green, yellow, red on a logarithmic scale of sigma."""
    low, high = np.log(max(span[0], 1e-6)), np.log(max(span[1], 1e-5))
    doubt = (np.log(np.maximum(sigma, 1e-6)) - low) / max(high - low, 1e-6)
    doubt = np.clip(np.nan_to_num(doubt, nan=1.0, posinf=1.0), 0.0, 1.0)
    return (
        np.stack([np.minimum(2.0 * doubt, 1.0), np.minimum(2.0 - 2.0 * doubt, 1.0), 0.25 + 0.0 * doubt], 1)
        * 235.0
    )


def _circle(image: Image, centre: Float, radius: float, colour: Sequence[int], thickness: int) -> None:
    position = fixed_point(centre)
    scaled = round(radius * (1 << SHIFT))
    cv2.circle(
        image, (int(position[0]), int(position[1])), scaled, tuple(colour), thickness, cv2.LINE_AA, SHIFT
    )


def fixed_point(points: Float) -> NDArray[np.int32]:
    """Positions (..., 2) in pixels as OpenCV's drawing functions take them with ``SHIFT``."""
    bounded = np.clip(points, -20000.0, 20000.0)  # OpenCV's fixed point overflows far outside the image
    return np.round(bounded * (1 << SHIFT)).astype(np.int32)
