"""Sheets of faces with what was predicted (red) and what is labelled (green)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.landmarks import IBUG68_LINES, draw_landmarks
from pipeline.drawing.shading import Colour
from pipeline.drawing.tiles import wall

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

TILE = 320
MARGIN = 1.25
COLUMNS = 6
PREDICTED: Colour = (255, 50, 50)
LABELLED: Colour = (60, 220, 60)


@dataclass(frozen=True, eq=False)
class DrawnFace:
    """A face to draw.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        text: above it.
        labels: (L, 2) pixels; NaN where not labelled.
        predicted: (L, 2) pixels; NaN where no face was found.
    """

    image: Image
    text: str
    labels: Float
    predicted: Float


def face_sheet(faces: Sequence[DrawnFace]) -> Image:
    """A sheet of faces, each cut out about its labels and predictions."""
    tiles = [_tile(face) for face in faces]
    return wall(tiles, COLUMNS, [face.text for face in faces])


def _tile(face: DrawnFace) -> Image:
    known = np.concatenate([face.labels, face.predicted])
    known = known[np.isfinite(known).all(axis=1)]
    low, high = known.min(axis=0), known.max(axis=0)
    middle, zoom = (low + high) / 2, TILE / (MARGIN * max(float((high - low).max()), 1.0))
    move = np.column_stack([zoom * np.eye(2), TILE / 2 - zoom * middle])
    source = face.image
    if zoom < 0.5:  # warpAffine does not average
        small = cv2.resize(source, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        shift = TILE / 2 - zoom * (middle + 0.5) + 0.5
        tile = cv2.warpAffine(small, np.column_stack([np.eye(2), shift]), (TILE, TILE))
    else:
        tile = cv2.warpAffine(source, move, (TILE, TILE), flags=cv2.INTER_LINEAR)
    drawn = np.asarray(tile, dtype=np.uint8)
    lines = IBUG68_LINES if len(face.labels) == 68 else ()
    for points, colour in ((face.labels, LABELLED), (face.predicted, PREDICTED)):
        placed = points @ move[:, :2].T + move[:, 2]
        drawn = draw_landmarks(drawn, placed, lines=lines, radius=2.0 if lines else 1.0, colour=colour)
    return drawn
