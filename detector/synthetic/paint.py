"""Strokes, noise and masks: what all painters of skin use. Images are (H, W) or (H, W, 3) float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from detector.synthetic.texture_maps import SkinMaps

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

FINE = 4
"""Strokes are drawn this many times finer than the texture and then averaged."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the texture, in texels: rows and columns [top, bottom) and [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, points: NDArray[np.floating], margin: float, shape: tuple[int, int]) -> Window:
        """The part of an image of this shape that holds the points (n, 2) and a margin around them."""
        low = np.floor(points.min(axis=0) - margin).astype(int)
        high = np.ceil(points.max(axis=0) + margin).astype(int) + 1
        return cls(
            int(max(low[1], 0)), int(min(high[1], shape[0])), int(max(low[0], 0)), int(min(high[0], shape[1]))
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an image with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def fine(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        """Texels (..., 2) as OpenCV's fixed-point coordinates on the fine canvas, 4 fractional bits."""
        offset = (points - (self.left, self.top) + 0.5) * FINE - 0.5
        return np.asarray(np.rint(offset * 16), np.int32)

    def canvas(self) -> NDArray[np.uint8]:
        """An empty fine canvas."""
        return np.zeros((self.shape[0] * FINE, self.shape[1] * FINE), np.uint8)

    def shrink(self, canvas: NDArray[np.uint8]) -> Floats:
        """A fine canvas as coverage in [0, 1] at the texture's resolution."""
        small = cv2.resize(canvas, self.shape[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255.0)


@lru_cache(maxsize=1)
def _grain() -> Floats:
    """White noise to cut pieces from: drawing a million numbers anew each time is slow."""
    return np.random.default_rng(7).standard_normal((1536, 1536), dtype=np.float32)


def _white(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """White noise (H, W): a random piece, mirrored at random, of a fixed sheet where it is large enough."""
    sheet = _grain()
    room = (sheet.shape[0] - shape[0], sheet.shape[1] - shape[1])
    if min(room) < 0 or shape[0] * shape[1] < 4096:
        return rng.standard_normal(shape, dtype=np.float32)
    top, left = int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))
    piece = sheet[top : top + shape[0], left : left + shape[1]]
    turns = rng.random(2) < 0.5
    return np.ascontiguousarray(piece[:: -1 if turns[0] else 1, :: -1 if turns[1] else 1])


def noise(shape: tuple[int, int], cell: float | tuple[float, float], rng: np.random.Generator) -> Floats:
    """Smooth noise (H, W) of unit variance whose bumps are `cell` texels wide (or (rows, columns))."""
    rows, columns = (cell, cell) if isinstance(cell, (int, float)) else cell
    if rows <= 1 and columns <= 1:
        return _white(shape, rng)
    grid = _white((int(shape[0] / rows) + 3, int(shape[1] / columns) + 3), rng)
    if min(rows, columns) >= 8:
        # A cubic surface this smooth may be enlarged linearly for the last step, which is quick.
        grid = cv2.resize(grid, (shape[1] // 4, shape[0] // 4), interpolation=cv2.INTER_CUBIC)
        smooth = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_LINEAR)
    else:
        smooth = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.multiply(smooth, 1.35), np.float32)


def fractal(
    shape: tuple[int, int], cells: Sequence[float], rng: np.random.Generator, fall: float = 0.6
) -> Floats:
    """Noise (H, W) of several sizes, each weaker than the one before by `fall`; about unit variance."""
    weights = fall ** np.arange(len(cells))
    weights /= np.linalg.norm(weights)
    total = noise(shape, cells[0], rng) * np.float32(weights[0])
    for cell, weight in zip(cells[1:], weights[1:], strict=True):
        total = cv2.scaleAdd(noise(shape, cell, rng), float(weight), total)
    return np.asarray(total, np.float32)


def wound(maps: SkinMaps, cells: Sequence[float], rng: np.random.Generator, fall: float = 0.6) -> Floats:
    """Noise (H, W) like :func:`fractal` with cells in millimetres, wound round the head.

    It runs on across the borders of the texture's islands, where noise in the texture would show a seam.
    """
    around, down = maps.cylinder
    sheet = fractal((int(down.max()) + 2, int(around.max()) + 2), cells, rng, fall)
    return np.asarray(
        cv2.remap(sheet, around, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32
    )


def smoothstep(value: NDArray[np.floating], low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger one."""
    t = np.clip((value - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return np.asarray(t * t * (np.float32(3.0) - np.float32(2.0) * t), np.float32)


def blur(image: Floats, sigma: float) -> Floats:
    """Gaussian blur; sigma in texels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32) if sigma > 0.2 else image


def curve(points: NDArray[np.floating], count: int, closed: bool = False) -> Array:
    """`count` points (count, d) evenly spread over a smooth curve through the given (n, d)."""
    knots = np.concatenate([points, points[:1]]) if closed else np.asarray(points)
    steps = np.maximum(np.linalg.norm(np.diff(knots, axis=0), axis=1), 1e-6)
    length = np.concatenate([[0.0], np.cumsum(np.sqrt(steps))])
    spline = CubicSpline(length, knots, bc_type="periodic" if closed else "natural")
    return np.asarray(spline(np.linspace(0.0, length[-1], count, endpoint=not closed)))


def fill(window: Window, polygon: NDArray[np.floating]) -> Floats:
    """The coverage (h, w) of a polygon (n, 2) in texels."""
    canvas = window.canvas()
    cv2.fillPoly(canvas, [window.fine(polygon)], 255, cv2.LINE_AA, 4)
    return window.shrink(canvas)


def strokes(
    window: Window, lines: NDArray[np.floating], strength: NDArray[np.floating], width: int = 1
) -> Floats:
    """The coverage (h, w) of n strokes (n, k, 2) in texels, each with a strength (n,) in [0, 1].

    Args:
        window: what is drawn on.
        lines: the strokes' points.
        strength: how much each covers.
        width: in fine texels, `FINE` of which make a texel.
    """
    canvas = window.canvas()
    fixed = window.fine(lines)
    levels = np.clip(np.rint(strength * 6), 1, 6).astype(int)
    for level in range(1, 7):
        chosen = list(fixed[levels == level])
        if chosen:
            cv2.polylines(canvas, chosen, False, int(level * 255 / 6), width, cv2.LINE_AA, 4)
    return window.shrink(canvas)


def mix(image: Floats, window: Window, colour: NDArray[np.floating], alpha: Floats) -> None:
    """Paint a colour (3,) or (h, w, 3) over a part of an image (H, W, 3), in place."""
    part = image[window.slices]
    part += (np.asarray(colour, np.float32) - part) * np.clip(alpha, 0.0, 1.0)[..., None]


def multiply(image: Floats, window: Window, factor: NDArray[np.floating], alpha: Floats) -> None:
    """Multiply a part of an image (H, W, 3) by a colour (3,) where alpha (h, w) is 1, in place."""
    part = image[window.slices]
    part *= 1.0 + (np.asarray(factor, np.float32) - 1.0) * np.clip(alpha, 0.0, 1.0)[..., None]


def whole(shape: tuple[int, int]) -> Window:
    """The whole image."""
    return Window(0, shape[0], 0, shape[1])
