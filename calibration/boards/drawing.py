"""What is black on a board, in metres, and the same in pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_DISC_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Drawing:
    """The black parts of a board on white ground, in metres, from the top left of the board, y down.

    The middle of the drawing is the origin of the board's points.

    Attributes:
        size: width and height.
        boxes: (R, 4) x, y, width, height; they may touch, but not overlap.
        discs: (D, 3) x, y, radius; nothing touches them.
    """

    size: tuple[float, float]
    boxes: Array = field(default_factory=lambda: np.zeros((0, 4)))
    discs: Array = field(default_factory=lambda: np.zeros((0, 3)))


def checker_boxes(columns: int, rows: int, square: float) -> Array:
    """The dark squares (R, 4) of a board of squares whose top left one is dark."""
    row, column = np.nonzero(np.add.outer(np.arange(rows), np.arange(columns)) % 2 == 0)
    side = np.full(len(row), square)
    return np.stack((column * square, row * square, side, side), axis=-1)


def bit_boxes(black: NDArray[np.bool_], x: float, y: float, side: float) -> Array:
    """The black cells (n, n) of a marker at (x, y) as boxes (R, 4), each row's neighbours joined."""
    cell = side / len(black)
    boxes = []
    for row, cells in enumerate(black):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], cells.astype(np.int8), [0]))))
        boxes += [
            (x + start * cell, y + row * cell, (end - start) * cell, cell)
            for start, end in edges.reshape(-1, 2)
        ]
    return np.array(boxes)


def rasterised(drawing: Drawing, shape: tuple[int, int], scale: float, corner: tuple[float, float]) -> Image:
    """A white image (H, W) with the drawing on it; pixels on an edge are as grey as they are covered.

    Args:
        drawing: what is black.
        shape: (height, width) of the image in pixels.
        scale: pixels per metre.
        corner: (x, y) of the drawing's top left in pixels from the outer edge of the top left pixel.
    """
    ink = np.zeros(shape, np.float32)
    for x, y, width, height in drawing.boxes * scale:
        columns, across = _covered(corner[0] + x, corner[0] + x + width, shape[1])
        rows, down = _covered(corner[1] + y, corner[1] + y + height, shape[0])
        ink[rows, columns] += np.outer(down, across)
    for x, y, radius in drawing.discs * scale:
        _add_disc(ink, corner[0] + x, corner[1] + y, radius)
    return np.asarray(np.rint(255 * (1 - np.minimum(ink, 1))), dtype=np.uint8)


def _covered(start: float, end: float, count: int) -> tuple[slice, Array]:
    """The pixels of a line of `count` that a stretch touches, and how much of each it covers."""
    first, last = max(0, int(np.floor(start))), min(count, int(np.ceil(end)))
    edges = np.arange(first, max(first, last))
    return slice(first, max(first, last)), np.clip(
        np.minimum(edges + 1, end) - np.maximum(edges, start), 0, 1
    )


def _add_disc(ink: NDArray[np.float32], x: float, y: float, radius: float) -> None:
    """Add the share of each pixel that a disc covers, by samples within the pixels."""
    columns, _ = _covered(x - radius, x + radius, ink.shape[1])
    rows, _ = _covered(y - radius, y + radius, ink.shape[0])
    within = (np.arange(_DISC_SAMPLES) + 0.5) / _DISC_SAMPLES
    across = (np.arange(columns.start, columns.stop)[:, None] + within).ravel() - x
    down = (np.arange(rows.start, rows.stop)[:, None] + within).ravel() - y
    inside = np.add.outer(down**2, across**2) <= radius**2
    cells = inside.reshape(rows.stop - rows.start, _DISC_SAMPLES, columns.stop - columns.start, _DISC_SAMPLES)
    ink[rows, columns] += cells.mean(axis=(1, 3))
