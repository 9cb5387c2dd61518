"""The radial part of all lens models in PyTorch: one factor of the squared radius, and its derivatives.

Shapes: r2 is (..., C, L), distortion (C, 8) and fisheye (C,) bool; see :mod:`calibration.lens`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calibration.lens import MAX_RADIUS_SQUARED, ON_AXIS

_NEAR_AXIS = 1e-4


def radial_factor(r2: Tensor, distortion: Tensor, fisheye: Tensor) -> Tensor:
    """Distorted over ideal radius (..., C, L), the tangential part aside."""
    factor = _rational(r2, distortion)
    if not fisheye.any():
        return factor
    safe, angle = _angle(r2)
    bent, _ = _bent_angle(angle, distortion)
    return torch.where(fisheye[:, None], bent / safe.sqrt(), factor)


def radial_slope(r2: Tensor, factor: Tensor, distortion: Tensor, fisheye: Tensor) -> Tensor:
    """The derivative (..., C, L) of :func:`radial_factor`, which is given, by the squared radius."""
    slope = _rational_slope(r2, factor, distortion)
    if not fisheye.any():
        return slope
    safe, angle = _angle(r2)
    _, bent_slope = _bent_angle(angle, distortion)
    curved = (bent_slope / (1 + safe) - factor) / (2 * safe)
    # On the axis the two terms cancel; the series there is flat enough for single precision.
    curved = torch.where(safe < _NEAR_AXIS, _columns(distortion)[0] - 1 / 3, curved)
    return torch.where(fisheye[:, None], curved, slope)


def radial_by_coefficients(r2: Tensor, distortion: Tensor, fisheye: Tensor) -> Tensor:
    """Derivatives (5, ..., C, L) of :func:`radial_factor` by the first five coefficients."""
    held = r2.clamp(max=MAX_RADIUS_SQUARED)
    none = torch.zeros_like(held)
    first = held / _below(held, distortion) if distortion[:, 5:].any() else held
    plain = torch.stack((first, first * held, none, none, first * held * held))
    if not fisheye.any():
        return plain
    safe, angle = _angle(r2)
    a2 = angle * angle
    first = a2 * angle / safe.sqrt()
    curved = torch.stack((first, first * a2, first * a2 * a2, first * a2 * a2 * a2, none))
    return torch.where(fisheye[:, None], curved, plain)


def tangential(distortion: Tensor, fisheye: Tensor) -> tuple[Tensor, Tensor]:
    """p1 and p2, (C, 1) each; a fisheye has none."""
    p1, p2 = distortion[:, 2:4].masked_fill(fisheye[:, None], 0.0).unsqueeze(-1).unbind(1)
    return p1, p2


def _columns(distortion: Tensor) -> tuple[Tensor, ...]:
    return distortion.unsqueeze(-1).unbind(1)


def _rational(r2: Tensor, distortion: Tensor) -> Tensor:
    k1, k2, _, _, k3, *_ = _columns(distortion)
    held = r2.clamp(max=MAX_RADIUS_SQUARED)
    above = 1 + held * (k1 + held * (k2 + held * k3))
    return above / _below(held, distortion) if distortion[:, 5:].any() else above


def _rational_slope(r2: Tensor, factor: Tensor, distortion: Tensor) -> Tensor:
    k1, k2, _, _, k3, k4, k5, k6 = _columns(distortion)
    slope = k1 + r2 * (2 * k2 + 3 * k3 * r2)
    if distortion[:, 5:].any():
        slope = (slope - factor * (k4 + r2 * (2 * k5 + 3 * k6 * r2))) / _below(r2, distortion)
    return slope * (r2 <= MAX_RADIUS_SQUARED)


def _below(held: Tensor, distortion: Tensor) -> Tensor:
    """The denominator of the rational model."""
    *_, k4, k5, k6 = _columns(distortion)
    return 1 + held * (k4 + held * (k5 + held * k6))


def _angle(r2: Tensor) -> tuple[Tensor, Tensor]:
    """Squared radii held off the axis, where the root has no derivative, and the angles from it."""
    safe = r2.clamp(min=ON_AXIS)
    return safe, safe.sqrt().atan()


def _bent_angle(angle: Tensor, distortion: Tensor) -> tuple[Tensor, Tensor]:
    """The angle that a fisheye makes of an angle, and the derivative."""
    k1, k2, k3, k4, *_ = _columns(distortion)
    a2 = angle * angle
    bent = angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
    return bent, 1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))
