"""How far the cameras of a fit may be from the truth, relative to each other and as their images show it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.head_motion import moved_points
from fitting.parameters import CAMERA_GROUPS, Parameters
from fitting.problem import Problem
from fitting.reprojection import Sight
from fitting.solvers.camera_slopes import by_camera

_PLACES = frozenset(CAMERA_GROUPS[:2])
_POINTS = 30


@dataclass
class CameraSpread:
    """One standard deviation of C cameras.

    Attributes:
        rotation: (C, 3) radians about the camera's axes.
        position: (C, 3) metres along the camera's axes.
        focal: (C, 1) relative. distortion: (C, 5).
        view: (C,) pixels, of where the camera sees the head: root mean square over the head.
    """

    rotation: Tensor
    position: Tensor
    focal: Tensor
    distortion: Tensor
    view: Tensor


@torch.no_grad()
def camera_spread(problem: Problem, at: Parameters, covariance: Tensor) -> CameraSpread:
    """The spread of the cameras of a solution.

    Where the first camera was held for a gauge, any other could have been: the spread is about all cameras
    together (an S-transformation, Baarda 1973), weighed by what each says of the head.

    Args:
        problem: that was solved. at: its solution.
        covariance: (P, P) of the cameras' numbers, in the order of :attr:`Parameters.shared`.
    """
    slopes = _slopes(problem, at)
    order = _order(at).to(covariance.device)
    if _floats(problem):
        covariance = _about_all(problem, at, slopes[..., :6], covariance, order[:, :6])
    blocks = covariance[order[:, :, None], order[:, None, :]]  # (C, 12, 12)
    view = ((slopes @ blocks.unsqueeze(1)) * slopes).sum((-1, -2)).mean(-1)
    deviation = blocks.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    return CameraSpread(
        rotation=deviation[:, :3],
        position=_position(at.cameras(problem.cameras).translation, blocks[:, :6, :6]),
        focal=deviation[:, 6:7],
        distortion=deviation[:, 7:],
        view=view.clamp(min=0).sqrt(),
    )


def _floats(problem: Problem) -> bool:
    """Whether one camera stays only because one has to."""
    options = problem.options
    return options.gauge == "camera" and options.moving is None and not _PLACES & options.frozen


def _slopes(problem: Problem, at: Parameters) -> Tensor:
    """(C, N, 2, 12) derivatives of where each camera sees points of the head, by its own numbers."""
    frames, _, landmarks = problem.precision.shape
    every = max(1, frames // _POINTS), max(1, landmarks // _POINTS)
    part = torch.arange(0, frames, every[0])
    points = moved_points(problem.head, at.identity, at.expression[part], at.pose[part])
    chosen = points[:, :: every[1]].reshape(-1, 3)
    sight = Sight.of(chosen.unsqueeze(0), at.cameras(problem.cameras))
    return torch.stack(by_camera(sight, sight.slopes(), at), dim=-2)[0]


def _order(at: Parameters) -> Tensor:
    """(C, 12) where the numbers of each camera stand among those of all."""
    first, rows = 0, []
    for name in CAMERA_GROUPS:
        group = getattr(at, name)
        rows.append(torch.arange(first, first + group.numel()).view(group.shape))
        first += group.numel()
    return torch.cat(rows, dim=1)


def _about_all(problem: Problem, at: Parameters, slopes: Tensor, covariance: Tensor, order: Tensor) -> Tensor:
    """The covariance in a world that all cameras hold together, and no single one."""
    turning = at.cameras(problem.cameras).rotation
    nothing = torch.zeros_like(turning)
    # A world that turns by w and moves by s moves a camera by dr = -R w and dt = -R s.
    common = -torch.cat((torch.cat((turning, nothing), -1), torch.cat((nothing, turning), -1)), -2)
    weight = problem.precision.sum((0, 2)).to(slopes)
    information = weight[:, None, None] * (slopes.mT @ slopes).sum(1)
    pull = common.mT @ information  # (C, 6, 6)
    gain = torch.linalg.solve((pull @ common).sum(0), pull)
    width, flat = covariance.shape[0], order.reshape(-1)
    move = torch.eye(width).to(covariance)
    move[flat[:, None], flat] -= common.reshape(-1, 6) @ gain.transpose(0, 1).reshape(6, -1)
    return move @ covariance @ move.T


def _position(translation: Tensor, blocks: Tensor) -> Tensor:
    """(C, 3) metres along the axes of each camera, from the covariances (C, 6, 6) of its turn and shift."""
    # centre = -R^T t, so that in the camera's axes d centre = -(t x dr) - dt
    x, y, z = translation.unbind(-1)
    nothing = torch.zeros_like(x)
    cross = torch.stack((nothing, -z, y, z, nothing, -x, -y, x, nothing), dim=-1).view(-1, 3, 3)
    slope = torch.cat((cross, torch.eye(3).to(cross).expand_as(cross)), dim=-1)
    spread = slope @ blocks @ slope.transpose(-1, -2)
    return spread.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
