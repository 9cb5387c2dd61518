"""Residuals of landmarks in all cameras, with their first derivatives written out.

Everything is laid out (f, C, L), component by component, so that each step is one pass over memory. Automatic
differentiation gives the same numbers and keeps some forty such arrays alive.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from calibration.camera import MIN_DEPTH
from calibration.projection import CameraTensors
from calibration.radial import radial_by_coefficients, radial_factor, radial_slope, tangential

_UPPER = ((0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2))
"""Rows and columns of the upper triangle of a 3 x 3 matrix."""


@dataclass
class Slopes:
    """Derivatives of a pixel (u, v) by the point in the camera's axes, each (f, C, L), pixels per metre.

    Attributes:
        ux, uy, uz: of u. vx, vy, vz: of v.
    """

    ux: Tensor
    uy: Tensor
    uz: Tensor
    vx: Tensor
    vy: Tensor
    vz: Tensor

    def pull(self, u: Tensor, v: Tensor) -> Tensor:
        """(f, C, 3, L) the derivatives' transpose times (u, v), in the camera's axes."""
        parts = (u * self.ux + v * self.vx, u * self.uy + v * self.vy, u * self.uz + v * self.vz)
        return torch.stack(parts, dim=2)

    def squares(self, weight: Tensor) -> Tensor:
        """(f, C, 6, L) the derivatives' weighted squares: xx, xy, xz, yy, yz and zz of a symmetric matrix."""
        u, v = (self.ux, self.uy, self.uz), (self.vx, self.vy, self.vz)
        parts = [u[i] * (weight * u[j]) + v[i] * (weight * v[j]) for i, j in zip(*_UPPER, strict=True)]
        return torch.stack(parts, dim=2)


@dataclass
class Sight:
    """Points of f frames as C cameras see them; see :func:`calibration.projection.project`.

    Attributes:
        cameras: the cameras.
        local: (f, C, 3, L) metres, in the camera's axes.
        inverse_depth, x, y: (f, C, L) 1 / depth, and the point on the plane at depth 1.
        radius: (f, C, L) squared distance from the axis on that plane.
        radial: (f, C, L) the lens's radial factor.
        u, v: (f, C, L) pixels.
    """

    cameras: CameraTensors
    local: Tensor
    inverse_depth: Tensor
    x: Tensor
    y: Tensor
    radius: Tensor
    radial: Tensor
    u: Tensor
    v: Tensor

    @classmethod
    def of(cls, points: Tensor, cameras: CameraTensors) -> Sight:
        """Project points (f, L, 3) into all cameras."""
        count = len(cameras.rotation)
        # local[f, c, i, l] = sum_j R[c, i, j] X[f, l, j] + t[c, i]
        turned = cameras.rotation.reshape(-1, 3) @ points.transpose(-1, -2)
        local = turned.view(len(points), count, 3, -1) + cameras.translation.unsqueeze(-1)
        inverse_depth = local[:, :, 2].clamp(min=MIN_DEPTH).reciprocal()
        x, y = local[:, :, 0] * inverse_depth, local[:, :, 1] * inverse_depth
        p1, p2 = tangential(cameras.distortion, cameras.fisheye)
        fx, fy = _columns(cameras.focal)
        cx, cy = _columns(cameras.principal)
        radius = x * x + y * y
        radial = radial_factor(radius, cameras.distortion, cameras.fisheye)
        both = 2 * x * y
        u = (x * radial + p1 * both + p2 * (radius + 2 * x * x)) * fx + cx
        v = (y * radial + p1 * (radius + 2 * y * y) + p2 * both) * fy + cy
        return cls(cameras, local, inverse_depth, x, y, radius, radial, u, v)

    def slopes(self) -> Slopes:
        """The derivatives of the pixels by the points in the cameras' axes."""
        lens = self.cameras.distortion, self.cameras.fisheye
        p1, p2 = tangential(*lens)
        fx, fy = _columns(self.cameras.focal)
        x, y = self.x, self.y
        bend = 2 * radial_slope(self.radius, self.radial, *lens)
        xx = self.radial + bend * x * x + 2 * p1 * y + 6 * p2 * x
        xy = bend * x * y + 2 * p1 * x + 2 * p2 * y
        yy = self.radial + bend * y * y + 6 * p1 * y + 2 * p2 * x
        # x = X / Z: behind the camera the depth is held, and moving along it changes nothing
        fx, fy = fx * self.inverse_depth, fy * self.inverse_depth
        ux, uy, vx, vy = fx * xx, fx * xy, fy * xy, fy * yy
        moves = self.local[:, :, 2] >= MIN_DEPTH
        return Slopes(ux, uy, -(ux * x + uy * y) * moves, vx, vy, -(vx * x + vy * y) * moves)

    def lens_slopes(self) -> tuple[Tensor, Tensor]:
        """(f, C, L, 6) derivatives of u and of v by log focal length and the first five coefficients."""
        fx, fy = _columns(self.cameras.focal)
        cx, cy = _columns(self.cameras.principal)
        x, y = self.x * fx, self.y * fy
        by_radial = radial_by_coefficients(self.radius, self.cameras.distortion, self.cameras.fisheye)
        u, v = [self.u - cx, *(x * by_radial)], [self.v - cy, *(y * by_radial)]
        has_tangential = (~self.cameras.fisheye).to(x)[:, None]
        both = 2 * self.x * self.y * has_tangential
        along_x, along_y = ((self.radius + 2 * side * side) * has_tangential for side in (self.x, self.y))
        for column, (bent_u, bent_v) in ((3, (both, along_y)), (4, (along_x, both))):
            u[column] = u[column] + bent_u * fx
            v[column] = v[column] + bent_v * fy
        return torch.stack(u, dim=-1), torch.stack(v, dim=-1)


def _columns(values: Tensor) -> tuple[Tensor, ...]:
    """(C, n) as n tensors (C, 1) that go with (f, C, L)."""
    return values.unsqueeze(-1).unbind(1)


def gather_squares(squares: Tensor, turn: Tensor) -> Tensor:
    """What all cameras together say of each point: `sum_c Q[c]^T S[c] Q[c]`.

    Args:
        squares: (f, C, 6, L), see :meth:`Slopes.squares`. turn: (f, C, 3, 3) to the axes of each camera.

    Returns:
        (f, L, 3, 3) symmetric.
    """
    (i, j), (a, b) = _UPPER, _UPPER
    # (Q^T S Q)[i, j] = sum_ab Q[a, i] S[a, b] Q[b, j], of which ab and ba are stored once
    mixed = turn[:, :, a][..., i] * turn[:, :, b][..., j]
    mirrored = turn[:, :, b][..., i] * turn[:, :, a][..., j]
    off = (torch.tensor(a) != torch.tensor(b)).to(turn)
    spread = (mixed + off[:, None] * mirrored).flatten(1, 2)
    upper = spread.mT @ squares.flatten(1, 2)
    index = torch.tensor([[0, 1, 2], [1, 3, 4], [2, 4, 5]], device=turn.device)
    return upper.mT[..., index]
