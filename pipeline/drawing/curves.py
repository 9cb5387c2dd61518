"""Plots of curves, drawn with what the package has anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.landmarks import SHIFT, fixed_point
from pipeline.drawing.shading import Colour

Image = NDArray[np.uint8]
Float = NDArray[np.float64]
Curve = tuple[Float, Float]

SIZE = (900, 640)
LEFT, RIGHT, TOP, BOTTOM = 80, 30, 50, 70
PAPER: Colour = (250, 250, 248)
INK: Colour = (40, 42, 46)
GRID: Colour = (222, 222, 218)
COLOURS: tuple[Colour, ...] = (
    (0, 0, 0), (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
    (140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207),
)  # fmt: skip
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Axes:
    """What a plot shows.

    Attributes:
        title, x, y: texts.
        x_most, y_most: where the axes end; both begin at 0.
        diagonal: draw the line from corner to corner.
    """

    title: str
    x: str
    y: str
    x_most: float
    y_most: float
    diagonal: bool = False


def plot(curves: Mapping[str, Curve], axes: Axes) -> Image:
    """Curves with a legend, in the order given; the first is the boldest.

    Args:
        curves: name to x (K,) and y (K,).
        axes: texts and limits.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image = np.full((SIZE[1], SIZE[0], 3), PAPER, np.uint8)
    _grid(image, axes)
    if axes.diagonal:
        ends = np.array([[0.0, 0.0], [axes.x_most, axes.y_most]])
        _line(image, _place(ends[:, 0], ends[:, 1], axes), (170, 170, 170), 1)
    for k, (name, (x, y)) in enumerate(curves.items()):
        colour, width = COLOURS[k % len(COLOURS)], 3 if k == 0 else 2
        _line(image, _place(x, y, axes), colour, width)
        row = SIZE[1] - BOTTOM - 20 - 24 * (len(curves) - 1 - k)
        cv2.line(image, (SIZE[0] - 250, row - 5), (SIZE[0] - 220, row - 5), colour, width, cv2.LINE_AA)
        _text(image, name, (SIZE[0] - 212, row))
    return image


def _place(x: Float, y: Float, axes: Axes) -> Float:
    """Pixels (K, 2) of values, held inside the frame."""
    width, height = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM
    across = np.clip(np.asarray(x, dtype=np.float64) / axes.x_most, 0, 1)
    up = np.clip(np.asarray(y, dtype=np.float64) / axes.y_most, 0, 1)
    return np.stack([LEFT + width * across, SIZE[1] - BOTTOM - height * up], axis=-1)


def _grid(image: Image, axes: Axes) -> None:
    for share in np.linspace(0, 1, 11):
        x, y = share * axes.x_most, share * axes.y_most
        column = _place(np.array([x, x]), np.array([0, axes.y_most]), axes)
        row = _place(np.array([0, axes.x_most]), np.array([y, y]), axes)
        _line(image, column, GRID, 1)
        _line(image, row, GRID, 1)
        _text(image, f"{x:g}", (int(column[0, 0]) - 12, SIZE[1] - BOTTOM + 22))
        _text(image, f"{y:g}", (LEFT - 48, int(row[0, 1]) + 5))
    _text(image, axes.title, (LEFT, TOP - 18), 0.65)
    _text(image, axes.x, (LEFT + 200, SIZE[1] - 20))
    _text(image, axes.y, (8, TOP - 18))


def _line(image: Image, pixels: Float, colour: Colour, width: int) -> None:
    cv2.polylines(image, [fixed_point(pixels)], False, colour, width, cv2.LINE_AA, SHIFT)


def _text(image: Image, text: str, where: tuple[int, int], scale: float = 0.5) -> None:
    cv2.putText(image, text, where, _FONT, scale, INK, 1, cv2.LINE_AA)
