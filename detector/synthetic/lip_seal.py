"""Whether the lips touch: a closed mouth is sealed, and no expression makes the lips pass each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel

Array = NDArray[np.float64]

UPPER, LOWER = (61, 62, 63), (67, 66, 65)
SEALED = 0.0001
"""Metres between the landmarks of lips that touch."""
NEARLY_SHUT = 0.005
"""Metres of gap below which a mouth may as well be shut."""
SEALED_SHARE = 0.65


@dataclass(frozen=True, eq=False)
class LipGap:
    """The least height between the inner lips' three landmark pairs, linear in each, in metres.

    Attributes:
        mean: (3,) of the mean head. identity: (3, B). expression: (3, E).
    """

    mean: Array
    identity: Array
    expression: Array

    def __call__(self, identity: Array, expression: Array) -> float:
        """The gap of an identity (B,) with an expression (E,); negative where the lips have crossed."""
        return float((self.mean + self.identity @ identity + self.expression @ expression).min())


@lru_cache(maxsize=2)
def lip_gap(model: HeadModel) -> LipGap:
    """The gap of a head model."""

    def gaps(field: NDArray[np.floating]) -> Array:
        heights = np.stack([model.ibug68.evaluate(one)[:, 1] for one in field.astype(np.float64)])
        return np.asarray((heights[:, UPPER] - heights[:, LOWER]).T)

    assets = model.assets
    return LipGap(gaps(assets.mean[None])[:, 0], gaps(assets.identity_basis), gaps(assets.expression_basis))


def meet_lips(model: HeadModel, identity: Array, expression: Array, rng: np.random.Generator) -> Array:
    """The expression (E,) with lips that touch, for most mouths that are nearly shut, and never cross.

    Args:
        model: the head. identity: (B,). expression: (E,). rng: decides who shuts the mouth.
    """
    gap = lip_gap(model)
    column = model.expression_names.index
    result = expression.copy()
    shut = rng.random() < SEALED_SHARE
    now = gap(identity, result)
    if SEALED < now < NEARLY_SHUT and shut:
        result[column("mouthClose")] += _step(gap, identity, result, column("mouthClose"))
    elif now < SEALED:
        result[column("jawOpen")] += _step(gap, identity, result, column("jawOpen"))
    return result


def _step(gap: LipGap, identity: Array, expression: Array, act: int) -> float:
    """The weight to add to one action so that the tightest pair of landmarks just touches."""
    short = SEALED - (gap.mean + gap.identity @ identity + gap.expression @ expression)
    steps = short / gap.expression[:, act]
    return float(steps.max() if gap.expression[:, act].min() > 0.0 else steps.min())
