"""Lenses that a rig calls straight, though the images are not: the distortion, found from the landmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from fitting.camera_checks.hypothesis import Hypothesis, Suspects, numbered
from fitting.camera_checks.residuals import Field, residual_field
from fitting.camera_checks.sample import Sample

Array = NDArray[np.float64]

_ROUNDS = 5
_STEP = 1e-3
_USUAL_K1, _USUAL_K2 = 0.5, 0.3
_PRIOR = 0.3


def missing_distortion(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """A radial distortion k1, k2 that all cameras have and the rig does not, or one suspect alone."""
    straight = {index for index in suspects.every if not np.any(sample.rig.cameras[index].distortion)}
    groups = [suspects.every] if straight == set(suspects.every) else []
    groups += [(index,) for index in suspects.single if index in straight]
    for cameras in groups:
        k1, k2 = fitted_distortion(sample, cameras)
        lenses = "lenses are" if len(cameras) > 1 else "lens is"
        yield Hypothesis(
            "missing-distortion",
            cameras,
            numbered(
                f"{{its}} {lenses} said to be without distortion, but the images are distorted, by about "
                f"k1 = {k1:.3f}, k2 = {k2:.3f}",
                len(cameras),
            ),
            "Give the coefficients of the calibration, or undistort the images; what is found here from the "
            "head holds where the head is in the image",
            lambda sample, cameras=cameras, lens=(k1, k2): bent(sample, cameras, lens),  # type: ignore[misc]
            prior=_PRIOR,
        )


def bent(sample: Sample, cameras: tuple[int, ...], lens: tuple[float, float]) -> Sample:
    """Some cameras with k1 and k2."""

    def change(camera: Camera) -> Camera:
        return replace(camera, distortion=np.array([*lens, 0.0, 0.0]))

    return sample.with_cameras(change, cameras)


def fitted_distortion(sample: Sample, cameras: tuple[int, ...]) -> tuple[float, float]:
    """k1 and k2 of some cameras under which all agree best: Gauss-Newton, each near nothing at all."""
    lens = np.zeros(2)
    prior = np.diag([1 / _USUAL_K1**2, 1 / _USUAL_K2**2])
    for _ in range(_ROUNDS):
        field = residual_field(bent(sample, cameras, (lens[0], lens[1])))
        slopes = [_slope(sample, cameras, lens, field, axis) for axis in range(2)]
        variance = max(float(np.nanmedian(field.spread_px)) ** 2, 1e-6)
        weights = field.weights[..., None] / variance
        left = np.array([[(weights * a * b).sum() for b in slopes] for a in slopes]) + prior
        right = np.array([(weights * a * field.residual).sum() for a in slopes]) + prior @ lens
        step = np.linalg.solve(left, right)
        lens = lens - np.clip(step, -0.3, 0.3)
    return float(lens[0]), float(lens[1])


def _slope(sample: Sample, cameras: tuple[int, ...], lens: Array, field: Field, axis: int) -> Array:
    """(F, L, C, 2) the derivative of the residuals by one coefficient, the points moving along."""
    stepped = lens.copy()
    stepped[axis] += _STEP
    there = residual_field(bent(sample, cameras, (stepped[0], stepped[1])), field.weights)
    return (there.residual - field.residual) / _STEP
