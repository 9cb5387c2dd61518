"""Finding the head in an image: the network itself on windows of several sizes (W22 section 3.3).

The least uncertain window wins, if the landmarks that it shows frame themselves as it does: a network can
be sure of nonsense on a background, but the nonsense does not then agree with its window.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.predictor import Image, Prediction, Predictor


@dataclass(frozen=True)
class SearchOptions:
    """How to look for a head.

    Attributes:
        largest, smallest: sides of the windows, in long sides of the image.
        step: factor between sizes.
        stride: distance of neighbouring windows, in their sides.
        candidates: windows of a size that are refined.
        refinements: times that a window is cut anew about its own landmarks.
        most_uncertain: a head must be surer than this (geometric mean of sigma, half sides of the region).
        most_drift: and must reproduce its region this well (see :meth:`Prediction.drift`).
        working_size: the image is first reduced to this long side, pixels.
    """

    largest: float = 1.0
    smallest: float = 0.16
    step: float = 1.75
    stride: float = 0.4
    candidates: int = 3
    refinements: int = 3
    most_uncertain: float = 0.10
    most_drift: float = 0.15
    working_size: int = 1024


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to.

    Attributes:
        region: (3,) float32 cx, cy, size in pixels, or None when there is no face.
        uncertainty: of the best window, after refinement.
        reason: why there is none, in words; empty when there is one.
    """

    region: NDArray[np.float32] | None
    uncertainty: float
    reason: str = ""


def search(predictor: Predictor, image: Image, options: SearchOptions | None = None) -> Found:
    """Find the head of which the network is surest.

    Sizes are tried from large to small; the first at which a refined window is sure and consistent ends
    the search.

    Args:
        predictor: of any layout.
        image: (H, W, 3) uint8 RGB.
        options: how to look.
    """
    options = options or SearchOptions()
    reduced, factor = _reduce(image, options.working_size)
    best = float("inf")
    drift = float("inf")
    for side in window_sizes(reduced.shape, options):
        refined = _best_of(predictor, reduced, windows(reduced.shape, side, options), options)
        good = acceptable(refined, options)
        order = int(np.argmin(np.where(good, refined.uncertainty, refined.uncertainty + 1e3)))
        if good[order]:
            region = refined.next_region[order].copy()
            region[:2] = (region[:2] + 0.5) * factor - 0.5
            region[2] *= factor
            return Found(region, float(refined.uncertainty[order]))
        if refined.uncertainty[order] < best:
            best, drift = float(refined.uncertainty[order]), float(refined.drift()[order])
    if best > options.most_uncertain:
        reason = f"no window is sure enough: uncertainty {best:.3f}, at most {options.most_uncertain:g}"
    else:
        reason = f"no window agrees with its own landmarks: drift {drift:.2f}, at most {options.most_drift:g}"
    return Found(None, best, reason)


def acceptable(prediction: Prediction, options: SearchOptions) -> NDArray[np.bool_]:
    """Which predictions (N,) show a head: sure, and framed as they say."""
    sure = prediction.uncertainty <= options.most_uncertain
    return np.asarray(sure & (prediction.drift() <= options.most_drift))


def window_sizes(shape: tuple[int, ...], options: SearchOptions) -> list[float]:
    """Sides of the windows in pixels, largest first."""
    long = float(max(shape[:2]))
    count = int(np.floor(np.log(options.largest / options.smallest) / np.log(options.step) + 1e-9)) + 1
    return [long * options.largest / options.step**i for i in range(count)]


def windows(shape: tuple[int, ...], side: float, options: SearchOptions) -> NDArray[np.float32]:
    """Windows (N, 3) of one size that cover an image; those at the border are centred half a side inside."""
    axes = []
    for extent in (shape[1], shape[0]):
        # a head may be cut by the border: centres start a quarter of a window inside, not half of one
        low, high = min(side / 4, extent / 2), max(extent - side / 4, extent / 2)
        count = int(np.ceil((high - low) / (options.stride * side))) + 1
        axes.append(np.linspace(low, high, count) if count > 1 else np.array([extent / 2]))
    x, y = np.meshgrid(*axes)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, side)], axis=1).astype(np.float32)


def _best_of(
    predictor: Predictor, image: Image, regions: NDArray[np.float32], options: SearchOptions
) -> Prediction:
    """The surest windows, cut anew about their own landmarks a few times."""
    found = predictor.predict_windows(image, regions)
    found = found.select(np.argsort(found.uncertainty)[: options.candidates])
    for _ in range(options.refinements):
        found = predictor.predict_windows(image, _sane(found.next_region, image.shape))
    return found


def _sane(regions: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Regions whose centre is in the image and whose size is neither nothing nor everything."""
    height, width = shape[:2]
    low, high = np.array([0, 0, 16]), np.array([width, height, 3 * max(height, width)])
    return np.clip(np.nan_to_num(regions), low, high).astype(np.float32)


def _reduce(image: Image, size: int) -> tuple[Image, float]:
    """The image with at most this long side, and how many of its pixels are one of the reduced."""
    height, width = image.shape[:2]
    factor = max(height, width) / size
    if factor <= 1:
        return image, 1.0
    small = cv2.resize(image, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), width / small.shape[1]
