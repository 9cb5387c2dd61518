"""Whether predicted faces move as much as labelled ones: a mean face scores well and says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EYES, BROWS = slice(36, 48), slice(17, 27)
FEWEST = 8


@dataclass(frozen=True)
class Movement:
    """How predictions follow the labels in one respect.

    Attributes:
        slope: of the regression of the predicted on the labelled measure; 1 if they follow fully, 0 if not.
        correlation: of both.
        labelled, predicted: their means, in percent of the size of the face's box, which profiles have too.
    """

    slope: float
    correlation: float
    labelled: float
    predicted: float


def _distance(first: int, second: int) -> Callable[[Floats], Floats]:
    return lambda points: np.linalg.norm(points[:, first] - points[:, second], axis=-1)


def _eye_opening(points: Floats) -> Floats:
    return np.asarray((_distance(37, 41)(points) + _distance(44, 46)(points)) / 2)


def _brow_height(points: Floats) -> Floats:
    return np.asarray(np.linalg.norm(points[:, BROWS].mean(1) - points[:, EYES].mean(1), axis=-1))


MEASURES: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "mouth opening": _distance(62, 66),
        "mouth width": _distance(48, 54),
        "eye opening": _eye_opening,
        "brow height": _brow_height,
    }
)
"""Lengths in pixels (N,) of the 68 landmarks (N, 68, 2)."""


def movements(predicted: Floats, labels: Floats, box: Floats) -> dict[str, Movement]:
    """How predictions follow the labels; nothing for fewer than eight faces.

    Args:
        predicted, labels: (N, 68, 2) pixels, all finite.
        box: (N,) pixels, the unit: size of the labelled face's box.
    """
    if len(box) < FEWEST:
        return {}
    return {
        name: _follow(100 * measure(labels) / box, 100 * measure(predicted) / box)
        for name, measure in MEASURES.items()
    }


def _follow(truth: Floats, found: Floats) -> Movement:
    covariance = np.cov(truth, found)
    deviations = np.sqrt(covariance.diagonal())
    slope = covariance[0, 1] / max(covariance[0, 0], 1e-12)
    correlation = covariance[0, 1] / max(deviations.prod(), 1e-12)
    return Movement(float(slope), float(correlation), float(truth.mean()), float(found.mean()))
