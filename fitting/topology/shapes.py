"""A user's own blend shapes: OBJ files with the vertices of their neutral, in its order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from fitting.head_models.obj_file import read_obj_vertices

Array = NDArray[np.float64]

_NOTHING = 1e-7
"""Of the mesh's size, beneath which a shape is the neutral itself."""
_FAR = 0.1
"""Of the mesh's size, that a shape moves a typical vertex at most."""


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """S blend shapes of a mesh of V vertices.

    Attributes:
        names: (S,), those of the files. deltas: (S, V, 3) what each adds to the neutral at full strength.
        low, high: the range of their weights.
    """

    names: tuple[str, ...]
    deltas: Array
    low: float = 0.0
    high: float = 1.0

    def __len__(self) -> int:
        return len(self.names)


def read_shapes(folder: Path, neutral: Array, weights: tuple[float, float] = (0.0, 1.0)) -> ShapeSet:
    """Read every OBJ of a folder as a shape; those that are the neutral are left out.

    Args:
        folder: of the files. neutral: (V, 3) in their unit. weights: the range of the shapes' weights.

    Raises:
        UsageError: the range of weights makes no sense.
        InputError: there are none, or one has other vertices than the neutral or in another order.
    """
    low, high = weights
    if not low <= 0.0 < high:
        raise UsageError(f"weights from {low:g} to {high:g} make no sense", fix="The neutral, 0, must be in")
    files = sorted(path for path in folder.glob("*.obj") if not path.name.startswith("."))
    if not files:
        raise InputError(
            "there are no shapes", where=str(folder), fix="Put an OBJ of each blend shape into it"
        )
    size = float(np.ptp(neutral, axis=0).max())
    deltas = {path.stem: _delta(path, neutral, size) for path in files}
    kept = {name: delta for name, delta in deltas.items() if np.abs(delta).max() > _NOTHING * size}
    if not kept:
        raise InputError("all shapes are the neutral", where=str(folder))
    return ShapeSet(tuple(kept), np.stack(list(kept.values())), low, high)


def _delta(path: Path, neutral: Array, size: float) -> Array:
    vertices = read_obj_vertices(path)
    if len(vertices) != len(neutral):
        raise InputError(
            f"it has {len(vertices)} vertices, the neutral has {len(neutral)}",
            where=str(path),
            fix="Export shapes and neutral alike, all of one mesh, and look whether the file is whole",
        )
    delta = vertices - neutral
    usual = float(np.median(np.linalg.norm(delta, axis=1)))
    if usual > _FAR * size:
        raise InputError(
            f"its vertices are {usual:.3g} (median) from the neutral's, on a mesh of {size:.3g}",
            where=str(path),
            fix="They are in another order, or the shape stands in another place",
        )
    return np.asarray(delta)
