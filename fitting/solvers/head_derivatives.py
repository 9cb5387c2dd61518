"""First derivatives of a head's surface points, by hand where the head model is linear.

A point that follows joints k with weights w[k] is `sum_k A[k] (mean[k] + U[k] beta + E[k] psi) + w[k] b[k]`:
with the joints held, an affine function of identity and expression whose bases never change. Only the few
joints need automatic differentiation. And most landmarks follow the head's joint alone: seen from the head's
own axes, their derivatives by identity and expression are the bases themselves, the same in every frame.
(Reverse mode throughout: forward mode in PyTorch 2 warns every user of its own deprecations.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.head_model import HeadPoints, joint_transforms
from fitting.head_motion import HEAD, model_pose, moved_points

_NOTHING = 1e-9


@dataclass
class _Followers:
    """The l points that follow one joint, already weighted.

    Attributes:
        points: (l,) their positions among all points.
        weight: (l,). mean: (l, 3) metres. identity: (l, 3, B). expression: (l, 3, E).
    """

    points: Tensor
    weight: Tensor
    mean: Tensor
    identity: Tensor
    expression: Tensor

    def shaped(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(f, l, 4) the weighted points in the bind pose, and their weights."""
        # T[f, l, i] = mean[l, i] + sum_b U[l, i, b] beta[b] + sum_e E[l, i, e] psi[f, e]
        flat = (self.mean + self.identity @ identity).flatten() + expression @ self.expression.flatten(0, 1).T
        points = flat.view(len(flat), -1, 3)
        return torch.cat((points, self.weight[:, None].expand(len(points), -1, 1)), dim=-1)


@dataclass
class Turned:
    """Derivatives of L points in f frames, in the axes of the head in each frame.

    Attributes:
        axes: (f, 3, 3) from the head's axes to the world.
        own: (f, L, 3, E + 15) by expression and motion.
        shared: (f, N, 3, B) by identity, of the last N points; the others have :attr:`HeadDerivatives.basis`.
    """

    axes: Tensor
    own: Tensor
    shared: Tensor


@dataclass(frozen=True)
class Wanted:
    """Which derivatives are worth their while.

    Attributes:
        identity: whether by identity; B is 0 otherwise. expression: whether by expression; E is 0 otherwise.
        dtype: of the derivatives. Joints and shapes are evaluated in the precision of the head throughout.
    """

    identity: bool = True
    expression: bool = True
    dtype: torch.dtype = torch.float64


