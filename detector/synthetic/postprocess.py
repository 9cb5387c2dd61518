"""What the lens and the camera do to a picture: defocus, motion, grain, vignetting, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats, Pixels

Image = NDArray[np.float32]


def develop(image: Pixels, depth: Floats, focus: float, rng: np.random.Generator) -> Pixels:
    """A rendered picture as a camera would have delivered it.

    Args:
        image: (H, W, 3) uint8 sRGB. depth: (H, W) metres, 0 for the backdrop.
        focus: distance in metres that is in focus.
        rng: the source of chance.
    """
    picture = image.astype(np.float32)
    picture = _contrast(picture, rng)
    if rng.random() < 0.4:
        picture = _look(picture, rng)
    if rng.random() < 0.2:
        picture = _defocus(picture, depth, focus, rng)
    choice = rng.random()
    if choice < 0.16:
        picture = cv2.GaussianBlur(picture, (0, 0), float(np.exp(rng.uniform(np.log(0.35), np.log(1.6)))))
    elif choice < 0.21:
        picture = _motion(picture, rng)
    elif choice < 0.45:
        picture = _resampled(picture, rng)
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        picture = picture + rng.uniform(0.1, 0.8) * (picture - soft)
    if rng.random() < 0.2:
        glow = cv2.GaussianBlur(picture, (0, 0), picture.shape[0] * rng.uniform(0.01, 0.05))
        picture = np.maximum(picture, picture + rng.uniform(0.05, 0.3) * (glow - 0.5 * picture))
    if rng.random() < 0.4:
        picture = _vignette(picture, rng)
    if rng.random() < 0.15:
        picture = _fringe(picture, rng)
    if rng.random() < 0.08:
        grey = picture @ np.array([0.30, 0.59, 0.11], np.float32)
        picture = np.repeat(grey[..., None], 3, axis=2)
    if rng.random() < 0.6:
        picture = _grain(picture, rng)
        if rng.random() < 0.25:
            picture = _denoised(picture, rng)
    result: Pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return _compress(result, rng) if rng.random() < 0.7 else result


def _contrast(picture: Image, rng: np.random.Generator) -> Image:
    """Photographs are punchier than linear light: a slope, a black point, paler colours."""
    grey = picture.mean(axis=-1, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.6, 1.1)
    middle = float(np.median(picture))
    slope = float(np.exp(rng.normal(0.16, 0.16)))
    black = rng.uniform(0.0, 14.0) if rng.random() < 0.4 else 0.0
    return np.asarray(np.clip(middle + (picture - middle) * slope - black, 0.0, 255.0))


def _look(picture: Image, rng: np.random.Generator) -> Image:
    """The colours of a film, a phone or a filter: a curve per channel, and tints of shadows and lights."""
    unit = np.clip(picture / 255.0, 0.0, 1.0)
    curved = unit ** np.exp(rng.normal(0.0, 0.10) + rng.normal(0.0, 0.035, 3)).astype(np.float32)
    bend = rng.uniform(-0.25, 0.6)
    curved = curved + bend * (curved * curved * (3.0 - 2.0 * curved) - curved)
    shadows, lights = rng.normal(0.0, 0.02, (2, 3))
    tinted = curved + shadows * (1.0 - curved) ** 2 + lights * curved**2
    low, high = max(0.0, rng.normal(0.0, 0.05)), 1.0 - max(0.0, rng.normal(0.0, 0.04))
    return np.asarray(np.clip(low + (high - low) * tinted, 0.0, 1.0) * 255.0, np.float32)


def _denoised(picture: Image, rng: np.random.Generator) -> Image:
    """What a phone makes of noise: patches of even colour between edges."""
    picture = np.clip(picture, 0.0, 255.0)
    return np.asarray(cv2.bilateralFilter(picture, 5, float(rng.uniform(12.0, 45.0)), 2.0), np.float32)


def _defocus(picture: Image, depth: Floats, focus: float, rng: np.random.Generator) -> Image:
    """Blur by layers of depth; the backdrop is far behind."""
    strength = rng.uniform(0.5, 3.0) * picture.shape[0] / 288
    # Circle of confusion ~ |1 / focus - 1 / depth|; a head's own depth at 1 m spans about 0.1 dioptres.
    distance = np.where(depth > 0, depth, 12.0)
    blur = np.abs(1.0 / focus - 1.0 / distance) * focus * 6.0 * strength
    wide = cv2.GaussianBlur(picture, (0, 0), strength)
    amount = cv2.GaussianBlur(np.clip(blur / strength, 0.0, 1.0).astype(np.float32), (0, 0), 1.0)[..., None]
    return np.asarray(picture * (1 - amount) + wide * amount)


def _resampled(picture: Image, rng: np.random.Generator) -> Image:
    """A small face enlarged: detail is gone, edges are soft or blocky."""
    side = picture.shape[0]
    small = max(24, round(side * float(np.exp(rng.uniform(np.log(0.3), np.log(0.95))))))
    low = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(low, (side, side), interpolation=way))


def _motion(picture: Image, rng: np.random.Generator) -> Image:
    length = int(rng.integers(2, 8))
    kernel = np.zeros((2 * length + 1,) * 2, np.float32)
    offset = rng.normal(size=2)
    offset *= length / np.linalg.norm(offset)
    ends = [(round(float(length + s * offset[0])), round(float(length + s * offset[1]))) for s in (-0.5, 0.5)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()))


def _vignette(picture: Image, rng: np.random.Generator) -> Image:
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    centre = np.array([width, height]) * rng.uniform(0.2, 0.8, 2)
    radius = np.hypot(x - centre[0], y - centre[1]) / max(height, width)
    return np.asarray(picture * (1.0 - rng.uniform(0.0, 0.5) * radius**2)[..., None], np.float32)


def _fringe(picture: Image, rng: np.random.Generator) -> Image:
    """Lateral colour: red and blue are magnified a little differently."""
    height, width = picture.shape[:2]
    result = picture.copy()
    for channel in (0, 2):
        scale = 1.0 + rng.normal(0.0, 0.002)
        matrix = np.array([[scale, 0, (1 - scale) * width / 2], [0, scale, (1 - scale) * height / 2]])
        result[..., channel] = cv2.warpAffine(
            picture[..., channel], matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
    return result


def _grain(picture: Image, rng: np.random.Generator) -> Image:
    scale = float(np.exp(rng.uniform(np.log(0.5), np.log(7.0))))
    grain = rng.standard_normal(picture.shape, np.float32) * scale
    if rng.random() < 0.4:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.7) * 1.8
    dark = 1.3 - 0.8 * picture / 255.0
    return np.asarray(picture + grain * dark)


def _compress(image: Pixels, rng: np.random.Generator) -> Pixels:
    quality = int(rng.integers(35, 96))
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
