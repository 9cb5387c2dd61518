"""Put pictures together: labels, tiles of one size, sheets of rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.shading import Colour

Image = NDArray[np.uint8]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER: Colour = (24, 25, 28)
_INK: Colour = (238, 238, 232)
_FAINT: Colour = (120, 122, 128)


def label(image: Image, lines: Sequence[str], *, bottom: bool = False, colour: Colour = _INK) -> Image:
    """Burn lines of text into the top (or bottom) left of an image, on a darkened strip.

    The letters scale with the image, so that a label can be read in a movie and in a contact sheet.

    Args:
        image: (H, W, 3) uint8 RGB.
        lines: of text; characters outside ASCII may come out as question marks.
        bottom: whether to write at the bottom.
        colour: RGB.

    Returns:
        a new image.
    """
    result = image.copy()
    if not lines:
        return result
    height, width = image.shape[:2]
    scale, thickness = _font_for(lines, width, height)
    step = round(34 * scale)
    sizes = [cv2.getTextSize(line, _FONT, scale, thickness)[0][0] for line in lines]
    box_height, box_width = step * len(lines) + round(14 * scale), max(sizes) + round(26 * scale)
    top = height - box_height if bottom else 0
    strip = result[max(top, 0) : top + box_height, :box_width]
    strip[:] = (strip * 0.35).astype(np.uint8)
    for k, line in enumerate(lines):
        origin = (round(12 * scale), top + step * (k + 1) - round(4 * scale))
        cv2.putText(result, line, origin, _FONT, scale, colour, thickness, cv2.LINE_AA)
    return result


def _font_for(lines: Sequence[str], width: int, height: int) -> tuple[float, int]:
    """The font's scale and thickness: 1/32 of the shorter side, less where a line would not fit."""
    scale = max(0.38, min(width, height) / 32.0 / 22.0)
    thickness = max(1, round(1.6 * scale))
    longest = max(cv2.getTextSize(line, _FONT, scale, thickness)[0][0] for line in lines)
    return scale * min(1.0, 0.92 * width / max(longest, 1)), thickness


def empty_tile(size: tuple[int, int], lines: Sequence[str]) -> Image:
    """A dark tile (width, height) that says, in its middle, why there is no picture."""
    width, height = size
    tile = np.full((height, width, 3), _PAPER, np.uint8)
    cv2.line(tile, (0, 0), (width - 1, height - 1), (40, 42, 46), 1, cv2.LINE_AA)
    cv2.line(tile, (0, height - 1), (width - 1, 0), (40, 42, 46), 1, cv2.LINE_AA)
    if not lines:
        return tile
    scale, thickness = _font_for(lines, width, height)
    for k, line in enumerate(lines):
        text_width = cv2.getTextSize(line, _FONT, scale, thickness)[0][0]
        y = height // 2 + round(36 * scale * (k - (len(lines) - 1) / 2.0))
        cv2.putText(tile, line, ((width - text_width) // 2, y), _FONT, scale, _FAINT, thickness, cv2.LINE_AA)
    return tile


def fit_tile(image: Image, size: tuple[int, int]) -> Image:
    """Scale an image into (width, height), keeping its proportions, on dark paper."""
    width, height = size
    factor = min(width / image.shape[1], height / image.shape[0])
    inner = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    scaled = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR)
    tile = np.full((height, width, 3), _PAPER, np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    tile[top : top + inner[1], left : left + inner[0]] = scaled
    return tile


def beside(images: Sequence[Image]) -> Image:
    """Images of one height, side by side."""
    return np.concatenate(list(images), axis=1)


def wall(images: Sequence[Image], columns: int, labels: Sequence[str] = (), gap: int = 2) -> Image:
    """Pictures in rows of ``columns``, each with its label; all are brought to the size of the first.

    Args:
        images: at least one (H, W, 3).
        columns: pictures in a row.
        labels: one for each picture, or none at all.
        gap: between pictures, pixels.

    Returns:
        the sheet.
    """
    size = (images[0].shape[1], images[0].shape[0])
    tiles = [image if image.shape == images[0].shape else fit_tile(image, size) for image in images]
    if labels:
        tiles = [label(tile, [text]) if text else tile for tile, text in zip(tiles, labels, strict=True)]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (size[1] + gap) + gap, columns * (size[0] + gap) + gap, 3), _PAPER, np.uint8)
    for k, tile in enumerate(tiles):
        top = gap + (k // columns) * (size[1] + gap)
        left = gap + (k % columns) * (size[0] + gap)
        sheet[top : top + size[1], left : left + size[0]] = tile
    return sheet
