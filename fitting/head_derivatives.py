"""First derivatives of a head's surface points, by hand where the head model is linear.

With the joints held, a posed point is an affine function of identity and expression; only the four joints
need automatic differentiation. That is some twenty times less work than differentiating every point by every
coefficient. (Reverse mode throughout: forward mode in PyTorch 2 warns every user of its own deprecations.)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fitting.head_model import HeadPoints, joint_transforms
from fitting.head_motion import model_pose, moved_points


def point_derivatives(
    head: HeadPoints, identity: Tensor, expression: Tensor, motion: Tensor
) -> tuple[Tensor, Tensor]:
    """The points and their derivatives.

    Args:
        head: L points. identity: (B,). expression: (F, E). motion: (F, 15), see
            :mod:`fitting.head_motion`.

    Returns:
        points: (F, L, 3) metres.
        derivatives: (F, L, 3, E + 15 + B): by expression, motion and identity, in that order.
    """
    vertices = head.vertices
    weights = vertices.skin_weights
    by_identity, by_motion = torch.func.vmap(
        torch.func.jacrev(_joint_matrices(head), argnums=(0, 1)), in_dims=(None, 0)
    )(identity, motion)
    matrices = torch.func.vmap(_joint_matrices(head), in_dims=(None, 0))(identity, motion)
    # x[f, v, i] = sum_k W[v, k] M[f, k, i, j] (T[f, v], 1)[j], with M = [A | b] of each joint
    blended = torch.einsum("vk,fkij->fvij", weights, matrices[..., :3])
    shaped = torch.nn.functional.pad(vertices.shape(identity, expression), (0, 1), value=1.0)
    joints_move = torch.einsum("vk,fkijp->fvijp", weights, by_motion)
    # Identity moves no joint's rotation, only the last column.
    joints_shift = torch.einsum("vk,fkib->fvib", weights, by_identity[..., 3, :])
    on_vertices = torch.cat(
        (
            blended @ vertices.expression_basis.permute(1, 2, 0),
            torch.einsum("fvijp,fvj->fvip", joints_move, shaped),
            blended @ vertices.identity_basis.permute(1, 2, 0) + joints_shift,
        ),
        dim=-1,
    )
    return moved_points(head, identity, expression, motion), _on_points(head, on_vertices)


def _on_points(head: HeadPoints, on_vertices: Tensor) -> Tensor:
    """(F, L, 3, n) of (F, V, 3, n): `p[l] = sum_i w[l, i] x[corner[l, i]]`, corner by corner for memory."""
    total = torch.zeros_like(on_vertices[:, head.corners[:, 0]])
    for corner, weight in zip(head.corners.unbind(1), head.weights.unbind(1), strict=True):
        total += on_vertices[:, corner] * weight[:, None, None]
    return total


def _joint_matrices(head: HeadPoints) -> Callable[[Tensor, Tensor], Tensor]:
    """The joints' motions [A | b] (K, 3, 4) as a function of identity (B,) and one motion (15,)."""

    def matrices(identity: Tensor, motion: Tensor) -> Tensor:
        joints = head.vertices.joints(identity)
        rotations, offsets = joint_transforms(joints, model_pose(motion, joints))
        return torch.cat((rotations, offsets.unsqueeze(-1)), dim=-1)

    return matrices
