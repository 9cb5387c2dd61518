"""Bars and matrices of named values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.curves import GRID, INK, PAPER
from pipeline.drawing.shading import Colour

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_ROW, _NAMES, _WIDTH, _TOP, _EDGE = 19, 190, 700, 64, 24
_CELL = 15
_SHADES: tuple[Colour, ...] = ((190, 212, 235), (96, 150, 205), (24, 78, 140))
_MARK: Colour = (200, 60, 50)
_WARM, _COLD = np.array([178, 24, 43], np.float64), np.array([33, 102, 172], np.float64)
_UNKNOWN: Colour = (205, 205, 202)


def bars(
    title: str, rows: Mapping[str, Sequence[float]], legend: Sequence[str], marked: Sequence[str]
) -> Image:
    """Nested bars for each name, of shares between 0 and 1 on a scale of roots, so that small ones show.

    Args:
        title: above it. rows: up to three shares by name, descending. legend: what each share is.
        marked: names that are written in red.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = _TOP + _ROW * len(rows) + _EDGE, _NAMES + _WIDTH + 2 * _EDGE
    image = np.full((height, width, 3), PAPER, np.uint8)
    _text(image, title, (_EDGE, 24), 0.6)
    for at, words in enumerate(legend):
        left = _NAMES + 150 * at
        cv2.rectangle(image, (left, 36), (left + 14, 48), _SHADES[at], -1)
        _text(image, words, (left + 20, 47), 0.42)
    for share in (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0):
        x = _across(share)
        cv2.line(image, (x, _TOP), (x, height - _EDGE), GRID, 1)
        _text(image, f"{100 * share:g} %", (x - 14, height - 7), 0.38)
    for k, (name, shares) in enumerate(rows.items()):
        y = _TOP + _ROW * k
        _text(image, name, (_EDGE, y + 13), 0.42, _MARK if name in marked else INK)
        for share, shade in zip(shares, _SHADES, strict=False):
            if share > 0:
                cv2.rectangle(image, (_NAMES, y + 3), (_across(share), y + _ROW - 4), shade, -1)
    return image


def matrix(title: str, names: Sequence[str], values: Float) -> Image:
    """A matrix (n, n) of values in [-1, 1]: red above zero, blue below, grey where not known.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    side, top = _CELL * len(names), _NAMES
    image = np.full((top + side + _EDGE, _NAMES + side + _EDGE, 3), PAPER, np.uint8)
    strength = np.nan_to_num(np.clip(values, -1, 1))[..., None]
    colours = np.array(PAPER) + np.abs(strength) * (np.where(strength > 0, _WARM, _COLD) - np.array(PAPER))
    colours[np.isnan(values)] = _UNKNOWN
    cells = np.kron(colours.round().astype(np.uint8), np.ones((_CELL, _CELL, 1), np.uint8))
    image[top : top + side, _NAMES : _NAMES + side] = cells
    for k, name in enumerate(names):
        _text(image, name, (_EDGE, top + _CELL * k + 11), 0.38)
    # The names of the columns are those of the rows, turned by a quarter.
    turned = np.full((side, _NAMES - _EDGE, 3), PAPER, np.uint8)
    for k, name in enumerate(names):
        _text(turned, name, (4, _CELL * k + 11), 0.38)
    image[_EDGE:top, _NAMES : _NAMES + side] = np.rot90(turned)
    _text(image, title, (_EDGE, 20), 0.6)
    return image


def _across(share: float) -> int:
    return _NAMES + round(_WIDTH * float(np.sqrt(min(max(share, 0.0), 1.0))))


def _text(image: Image, text: str, where: tuple[int, int], scale: float, colour: Colour = INK) -> None:
    cv2.putText(image, text, where, _FONT, scale, colour, 1, cv2.LINE_AA)
