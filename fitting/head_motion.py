"""Head motion: the coordinates of a pose in which a fit is easy.

The model hangs the head on the neck, so that its global rotation and translation are the neck's. What
landmarks see is the head: the neck's rotation and the head's against it are told apart only by the few points
below the jaw. In the model's own coordinates that is a curved valley, along which L-BFGS creeps. Here the
first rotation and the translation are the head's own, and what is uncertain is a straight line:

    [head in the world (3), head against neck (3), left eye (3), right eye (3), head's origin (3)]

Points that move with the head are at `R x + t` for a bind position x, as in a rigid alignment.
"""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from fitting.head_model import HeadPoints
from fitting.head_topology import JOINT_NAMES

NECK, HEAD = JOINT_NAMES.index("neck"), JOINT_NAMES.index("head")
_PARTS = [3, 3, 6, 3]


def model_pose(motion: Tensor, joints: Tensor) -> Tensor:
    """The model's pose (..., 15) of a head motion (..., 15), with bind joints (K, 3) in metres."""
    head, local, eyes, origin = torch.split(motion, _PARTS, dim=-1)
    turned = roma.rotvec_to_rotmat(head)
    neck = turned @ roma.rotvec_to_rotmat(local).transpose(-1, -2)
    # The head's joint is at R J_head + t, and hangs at J_neck + translation + R_neck (J_head - J_neck).
    hung = joints[NECK] + neck @ (joints[HEAD] - joints[NECK])
    translation = origin + turned @ joints[HEAD] - hung
    return torch.cat((roma.rotmat_to_rotvec(neck), local, eyes, translation), dim=-1)


def moved_points(head: HeadPoints, identity: Tensor, expression: Tensor, motion: Tensor) -> Tensor:
    """The points (F, L, 3) in metres of identity (B,), expression (F, E) and head motion (F, 15)."""
    points: Tensor = head(identity, expression, model_pose(motion, head.vertices.joints(identity)))
    return points


def head_motion(pose: Tensor, joints: Tensor) -> Tensor:
    """The head motion (..., 15) of a model's pose (..., 15); the inverse of :func:`model_pose`."""
    vector, local, eyes, translation = torch.split(pose, _PARTS, dim=-1)
    neck = roma.rotvec_to_rotmat(vector)
    turned = neck @ roma.rotvec_to_rotmat(local)
    hung = joints[NECK] + neck @ (joints[HEAD] - joints[NECK])
    origin = translation + hung - turned @ joints[HEAD]
    return torch.cat((roma.rotmat_to_rotvec(turned), local, eyes, origin), dim=-1)


def head_size(head: HeadPoints, identity: Tensor) -> Tensor:
    """Metres: root mean square distance of the points of a neutral head (B,) from their centre."""
    rest = [identity.new_zeros(size) for size in (head.vertices.expression_size, head.vertices.pose_size)]
    points = head(identity, *rest)
    apart = points - points.mean(-2, keepdim=True)
    size: Tensor = (apart * apart).sum(-1).mean().sqrt()
    return size
