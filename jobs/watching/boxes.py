"""How something is spread, to be drawn as boxes on one logarithmic scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_WIDTH = 100.0
_QUARTERS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Box:
    """Places (0 to 100) of the least value, the quartiles and the greatest."""

    least: float
    lower: float
    middle: float
    upper: float
    greatest: float


def boxes(values: Iterable[Sequence[float]]) -> list[Box | None]:
    """A box for each sequence of values above 0, all on one scale; None where there are none."""
    each = [np.percentile(there, _QUARTERS) if len(there) else None for there in values]
    marks = [np.log(np.maximum(quarters, 1e-3)) for quarters in each if quarters is not None]
    if not marks:
        return [None for _ in each]
    low, high = min(mark[0] for mark in marks), max(mark[-1] for mark in marks)
    room = max(high - low, 1e-9)
    placed = iter([_WIDTH * (mark - low) / room for mark in marks])
    return [None if quarters is None else Box(*map(float, next(placed))) for quarters in each]
