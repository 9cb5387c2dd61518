"""Text in pictures that people read, in one font, wrapped to a width."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from pipeline.drawing.curves import INK
from pipeline.drawing.shading import Colour

Image = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LEADING = 1.35


@cache
def font(size: int) -> Font:
    """The font that comes with Pillow, in pixels."""
    return ImageFont.load_default(size)


def text_width(text: str, size: int) -> float:
    """Width in pixels of a line."""
    return float(font(size).getlength(text))


def wrapped(text: str, size: int, width: float) -> list[str]:
    """The text as lines no wider than so many pixels; a word that is wider has a line of its own."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def write(
    image: Image,
    text: str,
    where: tuple[float, float],
    size: int = 18,
    colour: Colour = INK,
    anchor: str = "la",
) -> None:
    """One line into an image (H, W, 3), changed in place; `anchor` as of :meth:`Writer.line`.

    Touches the part about the line only: for single words on a picture that goes on being drawn.
    """
    across, down = round(text_width(text, size)) + size, 2 * size
    left, top = max(round(where[0]) - across, 0), max(round(where[1]) - down, 0)
    part = image[top : max(round(where[1]) + down, 0), left : max(round(where[0]) + across, 0)]
    if part.size:
        writer = Writer(part)
        writer.line(text, (where[0] - left, where[1] - top), size, colour, anchor)
        writer.done()


class Writer:
    """Writes into an image (H, W, 3) uint8 RGB, changed in place by :meth:`done`."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._picture = Pictures.fromarray(image)
        self._draw = ImageDraw.Draw(self._picture)

    def line(
        self, text: str, where: tuple[float, float], size: int = 18, colour: Colour = INK, anchor: str = "la"
    ) -> None:
        """One line; `anchor` is Pillow's: "la" is the top left, "mm" the middle, "ra" the top right."""
        self._draw.text(where, text, fill=colour, font=font(size), anchor=anchor)

    def paragraph(
        self, text: str, where: tuple[float, float], width: float, size: int = 18, colour: Colour = INK
    ) -> float:
        """Wrapped text with its top left at a place; returns where the next one begins, in y."""
        x, y = where
        for line in wrapped(text, size, width):
            self.line(line, (x, y), size, colour)
            y += _LEADING * size
        return y

    def done(self) -> None:
        """Put what was written into the image."""
        self._image[:] = np.asarray(self._picture)
