"""Labels beside the things that they name, none over another, each with a line to its thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.curves import PAPER
from pipeline.drawing.shading import Colour
from pipeline.drawing.words import text_width, write

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

_TEXT = 17
_AWAY = 26.0
_ROUNDS = 120
_GAP = 5.0


@dataclass(frozen=True, eq=False)
class Label:
    """A text that belongs to a place (2,) in the picture, pixels."""

    text: str
    place: Float
    colour: Colour


def place_labels(image: Image, labels: Sequence[Label], middle: Float, taken: Float) -> None:
    """Write labels into an image, pushed away from the middle, from each other and from what is drawn there.

    Args:
        image: (H, W, 3), changed in place.
        labels: of what is in it.
        middle: (2,) of the things that are named, pixels.
        taken: (N, 2, 2) boxes that are to stay free, top left and bottom right, pixels.
    """
    if not labels:
        return
    sizes = np.array([(text_width(label.text, _TEXT), 0.8 * _TEXT) for label in labels]) + 2 * _GAP
    anchors = np.stack([label.place for label in labels])
    first = anchors + _outward(anchors, middle) * (_AWAY + 0.5 * sizes)
    centres = _apart(first, sizes, taken.mean(1), taken[:, 1] - taken[:, 0])
    limit = np.array([image.shape[1], image.shape[0]], dtype=np.float64)
    centres = np.clip(centres, sizes / 2 + 2, limit - sizes / 2 - 2)
    for label, centre, size in zip(labels, centres, sizes, strict=True):
        _write(image, label, centre, size)


def _outward(anchors: Float, middle: Float) -> Float:
    away = anchors - middle
    length = np.linalg.norm(away, axis=1, keepdims=True)
    return np.where(length > 1e-6, away / np.maximum(length, 1e-6), (0.0, -1.0))


def _apart(centres: Float, sizes: Float, fixed: Float, fixed_sizes: Float) -> Float:
    """Boxes moved until none overlaps another or a fixed one, each time along the way that is the shorter."""
    count = len(centres)
    places, room = np.concatenate([centres, fixed]), np.concatenate([sizes, fixed_sizes])
    for _ in range(_ROUNDS):
        apart = places[None, :] - places[:count, None]
        overlap = (room[:count, None] + room[None, :]) / 2 - np.abs(apart)
        overlap[np.arange(count), np.arange(count)] = -1.0
        hit = (overlap > 0).all(-1)
        if not hit.any():
            break
        for first, second in np.argwhere(hit):
            axis = int(np.argmin(overlap[first, second]))
            gap = apart[first, second, axis]
            away = -1.0 if gap > 0 or (gap == 0 and second > first) else 1.0
            places[first, axis] += 0.5 * away * (overlap[first, second, axis] + 0.5)
    return places[:count]


def _write(image: Image, label: Label, centre: Float, size: Float) -> None:
    start = centre + np.clip(label.place - centre, -size / 2, size / 2)
    if np.linalg.norm(start - label.place) > 8:
        ends = [tuple(int(value) for value in each) for each in (start, label.place)]
        cv2.line(image, ends[0], ends[1], (150, 152, 156), 1, cv2.LINE_AA)
    left, top = (round(float(value)) for value in centre - size / 2)
    right, bottom = (round(float(value)) for value in centre + size / 2)
    box = image[max(top, 0) : bottom, max(left, 0) : right]
    box[:] = (0.2 * box + 0.8 * np.array(PAPER)).astype(np.uint8)
    write(image, label.text, (float(centre[0]), float(centre[1])), _TEXT, label.colour, "mm")
