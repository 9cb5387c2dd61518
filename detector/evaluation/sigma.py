"""Whether sigma is what it promises to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

GAUSSIAN_MEDIAN = 0.6745
"""The median of the absolute value of a standard normal variable."""


@dataclass(frozen=True)
class Spread:
    """Errors in units of sigma, per axis.

    Attributes:
        rms: root mean square; 1 if sigma is right.
        robust: the same from the median of the absolute values, which a few outliers do not move.
        within_1, within_2: shares within one and two sigma; 0.683 and 0.954 for a Gaussian.
    """

    rms: float
    robust: float
    within_1: float
    within_2: float


def spread(z: Floats) -> Spread:
    """Of normalised residuals of any shape; NaN is left out."""
    size = np.abs(z[np.isfinite(z)])
    if not size.size:
        return Spread(*(float("nan"),) * 4)
    return Spread(
        rms=float(np.sqrt(np.mean(size**2))),
        robust=float(np.median(size) / GAUSSIAN_MEDIAN),
        within_1=float((size < 1).mean()),
        within_2=float((size < 2).mean()),
    )


def reliability(z: Floats, expected: Floats) -> Floats:
    """The observed share of residuals inside the central intervals that should hold some share of them.

    Args:
        z: normalised residuals of any shape; NaN is left out.
        expected: (K,) shares, from 0 to 1.

    Returns:
        (K,) shares; ``expected`` itself if sigma is right and the errors are Gaussian.
    """
    size = np.sort(np.abs(z[np.isfinite(z)]))
    limits = ndtri((1 + expected) / 2)
    return np.asarray(np.searchsorted(size, limits, side="right") / max(len(size), 1))
