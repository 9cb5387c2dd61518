"""First derivatives of a head's surface points, by hand where the head model is linear.

With the rotations held, a posed point is an affine function of identity and expression; only the motion needs
automatic differentiation. That is some twenty times less work than differentiating by every coefficient.
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
    by_motion, points = torch.func.vmap(
        torch.func.jacfwd(_twice(head), argnums=2, has_aux=True), in_dims=(None, 0, 0)
    )(identity, expression, motion)
    vertices = head.vertices
    joints = vertices.joints(identity)
    rotations, _ = joint_transforms(joints, model_pose(motion, joints))
    # blended[f, v] = sum_k W[v, k] A[f, k], the linear part of the skinning
    blended = torch.einsum("vk,fkij->fvij", vertices.skin_weights, rotations)
    by_expression = _turned(blended, vertices.expression_basis)
    by_identity = _turned(blended, vertices.identity_basis) + _by_joints(head, motion)
    linear = torch.cat((by_expression, by_identity), dim=-1)
    # d p[l] = sum_i w[l, i] d x[corner[l, i]]
    on_points = sum(
        linear[:, head.corners[:, i]] * head.weights[:, i, None, None] for i in range(head.corners.shape[1])
    )
    shapes, identities = torch.as_tensor(on_points).split([expression.shape[1], len(identity)], dim=-1)
    return points, torch.cat((shapes, by_motion, identities), dim=-1)


def _twice(head: HeadPoints) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The points, and once more as the value that torch passes by."""

    def points(identity: Tensor, expression: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        posed = moved_points(head, identity, expression, motion)
        return posed, posed

    return points


def _turned(blended: Tensor, basis: Tensor) -> Tensor:
    """(F, V, 3, n): a linear basis (n, V, 3) as the blended rotations (F, V, 3, 3) turn it."""
    return blended @ basis.permute(1, 2, 0)


def _by_joints(head: HeadPoints, motion: Tensor) -> Tensor:
    """(F, V, 3, B): what identity does to a vertex by moving the joints about which it turns."""
    vertices = head.vertices

    def offsets(identity: Tensor, one: Tensor) -> Tensor:
        joints = vertices.joints(identity)
        return joint_transforms(joints, model_pose(one, joints))[1]

    origin = torch.zeros_like(vertices.identity_basis[:, 0, 0])
    # The offsets are linear in the joints, so that any identity gives the same derivative.
    moved = torch.func.vmap(torch.func.jacfwd(offsets), in_dims=(None, 0))(origin, motion)
    return torch.einsum("vk,fkib->fvib", vertices.skin_weights, moved)
