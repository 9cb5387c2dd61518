"""The residuals of all landmarks, and whether a small change of the rig is what they show.

A detector is wrong in its own way in each view, so that thousands of landmarks are no thousands of
witnesses. Here each camera is one: an effect counts by how alike the cameras show it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from calibration.triangulation import triangulate
from fitting.camera_checks.sample import Sample, nanmedian

Array = NDArray[np.float64]

_BEND = 3.0
_FLOOR_PX = 1e-6


@dataclass(frozen=True, eq=False)
class Field:
    """Residuals of triangulated landmarks.

    Attributes:
        residual: (F, L, C, 2) projected minus seen, pixels; 0 where not seen.
        weights: (F, L, C) robust weights; 0 where not seen.
        points: (F, L, 3) the triangulated landmarks.
    """

    residual: Array
    weights: Array
    points: Array

    @property
    def spread_px(self) -> Array:
        """(C,) root mean square of the residuals per coordinate; NaN where a camera sees nothing."""
        total = self.weights.sum((0, 1))
        squared = (self.weights[..., None] * self.residual**2).sum((0, 1, 3))
        return np.where(total > 0, np.sqrt(squared / np.maximum(2 * total, 1e-300)), np.nan)


def residual_field(sample: Sample, weights: Array | None = None) -> Field:
    """Triangulate from all cameras.

    Args:
        sample: whose cameras agree.
        weights: (F, L, C); by default even, then less where a residual is far beyond its camera's median.
    """
    if weights is None:
        first = _field(sample, sample.seen.astype(np.float64))
        apart = np.linalg.norm(first.residual, axis=-1)
        usual = nanmedian(np.where(first.weights > 0, apart, np.nan), axis=(0, 1))
        bend = apart / (_BEND * np.maximum(np.nan_to_num(usual), _FLOOR_PX))
        weights = first.weights / (1 + bend**2) ** 2
    return _field(sample, weights)


def _field(sample: Sample, weights: Array) -> Field:
    points, _ = triangulate(sample.pixels, sample.rig, weights)
    known = np.asarray(np.isfinite(points).all(-1))
    placed = np.where(known[..., None], points, 0.0)
    projected = np.stack([camera.project(placed) for camera in sample.rig], axis=2)
    used = known[..., None] & (weights > 0)
    residual = np.where(used[..., None], projected - sample.pixels, 0.0)
    return Field(residual, np.where(used, weights, 0.0), points)


@dataclass(frozen=True)
class Amplitude:
    """How much of a change of the rig the residuals show.

    Attributes:
        value: 0 for none of it, 1 for all of it.
        error: its standard deviation, from how differently the cameras show it.
        cameras: how many show it.
        size_px: root mean square of what the change does to the residuals.
    """

    value: float
    error: float
    cameras: int
    size_px: float

    def differs(self, level: float) -> bool:
        """Whether it is other than nothing; wrongly so in this share of the rigs."""
        if self.cameras < 3:
            return False
        return abs(self.value) > self.error * float(student.ppf(1 - level / 2, self.cameras - 1))


def amplitude(before: Field, after: Field) -> Amplitude:
    """How much of the change from one rig to another the residuals of the first show.

    Args:
        before, after: fields of the same sample and weights.
    """
    weights = np.minimum(before.weights, after.weights)[..., None]
    change = after.residual - before.residual
    curvature = (weights * change**2).sum()
    count = 2 * (weights > 0).sum()
    if curvature <= 0 or not count:
        return Amplitude(0.0, np.inf, 0, 0.0)
    value = -(weights * before.residual * change).sum() / curvature
    # what is left of the slope in each camera: they are the independent witnesses
    slopes = (weights * change * (before.residual + value * change)).sum((0, 1, 3))
    showing = int((np.abs(weights * change).sum((0, 1, 3)) > 0).sum())
    error = np.sqrt((slopes**2).sum() * showing / max(showing - 1, 1)) / curvature
    size = np.sqrt(curvature / (2 * weights.sum()))
    return Amplitude(float(value), float(error), showing, float(size))
