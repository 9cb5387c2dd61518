"""Faces of any number of corners in one table: (Q, N), the last corner repeated to fill a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]


def face_sizes(faces: Int) -> Int:
    """(Q,) corners of each face; a row without three distinct ones counts as a triangle.

    Args:
        faces: (Q, N) vertices, N >= 4.
    """
    differs = faces != faces[:, -1:]
    last = faces.shape[1] - 1 - differs[:, ::-1].argmax(axis=1)
    return np.maximum(np.where(differs.any(axis=1), last + 2, 3), 3)


def corners(values: Int, sizes: Int) -> Int:
    """The rows of values (Q, N) one after another, without what fills them: (sum of sizes,)."""
    return np.asarray(values[np.arange(values.shape[1]) < sizes[:, None]])


def fan(values: Int, sizes: Int) -> Int:
    """(T, 3) the faces as triangles about their first corner, those of a face in a row.

    Args:
        values: (Q, N) vertices or texture coordinates. sizes: (Q,) corners of each face.
    """
    steps = np.arange(1, values.shape[1] - 1)
    each = np.stack(
        [np.repeat(values[:, :1], len(steps), axis=1), values[:, steps], values[:, steps + 1]], axis=-1
    )
    return np.asarray(each[steps < sizes[:, None] - 1])


def filled(rows: list[list[int]], width: int = 4) -> Int:
    """A table of faces of whatever number of corners, at least `width` wide."""
    widest = max(width, *map(len, rows)) if rows else width
    return np.array([row + row[-1:] * (widest - len(row)) for row in rows], np.int64).reshape(-1, widest)
