"""Errors on a surface as colours, with a bar that says how many millimetres each is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.mesh import Look, draw_head
from pipeline.drawing.shading import Colour
from pipeline.drawing.tiles import beside

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

NOT_SCORED: Colour = (120, 122, 128)
VIEWS = (0.0, -0.7, 0.7)
"""Yaws of the portraits, radians: from the front, and from either side."""

_SIZE = (360, 440)
_BAR_WIDTH, _MARGIN, _TICKS = 90, 30, 5
_PAPER: Colour = (30, 32, 36)
_INK: Colour = (238, 238, 232)


def error_colours(millimetres: Float, most: float) -> Float:
    """RGB (V, 3) 0..255 of errors (V,): dark blue at 0, yellow at ``most`` and beyond, grey for NaN."""
    share = np.clip(np.nan_to_num(millimetres) / most, 0, 1)
    levels = (255 * share).round().astype(np.uint8)[:, None]
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS)[:, 0, ::-1].astype(np.float64)
    return np.where(np.isfinite(millimetres)[:, None], colours, np.array(NOT_SCORED, np.float64))


def error_map(canonical: Float, triangles: NDArray[np.int64], millimetres: Float, most: float) -> Image:
    """A head from three sides, coloured by its errors, and the colour bar.

    Args:
        canonical: (V, 3) metres, in the axes of the canonical head.
        triangles: (T, 3). millimetres: (V,) errors; NaN where not scored.
        most: millimetres at the end of the bar.
    """
    colours = error_colours(millimetres, most)
    portraits = [
        draw_head(canonical, triangles, _SIZE, yaw, colours=colours, look=Look(alpha=1.0)) for yaw in VIEWS
    ]
    return beside([*portraits, _bar(_SIZE[1], most)])


def _bar(height: int, most: float) -> Image:
    image = np.full((height, _BAR_WIDTH, 3), _PAPER, np.uint8)
    rows = height - 2 * _MARGIN
    ramp = error_colours(np.linspace(most, 0, rows), most)
    image[_MARGIN : _MARGIN + rows, 10:34] = ramp[:, None].round().astype(np.uint8)
    for k in range(_TICKS + 1):
        row = _MARGIN + round((rows - 1) * (1 - k / _TICKS))
        cv2.line(image, (34, row), (39, row), _INK, 1)
        text = f"{most * k / _TICKS:.2g}"
        cv2.putText(image, text, (43, row + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
    cv2.putText(image, "mm", (10, _MARGIN - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return image
