"""What a library of expressions covers and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.arkit import ARKIT_SHAPES
from pipeline.database.columns import LEVELS
from pipeline.database.view import View

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_AT_ONCE = 50_000
LACKING_LEVEL, LACKING_SHARE = 0.3, 1e-3
"""A shape is lacking that fewer than so many frames drive so far."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of N frames and the 52 shapes.

    Attributes:
        frames: how many. subjects: frames of each. takes: how many takes.
        shares: (52, 3) share of the frames in which a shape is above each of :data:`LEVELS`.
        strongest: (52,) greatest weight; NaN where no head model had the shape.
        correlation: (52, 52); NaN for shapes that never move.
        explained: (52,) share of the variance that each principal component explains, descending.
    """

    frames: int
    subjects: dict[str, int]
    takes: int
    shares: Array
    strongest: Array
    correlation: Array
    explained: Array

    @property
    def lacking(self) -> tuple[str, ...]:
        """Shapes of which there is too little to learn from."""
        seen = self.shares[:, LEVELS.index(LACKING_LEVEL)]
        return tuple(name for name, share in zip(ARKIT_SHAPES, seen, strict=True) if share < LACKING_SHARE)

    def components(self, share: float) -> int:
        """How many principal components explain a share of the variance; 0 where nothing varies."""
        if not self.explained.any():
            return 0
        return int(np.searchsorted(np.cumsum(self.explained), share - 1e-12)) + 1

    def pairs(self, count: int = 5) -> list[tuple[str, str, float]]:
        """The shapes that go together most, without the two sides of one shape."""
        upper = np.triu(np.nan_to_num(self.correlation), k=1)
        order = np.argsort(-np.abs(upper), axis=None)
        found = []
        for a, b in zip(*np.unravel_index(order, upper.shape), strict=True):
            if _stem(ARKIT_SHAPES[a]) != _stem(ARKIT_SHAPES[b]) and upper[a, b]:
                found.append((ARKIT_SHAPES[a], ARKIT_SHAPES[b], float(upper[a, b])))
            if len(found) == count:
                break
        return found

    def facts(self) -> dict[str, object]:
        """All of it as JSON values."""
        coverage = {
            name: {
                **{f"above_{level:g}": float(x) for level, x in zip(LEVELS, row, strict=True)},
                "max": _plain(most),
            }
            for name, row, most in zip(ARKIT_SHAPES, self.shares, self.strongest, strict=True)
        }
        return {
            "frames": self.frames,
            "takes": self.takes,
            "subjects": self.subjects,
            "coverage": coverage,
            "lacking": list(self.lacking),
            "explained": [float(value) for value in self.explained],
            "correlation": [[_plain(value) for value in row] for row in self.correlation],
        }


def describe(view: View, where: Mask | None = None) -> Statistics:
    """The statistics of a database, or of some (N,) of its frames."""
    expression = view.expression(where)
    subjects: dict[str, int] = {}
    takes = set[tuple[str, str]]()
    for header, _, rows in view.takes(where):
        subjects[header.subject] = subjects.get(header.subject, 0) + len(rows)
        takes.add((header.subject, header.take))
    correlation, explained = _second_moments(expression)
    return Statistics(
        len(expression),
        subjects,
        len(takes),
        _shares(expression),
        _strongest(expression),
        correlation,
        explained,
    )


def _shares(expression: NDArray[np.float32]) -> Array:
    count = max(1, len(expression))
    return np.stack([(expression > level).sum(axis=0) / count for level in LEVELS], axis=1)


def _strongest(expression: NDArray[np.float32]) -> Array:
    most = np.fmax.reduce(expression, axis=0, initial=-np.inf).astype(np.float64)
    return np.where(np.isfinite(most), most, np.nan)


def _second_moments(expression: NDArray[np.float32]) -> tuple[Array, Array]:
    """Correlation (52, 52) and the explained variance (52,) of the principal components."""
    size = expression.shape[1]
    if len(expression) < 2:
        return np.full((size, size), np.nan), np.zeros(size)
    total, products = np.zeros(size), np.zeros((size, size))
    for start in range(0, len(expression), _AT_ONCE):
        part = np.nan_to_num(expression[start : start + _AT_ONCE])
        total += part.sum(axis=0, dtype=np.float64)
        products += part.T @ part
    mean = total / len(expression)
    covariance = products / len(expression) - np.outer(mean, mean)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    still = spread < 1e-4
    scale = np.where(still, np.nan, spread)
    values = np.clip(np.linalg.eigvalsh(covariance)[::-1], 0.0, None)
    variance = values.sum()
    return covariance / np.outer(scale, scale), values / variance if variance > 0 else values


def _stem(name: str) -> str:
    return name.removesuffix("Left").removesuffix("Right")


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
