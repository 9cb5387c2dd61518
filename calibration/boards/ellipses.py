"""Where the middles of discs on a plane are in an image.

The image of a disc is a blob whose middle is not the image of the disc's middle: perspective and the lens
shift it, by some tenths of a pixel for large discs that are seen askew. The shift follows from how the
plane maps to the image, which the discs themselves tell.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_ROUNDS = 2
_RIM = 64


def disc_centres(image: Image, plane: Array, found: Array, radius: float, apart: float) -> Array:
    """The images (N, 2) of the middles of dark discs, in pixels.

    Args:
        image: (H, W) grey image.
        plane: (N, 2) middles of the discs on their plane, in metres.
        found: (N, 2) where about they are, in pixels.
        radius: of the discs in metres.
        apart: metres between the middles of nearest neighbours.
    """
    reach = min(1.5, apart / (2 * radius))
    blobs = found
    for _ in range(_ROUNDS):
        view = _View(plane, blobs)
        blobs = np.stack(
            [
                _blob_middle(image, middle, rim, reach)
                for middle, rim in zip(blobs, view.rims(radius), strict=True)
            ]
        )
    middles = blobs
    for _ in range(_ROUNDS):
        view = _View(plane, middles)
        middles = blobs - (_polygon_middles(view.rims(radius)) - view(plane))
    return middles


class _View:
    """A smooth map from the plane (N, 2) to the image: a homography, and a polynomial for the lens."""

    def __init__(self, plane: Array, pixels: Array) -> None:
        self._plane = plane
        # Of degree five, which follows a wide lens, where there are twice as many points as terms.
        self._degree = 5 if len(plane) >= 42 else 3
        self._size = np.abs(plane).max()
        homography, _ = cv2.findHomography(plane / self._size, pixels)
        self._homography = np.eye(3) if homography is None else homography
        left = pixels - self._flat(plane)
        self._bend = np.linalg.lstsq(self._terms(plane), left, rcond=None)[0]

    def __call__(self, points: Array) -> Array:
        return self._flat(points) + self._terms(points) @ self._bend

    def rims(self, radius: float) -> Array:
        """The outlines (N, 64, 2) in the image of discs around the points."""
        turn = np.linspace(0, 2 * np.pi, _RIM, endpoint=False)
        rim = self._plane[:, None] + radius * np.stack((np.cos(turn), np.sin(turn)), axis=-1)
        return self(rim.reshape(-1, 2)).reshape(rim.shape)

    def _flat(self, points: Array) -> Array:
        mapped = cv2.perspectiveTransform(points[None] / self._size, self._homography)[0]
        return np.asarray(mapped, dtype=np.float64)

    def _terms(self, points: Array) -> Array:
        x, y = (points / self._size).T
        powers = range(self._degree + 1)
        return np.stack([x**i * y**j for i in powers for j in powers if i + j <= self._degree], axis=-1)


def _polygon_middles(polygons: Array) -> Array:
    """The centres of area (N, 2) of polygons (N, K, 2)."""
    start = polygons.mean(axis=1, keepdims=True)
    here = polygons - start
    after = np.roll(here, -1, axis=1)
    cross = here[..., 0] * after[..., 1] - after[..., 0] * here[..., 1]
    moment = ((here + after) * cross[..., None]).sum(axis=1)
    return np.asarray(start[:, 0] + moment / (3 * cross.sum(axis=1)[:, None]))


def _blob_middle(image: Image, middle: Array, rim: Array, reach: float) -> Array:
    """The centre of darkness (2,) of a blob of about the outline `rim` (K, 2); `middle` if there is none."""
    rim = rim - rim.mean(axis=0)
    outline = np.ascontiguousarray(middle + reach * rim)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, image.shape[::-1])
    if (high - low < 2).any():
        return middle
    patch = image[low[1] : high[1], low[0] : high[0]].astype(np.float64)
    x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    # Distance from the middle in units of the outline's: below 1 inside the disc.
    to_unit = np.linalg.inv(np.linalg.cholesky(2 * rim.T @ rim / len(rim)))
    away = np.linalg.norm((np.stack((x, y), axis=-1) - middle) @ to_unit.T, axis=-1)
    inside, around = away < 0.6, (away > 0.5 * (1 + reach)) & (away <= reach)
    if not inside.any() or not around.any():
        return middle
    dark, light = np.median(patch[inside]), np.median(patch[around])
    if light <= dark:
        return middle
    weight = np.clip((light - patch) / (light - dark), 0, 1) * (away <= reach)
    return np.asarray(np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum())
