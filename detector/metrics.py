"""Errors of the 68 landmarks as the literature reports them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor

OUTER_EYES = (36, 45)
"""The outer corners of the eyes in the 68 landmarks of 300-W."""

GROUPS: Mapping[str, slice] = MappingProxyType(
    {
        "jaw": slice(0, 17),
        "brows": slice(17, 27),
        "nose": slice(27, 36),
        "eyes": slice(36, 48),
        "mouth": slice(48, 68),
    }
)
"""The parts of the 68 landmarks."""

FAILURE = 0.10
"""A face whose mean error exceeds this share of the outer eye distance counts as failed (FR10)."""


def normalised_errors(predicted: Tensor, labelled: Tensor) -> Tensor:
    """Distances (N, 68) in units of the labelled distance between the outer eye corners.

    Args:
        predicted: (N, 68, 2), any unit.
        labelled: (N, 68, 2), the same unit.
    """
    left, right = OUTER_EYES
    distance = (labelled[:, left] - labelled[:, right]).norm(dim=-1)
    errors: Tensor = (predicted - labelled).norm(dim=-1) / distance[:, None]
    return errors
