"""Epipolar lines on the images of two cameras, and how well each two cameras of a rig fit, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.epipolar import epipolar_curve
from pipeline.drawing.curves import COLOURS, PAPER
from pipeline.drawing.landmarks import SHIFT, fixed_point
from pipeline.drawing.shading import Colour
from pipeline.drawing.tiles import fit_tile, label
from pipeline.drawing.words import text_width, write

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

_TILE = (640, 640)
_ROOM = 2.4
_WASH = 0.45
_TITLE, _TEXT = 17, 13
_GOOD_PX, _BAD_PX = 1.0, 30.0
_CELL = 30
_MOST_NUMBERS = 24


@dataclass(frozen=True, eq=False)
class View:
    """What one camera saw.

    Attributes:
        image: (H, W, 3) uint8 RGB, or None where there is none at hand.
        camera: that took it.
        pixels: (K, 2) the same landmarks as of the other view, distorted pixels.
    """

    image: Image | None
    camera: Camera
    pixels: Float


def draw_pair(first: View, second: View, title: str) -> Image:
    """Two views side by side: landmarks, and the lines on which the other camera says that they are.

    Args:
        first, second: views of the same K landmarks, a few, so that their lines can be told apart.
        title: burnt in.
    """
    tiles = [_tile(first, second), _tile(second, first)]
    height = max(tile.shape[0] for tile in tiles)
    sheet = np.concatenate([fit_tile(tile, (tile.shape[1], height)) for tile in tiles], axis=1)
    return label(sheet, [title])


def _tile(view: View, other: View) -> Image:
    width, height = view.camera.size
    image = np.full((height, width, 3), PAPER, np.uint8) if view.image is None else view.image
    faded = (_WASH * 255 + (1 - _WASH) * image).astype(np.uint8)
    left, top, side = _window(view.pixels, (width, height))
    cut = faded[top : top + side, left : left + side]
    factor = _TILE[0] / max(cut.shape[:2])
    result = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)

    def shown(pixels: Float) -> Float:
        return np.asarray((pixels - (left, top) + 0.5) * factor - 0.5)

    inside = False
    for k, pixel in enumerate(view.pixels):
        colour = COLOURS[1 + k % (len(COLOURS) - 1)]
        curve = shown(epipolar_curve(other.pixels[k], other.camera, view.camera))
        if len(curve):
            cv2.polylines(result, [fixed_point(curve)], False, colour, 1, cv2.LINE_AA, SHIFT)
            inside |= bool(((curve >= 0) & (curve < max(result.shape))).all(axis=1).any())
        _dot(result, shown(pixel[None])[0], colour)
    name = view.camera.name if inside else f"{view.camera.name}: the lines are outside of this cut"
    return label(np.asarray(fit_tile(result, _TILE)), [name], bottom=True)


def _dot(image: Image, place: Float, colour: Colour) -> None:
    x, y = fixed_point(place).tolist()
    cv2.circle(image, (x, y), 6 << SHIFT, (255, 255, 255), cv2.FILLED, cv2.LINE_AA, SHIFT)
    cv2.circle(image, (x, y), 4 << SHIFT, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)


def _window(pixels: Float, size: tuple[int, int]) -> tuple[int, int, int]:
    """Left, top and side of a square about the landmarks, within the image as far as it goes."""
    low, high = pixels.min(0), pixels.max(0)
    side = min(float(_ROOM * (high - low).max()), float(max(size)))
    corner = np.clip((low + high) / 2 - side / 2, 0, np.maximum(np.array(size) - side, 0))
    return round(float(corner[0])), round(float(corner[1])), max(1, round(side))


def draw_table(table: Float, names: Sequence[str], title: str) -> Image:
    """Median epipolar distances (C, C) in pixels, NaN where two cameras have nothing in common.

    White is a pixel or less, red 30 and more, on a logarithmic scale.
    """
    names = [name if len(name) <= 14 else f"{name[:12]}.." for name in names]
    numbers = len(names) <= _MOST_NUMBERS
    width = round(max(text_width(name, _TITLE) for name in names)) + 16
    cell = (max(width, 56), _CELL) if numbers else (18, 18)
    left, top = width + 12, 76 if numbers else 52
    size = (
        max(left + cell[0] * len(names) + 16, round(text_width(title, _TITLE)) + 60),
        top + cell[1] * len(names) + 16,
    )
    image = np.full((size[1], size[0], 3), PAPER, np.uint8)
    write(image, title, (16, 30), _TITLE, anchor="ls")
    for row, name in enumerate(names):
        base = top + cell[1] * row
        write(image, name, (left - 8, base + cell[1] // 2), _TEXT, anchor="rm")
        if numbers:
            write(image, name, (left + cell[0] * row + cell[0] // 2, top - 14), _TEXT, anchor="mm")
        for column in range(len(names)):
            _cell(image, (left + cell[0] * column, base), cell, float(table[row, column]), numbers)
    return image


def _cell(image: Image, corner: tuple[int, int], size: tuple[int, int], value: float, number: bool) -> None:
    x, y = corner
    box = image[y : y + size[1] - 1, x : x + size[0] - 1]
    if not np.isfinite(value):
        box[:] = (238, 238, 236)
        return
    share = np.log(max(value, _GOOD_PX) / _GOOD_PX) / np.log(_BAD_PX / _GOOD_PX)
    share = float(np.clip(share, 0, 1))
    box[:] = np.round((1 - share) * np.array((255, 255, 255)) + share * np.array((224, 84, 70)))
    if number:
        text = f"{value:.1f}" if value < 100 else f"{value:.0f}"
        write(image, text, (x + size[0] // 2, y + size[1] // 2), _TEXT, anchor="mm")
