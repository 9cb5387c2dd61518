"""What tells head models apart beyond their arrays: parts, the meaning of coefficients, canonical places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.canonical_shape import canonical_shape
from fitting.head_assets import PART_NAMES, HeadAssets
from fitting.ibug68 import ibug68_on
from fitting.surface import SurfacePoints

MAKEHUMAN = "makehuman"
"""Name of the head model that comes with vultus; queries lie on its canonical shape."""


@dataclass(frozen=True)
class ExpressionRange:
    """What an expression coefficient may be, and what is unusual.

    Attributes:
        low, high: the bounds that the fit honours; infinite where a coefficient has none.
        unit: the coefficient that is as unusual as a weight of 1 is for an ARKit shape, whose standard
            deviation is 1 / sqrt(10). E_expression sees coefficients divided by it.
    """

    low: float
    high: float
    unit: float


WEIGHTS = ExpressionRange(0.0, 1.0, 1.0)
"""Blend shapes such as ARKit's: weights in [0, 1]."""

GAUSSIAN = ExpressionRange(-np.inf, np.inf, float(np.sqrt(10.0)))
"""Principal components such as FLAME's: signed, unbounded, of unit Gaussian prior."""


@dataclass(frozen=True, eq=False)
class HeadTraits:
    """What a :class:`fitting.head_model.HeadModel` is besides its arrays; V vertices.

    Attributes:
        name: of the model.
        part_names: the names that :attr:`HeadAssets.part` counts in. Those of our head mean the same in every
            model, and "skin" is always there; others are the model's own.
        expression: the range of its expression coefficients.
        landmarks: the 68 points of iBUG; NaN weights where they are not known.
        outer_skin: vertices of the skin that is seen from outside; None lets our own head find them.
        canonical: (V, 3) where each vertex lies on, or in, the canonical head, metres; None before
            registration.
        registered: (V,) bool, which of them correspond to a point of the canonical head's surface.
    """

    name: str
    part_names: tuple[str, ...]
    expression: ExpressionRange
    landmarks: SurfacePoints
    outer_skin: NDArray[np.int64] | None
    canonical: NDArray[np.float64] | None
    registered: NDArray[np.bool_]


def makehuman_traits(assets: HeadAssets) -> HeadTraits:
    """Those of our own head."""
    return HeadTraits(
        name=MAKEHUMAN,
        part_names=PART_NAMES,
        expression=WEIGHTS,
        landmarks=ibug68_on(assets.base_index),
        outer_skin=None,
        canonical=canonical_shape(assets),
        registered=np.ones(len(assets.mean), dtype=np.bool_),
    )