class HeadDerivatives:
    """The derivatives of L points: first those that follow the head alone, then N that also follow others.

    Attributes:
        order: (L,) the points, in the order in which their derivatives come.
        basis: (L - N, 3, B) derivatives by identity of the points that follow the head alone, in its axes.
    """

    def __init__(self, head: HeadPoints, wanted: Wanted | None = None) -> None:
        """Prepare what does not depend on the parameters; all derivatives are wanted unless it is said."""
        wanted = Wanted() if wanted is None else wanted
        self._matrices = _joint_matrices(head)
        # w[l, i, k] = weights[l, i] W[corner[l, i], k]
        influence = head.vertices.skin_weights[head.corners] * head.weights.unsqueeze(-1)
        others = influence.sum(1).abs() > _NOTHING
        others[:, HEAD] = False
        alone = ~others.any(1)
        self.order = torch.cat((alone.nonzero()[:, 0], (~alone).nonzero()[:, 0]))
        influence = influence[self.order]
        self._followers = [
            _followers(head, self.order, influence[..., joint]) for joint in range(influence.shape[-1])
        ]
        self._slopes = [
            (
                (each.identity if wanted.identity else each.identity[..., :0]).to(wanted.dtype),
                (each.expression if wanted.expression else each.expression[..., :0]).to(wanted.dtype),
            )
            for each in self._followers
        ]
        self.basis = self._slopes[HEAD][0][: int(alone.sum())]

    def at(self, identity: Tensor, expression: Tensor, motion: Tensor) -> Turned:
        """The derivatives at identity (B,), expression (f, E) and motion (f, 15)."""
        matrices, by_motion, by_identity = self._joints(identity, motion)
        axes = matrices[:, HEAD, :, :3]
        back, like = axes.mT.unsqueeze(1), self.basis
        frames, width, rigid = len(motion), self._slopes[HEAD][1].shape[-1], len(self.basis)
        own = like.new_zeros(frames, len(self.order), 3, width + motion.shape[1])
        shared = like.new_zeros(frames, len(self.order) - rigid, 3, like.shape[-1])
        turns = (back @ matrices[..., :3]).to(like)
        shifts = (back @ by_identity[..., 3, : like.shape[-1]]).to(like)
        # dx[f, l, i, p] = sum_j T[f, l, j] dM[f, i, j, p]
        moves = (back @ by_motion.flatten(3)).view_as(by_motion).transpose(2, 3).flatten(3).to(like)
        for joint, each in enumerate(self._followers):
            by_shape, by_expression = self._slopes[joint]
            moved = each.shaped(identity, expression).to(like) @ moves[:, joint]
            moved = moved.view(frames, len(each.points), 3, motion.shape[1])
            # The points that follow the head alone come first, and no index is needed for them.
            first = rigid if joint == HEAD else 0
            own[:, :first, :, :width], own[:, :first, :, width:] = by_expression[:first], moved[:, :first]
            turn, rest = turns[:, joint].unsqueeze(1), each.points[first:]
            own[:, rest] += torch.cat((turn @ by_expression[first:], moved[:, first:]), dim=-1)
            shift = shifts[:, joint].unsqueeze(1) * each.weight[first:, None, None].to(like)
            shared[:, rest - rigid] += turn @ by_shape[first:] + shift
        return Turned(axes, own, shared)

    def _joints(self, identity: Tensor, motion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The joints' motions (f, K, 3, 4), and their derivatives by motion and by identity."""
        by_joint = torch.func.jacrev(self._matrices, argnums=(0, 1))
        by_identity, by_motion = torch.func.vmap(by_joint, in_dims=(None, 0))(identity, motion)
        return torch.func.vmap(self._matrices, in_dims=(None, 0))(identity, motion), by_motion, by_identity


def point_derivatives(
    head: HeadPoints, identity: Tensor, expression: Tensor, motion: Tensor
) -> tuple[Tensor, Tensor]:
    """The points and their derivatives in the world.

    Args:
        head: L points. identity: (B,). expression: (F, E). motion: (F, 15), see
            :mod:`fitting.head_motion`.

    Returns:
        points: (F, L, 3) metres.
        derivatives: (F, L, 3, E + 15 + B): by expression, motion and identity, in that order.
    """
    derivatives = HeadDerivatives(head)
    turned = derivatives.at(identity, expression, motion)
    basis = derivatives.basis.expand(len(motion), -1, -1, -1)
    both = torch.cat((turned.own, torch.cat((basis, turned.shared), dim=1)), dim=-1)
    in_world = torch.empty_like(both)
    in_world[:, derivatives.order] = turned.axes.unsqueeze(1) @ both
    return moved_points(head, identity, expression, motion), in_world


def _followers(head: HeadPoints, order: Tensor, influence: Tensor) -> _Followers:
    """The points that follow one joint, of which (L, corners) says how much each corner counts."""
    kept = (influence.abs() > _NOTHING).any(1).nonzero()[:, 0]
    corners, weights = head.corners[order][kept], influence[kept]

    def blended(values: Tensor) -> Tensor:
        """(..., V, 3) of the vertices, weighted at the points: (..., l, 3)."""
        return (values[..., corners, :] * weights.unsqueeze(-1)).sum(-2)

    vertices = head.vertices
    bases = (blended(each).permute(1, 2, 0) for each in (vertices.identity_basis, vertices.expression_basis))
    return _Followers(kept, weights.sum(1), blended(vertices.mean), *(each.contiguous() for each in bases))


def _joint_matrices(head: HeadPoints) -> Callable[[Tensor, Tensor], Tensor]:
    """The joints' motions [A | b] (K, 3, 4) as a function of identity (B,) and one motion (15,)."""

    def matrices(identity: Tensor, motion: Tensor) -> Tensor:
        joints = head.vertices.joints(identity)
        rotations, offsets = joint_transforms(joints, model_pose(motion, joints))
        return torch.cat((rotations, offsets.unsqueeze(-1)), dim=-1)

    return matrices
