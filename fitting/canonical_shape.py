"""The canonical shape: the head on which a query says which landmark is meant."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fitting.head_assets import HeadAssets

PARTED_LIPS: Mapping[str, float] = MappingProxyType(
    {
        "mouthUpperUpLeft": 1.0,
        "mouthUpperUpRight": 1.0,
        "mouthLowerDownLeft": 1.0,
        "mouthLowerDownRight": 1.0,
    }
)
"""The expression of the canonical shape. On a closed mouth the two lips touch, so that queries of both would
be half a millimetre apart and mean points that an open mouth parts by centimetres; here it is 10 mm."""


def canonical_shape(assets: HeadAssets) -> NDArray[np.float64]:
    """The vertices (V, 3) of our mean head with parted lips, metres."""
    coefficients = [PARTED_LIPS.get(str(name), 0.0) for name in assets.expression_names]
    return assets.mean.astype(np.float64) + np.tensordot(coefficients, assets.expression_basis, 1)
