"""Which blend shapes of a head model are ARKit's, for exports that need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calibration.errors import UsageError
from fitting.arkit import arkit_places

if TYPE_CHECKING:
    from fitting.head_model import HeadModel


def arkit_shapes(model: HeadModel, columns: Sequence[str]) -> dict[str, list[int]]:
    """The expression coefficients that each ARKit weight is the mean of, see :func:`arkit_places`.

    Args:
        model: the head model. columns: ARKit's names, capitalised.

    Raises:
        UsageError: the model has no ARKit shapes.
    """
    places = {
        name[0].upper() + name[1:]: index for name, index in arkit_places(model.expression_names).items()
    }
    found = {column: places[column] for column in columns if column in places}
    if not found or not np.isfinite(model.traits.expression.high):
        raise UsageError(
            f"the head model {model.traits.name} has no ARKit shapes, so that there is no ARKit CSV of it",
            fix='Leave "arkit" out of the formats, and use obj or gltf',
        )
    return found
