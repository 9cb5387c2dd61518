"""First derivatives of landmarks by the cameras' own numbers, collapsed to what the normal matrix needs."""

from __future__ import annotations

from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from fitting.parameters import Parameters
from fitting.reprojection import Sight, Slopes

WIDTHS = [3, 3, 1, 5]
"""Numbers per camera: rotation, translation, focal length, distortion."""


@dataclass
class CameraTies:
    """How the cameras hang together with f frames; P = 12 C numbers in the order of `Parameters.shared`.

    Attributes:
        cross: (f, L, 3, P) points by camera numbers, in the axes that were asked for.
        cameras: (P, P).
    """

    cross: Tensor
    cameras: Tensor


def camera_ties(sight: Sight, slopes: Slopes, weight: Tensor, turn: Tensor, at: Parameters) -> CameraTies:
    """The second derivatives (Gauss and Newton's) of E_landmarks that involve cameras.

    Args:
        sight: of f frames by C cameras. slopes: its derivatives.
        weight: (f, C, L) of each squared pixel. turn: (f, C, 3, 3) from the points' axes to each camera's.
        at: the parameters, for the camera's rotations.
    """
    by_u, by_v = by_camera(sight, slopes, at)
    weighted_u, weighted_v = weight.unsqueeze(-1) * by_u, weight.unsqueeze(-1) * by_v
    rows = ((slopes.ux, slopes.vx), (slopes.uy, slopes.vy), (slopes.uz, slopes.vz))
    # pulled[f, c, a, l, p] = sum over u, v of d pixel / d local[a] * w * d pixel / d number[p]
    pulled = torch.stack([u[..., None] * weighted_u + v[..., None] * weighted_v for u, v in rows], dim=2)
    cross = (turn.mT @ pulled.flatten(3)).view_as(pulled)
    blocks = by_u.transpose(0, 1).flatten(1, 2).mT @ weighted_u.transpose(0, 1).flatten(1, 2)
    blocks += by_v.transpose(0, 1).flatten(1, 2).mT @ weighted_v.transpose(0, 1).flatten(1, 2)
    order = _shared_order(blocks.shape[0]).to(blocks.device)
    return CameraTies(
        cross.permute(0, 3, 2, 1, 4).flatten(3)[..., order], _block_diagonal(blocks)[order][:, order]
    )


def by_camera(sight: Sight, slopes: Slopes, at: Parameters) -> tuple[Tensor, Tensor]:
    """(f, C, L, 12) derivatives of u and of v by each camera's own numbers; see :data:`WIDTHS`."""
    by_u, by_v = sight.lens_slopes()
    along = torch.stack((slopes.ux, slopes.uy, slopes.uz), dim=-1)
    across = torch.stack((slopes.vx, slopes.vy, slopes.vz), dim=-1)
    # local = exp(r) R X + t, so that d local / d r[p] = d exp(r) / d r[p] exp(r)^T (local - t)
    spin = _spin(at.camera_rotation)
    arm = sight.local - sight.cameras.translation.unsqueeze(-1)
    moved = torch.einsum("cijp,fcjl->fclip", spin, arm)
    turned_u, turned_v = ((each.unsqueeze(-2) @ moved).squeeze(-2) for each in (along, across))
    return torch.cat((turned_u, along, by_u), dim=-1), torch.cat((turned_v, across, by_v), dim=-1)


def _spin(rotation: Tensor) -> Tensor:
    """(C, 3, 3, 3) `d exp(r) / d r[p] exp(r)^T` of rotation vectors (C, 3); p comes last."""
    turn = torch.func.vmap(torch.func.jacrev(roma.rotvec_to_rotmat))(rotation)
    return torch.einsum("cikp,cjk->cijp", turn, roma.rotvec_to_rotmat(rotation))


def _shared_order(cameras: int) -> Tensor:
    """(12 C,) from camera-by-camera order to that of :attr:`Parameters.shared`, group by group."""
    grid = torch.arange(sum(WIDTHS) * cameras).view(cameras, sum(WIDTHS))
    return torch.cat([columns.reshape(-1) for columns in torch.split(grid, WIDTHS, dim=1)])


def _block_diagonal(blocks: Tensor) -> Tensor:
    """(C n, C n) with blocks (C, n, n) along its diagonal."""
    count, width, _ = blocks.shape
    spread = torch.eye(count).to(blocks)[:, None, :, None] * blocks[:, :, None, :]
    return spread.reshape(count * width, count * width)
