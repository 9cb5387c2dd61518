"""How far the lids are open: the blink weight that brings them to a wanted gap, on any identity.

The head's blink shape closes an average eye at 0.7 and lets the lids cross beyond it, and squints and
downward looks close it further. So the gap is set, not the weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel

Array = NDArray[np.float64]

SIDES = ("Left", "Right")
UPPER = {"Left": (43, 44), "Right": (37, 38)}
LOWER = {"Left": (47, 46), "Right": (41, 40)}
CLOSED = -0.0006
"""Metres between the landmarks of shut lids: the middle of the slit closes last."""


@dataclass(frozen=True, eq=False)
class LidGaps:
    """The height between the lids' landmarks as a linear function, in metres, for the left and right eye.

    Attributes:
        mean: (2,) of the mean head.
        identity: (2, B) per standard deviation.
        expression: (2, E) per unit of weight.
    """

    mean: Array
    identity: Array
    expression: Array

    def __call__(self, identity: Array, expression: Array) -> Array:
        """The gaps (2,) of an identity (B,) with an expression (E,); negative where the lids cross."""
        return self.mean + self.identity @ identity + self.expression @ expression


@lru_cache(maxsize=2)
def lid_gaps(model: HeadModel) -> LidGaps:
    """The gaps of a head model."""

    def gaps(field: Array) -> Array:
        # The landmarks of several displacement fields (n, V, 3) as heights between lids (2, n).
        points = np.stack([model.ibug68.evaluate(one) for one in field])[..., 1]
        return np.stack(
            [(points[:, UPPER[side]] - points[:, LOWER[side]]).mean(axis=1) for side in SIDES]
        ).astype(np.float64)

    assets = model.assets
    return LidGaps(
        gaps(assets.mean[None].astype(np.float64))[:, 0],
        gaps(assets.identity_basis.astype(np.float64)),
        gaps(assets.expression_basis.astype(np.float64)),
    )


def draw_closure(rng: np.random.Generator) -> Array:
    """How far the left and the right eye (2,) are shut: 0 as the mood leaves them, 1 closed."""
    choice = rng.random()
    if choice < 0.07:
        return np.full(2, rng.uniform(0.93, 1.0))
    if choice < 0.17:
        return np.full(2, rng.beta(1.2, 1.4) * 0.9)
    if choice < 0.19:
        return rng.permutation([rng.uniform(0.8, 1.0), rng.uniform(0.0, 0.3)])
    return np.full(2, rng.uniform(0.0, 0.06))


def shut_share(model: HeadModel, expression: Array) -> Array:
    """How far an expression (E,) shuts the left and the right eye (2,) of the mean head, from 0 to 1."""
    gaps, average = lid_gaps(model), np.zeros(model.identity_size)
    opened = expression.copy()
    opened[[model.expression_names.index(f"eyeBlink{side}") for side in SIDES]] = 0.0
    widest = np.maximum(gaps(average, opened) - CLOSED, 1e-4)
    return np.asarray(np.clip((gaps(average, opened) - gaps(average, expression)) / widest, 0.0, 1.0))


def close_lids(model: HeadModel, identity: Array, expression: Array, closure: Array) -> Array:
    """The expression (E,) with the blinks by which the lids are as far shut as wanted, and never cross.

    Args:
        model: the head. identity: (B,).
        expression: (E,); its blinks are replaced.
        closure: (2,) left and right, see :func:`draw_closure`.
    """
    gaps = lid_gaps(model)
    result = expression.copy()
    column = model.expression_names.index
    for i, side in enumerate(SIDES):
        blink = column(f"eyeBlink{side}")
        others = [column(f"eye{act}{side}") for act in ("Squint", "LookDown")]
        result[blink] = 0.0
        if closure[i] > 0.5:
            result[column(f"eyeWide{side}")] = 0.0
        gap = float(gaps(identity, result)[i])
        if gap < CLOSED:
            narrowing = float(gaps.expression[i, others] @ result[others])
            result[others] *= np.clip(1.0 - (CLOSED - gap) / max(-narrowing, 1e-6), 0.0, 1.0)
            continue
        wanted = gap + (CLOSED - gap) * float(closure[i])
        result[blink] = (wanted - gap) / gaps.expression[i, blink]
    return result
