"""Which blend shapes of a head model are ARKit's, under whatever spelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calibration.errors import UsageError

if TYPE_CHECKING:
    from fitting.head_model import HeadModel

_SIDES = {"_L": "Left", "_R": "Right"}


def arkit_shapes(model: HeadModel, columns: Sequence[str]) -> dict[str, list[int]]:
    """The expression coefficients that each ARKit weight is the mean of.

    ``browDown_L`` (ICT-FaceKit) is BrowDownLeft; a shape that the model has one of for each side, such as
    ``browInnerUp_L`` and ``browInnerUp_R``, is the mean of both. A weight that the model lacks is left out.

    Args:
        model: the head model. columns: ARKit's names, capitalised.

    Raises:
        UsageError: the model has no ARKit shapes.
    """
    names = [_spelt(name) for name in model.expression_names]
    place = {name: index for index, name in enumerate(names)}
    found: dict[str, list[int]] = {}
    for column in columns:
        sides = [f"{column}Left", f"{column}Right"]
        if column in place:
            found[column] = [place[column]]
        elif all(side in place for side in sides):
            found[column] = [place[side] for side in sides]
    if not found or not np.isfinite(model.traits.expression.high):
        raise UsageError(
            f"the head model {model.traits.name} has no ARKit shapes, so that there is no ARKit CSV of it",
            fix='Leave "arkit" out of the formats, and use obj or gltf',
        )
    return found


def _spelt(name: str) -> str:
    for ending, side in _SIDES.items():
        if name.endswith(ending):
            name = name.removesuffix(ending) + side
    return name[:1].upper() + name[1:]
