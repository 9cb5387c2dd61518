"""The Gauss-Newton Hessian of a :class:`fitting.problem.Problem`: exact derivatives, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.functional import jvp

from calibration.projection import project
from fitting.energy import squared_residuals
from fitting.head_derivatives import point_derivatives
from fitting.normal_matrix import Hessian
from fitting.parameters import CAMERA_GROUPS, Parameters
from fitting.prior_curvature import add_prior_curvature
from fitting.problem import Problem
from fitting.robust import influence

# Frames whose landmark derivatives are held at once: some 50 MB for 703 landmarks in float64.
_FRAMES_AT_ONCE = 8
_CAMERA_WIDTHS = [3, 3, 1, 5]
_TINY = 1e-12


@dataclass
class _Views:
    """First derivatives of the pixels of a few frames, already weighted.

    Attributes:
        information: (f, L, 3, 3) what all cameras together say of each point, 1 / m^2.
        cross: (f, L, 3, S - B) point by camera parameter, or None where cameras are frozen.
        cameras: (S - B, S - B) camera by camera parameter, or None.
    """

    information: Tensor
    cross: Tensor | None
    cameras: Tensor | None


@torch.no_grad()
def linearise(problem: Problem, at: Parameters) -> Hessian:
    """The Gauss-Newton Hessian of the whole energy at the given parameters.

    The ties of the temporal term between two frames are left out: they would fill the arrow.
    """
    count, width = at.frame_rows.shape
    faces = len(at.identity)
    size = len(at.shared)
    hessian = Hessian(
        at.identity.new_zeros(count, width, width),
        at.identity.new_zeros(count, width, size),
        at.identity.new_zeros(size, size),
    )
    tension = _tension(problem)
    for start in range(0, count, _FRAMES_AT_ONCE):
        part = slice(start, min(start + _FRAMES_AT_ONCE, count))
        points, jacobian = point_derivatives(problem.head, at.identity, at.expression[part], at.pose[part])
        views = _views(problem, at, points, part, tension[part])
        root = _root(views.information)
        # rows[f, l, i] = root[f, l, j, i] dX[f, l, j] / d parameter, so that rows^T rows = J^T M J
        rows = (root.transpose(-1, -2) @ jacobian).flatten(1, 2)
        own, shared = rows[..., :width], rows[..., width:]
        hessian.frames[part] = own.transpose(-1, -2) @ own
        hessian.ties[part, :, :faces] = own.transpose(-1, -2) @ shared
        hessian.shared[:faces, :faces] += (shared.transpose(-1, -2) @ shared).sum(0)
        if views.cross is not None and views.cameras is not None:
            mixed = torch.einsum("flip,flic->fpc", jacobian, views.cross)
            hessian.ties[part, :, faces:] = mixed[:, :width]
            hessian.shared[:faces, faces:] += mixed[:, width:].sum(0)
            hessian.shared[faces:, :faces] = hessian.shared[:faces, faces:].T
            hessian.shared[faces:, faces:] += views.cameras
    add_prior_curvature(problem, at, hessian)
    return hessian


def _tension(problem: Problem) -> Tensor:
    """(F,) what the temporal term adds to the information on each point of a frame, 1 / m^2."""
    pull = problem.options.weights.temporal / problem.seconds
    return torch.nn.functional.pad(pull, (1, 0)) + torch.nn.functional.pad(pull, (0, 1))


def _views(problem: Problem, at: Parameters, points: Tensor, part: slice, tension: Tensor) -> _Views:
    cameras = at.cameras(problem.cameras)
    # by_point[f, c, l, :, i] = d pixel / d X_i
    steps = [torch.eye(3, dtype=points.dtype, device=points.device)[i].expand_as(points) for i in range(3)]
    columns = [_along(lambda x: project(x, cameras), (points,), (step,)) for step in steps]
    by_point = torch.stack(columns, dim=-1)
    pixels = project(points, cameras)
    weight = _weights(problem, pixels, part)
    weighted = by_point * weight[..., None, None]
    information = torch.einsum("fclki,fclkj->flij", weighted, by_point)
    information = information + tension[:, None, None, None] * torch.eye(3).to(information)
    if set(CAMERA_GROUPS) <= problem.options.frozen:
        return _Views(information, None, None)
    by_camera = _by_camera(problem, at, points)
    crossed = torch.einsum("fclki,fclkp->flicp", weighted, by_camera)
    blocks = torch.einsum("fcl,fclkp,fclkq->cpq", weight, by_camera, by_camera)
    order = _shared_order(len(problem.names)).to(points.device)
    return _Views(information, crossed.flatten(-2)[..., order], _block_diagonal(blocks)[order][:, order])


def _weights(problem: Problem, pixels: Tensor, part: slice) -> Tensor:
    """(f, C, L) weight of each squared pixel, the robust kernel's slope included."""
    options, precision = problem.options, problem.precision[part]
    squared = squared_residuals(pixels, problem.mean[part], precision)
    slope = influence(options.robust, squared, options.robust_scale)
    return options.weights.landmarks * precision * slope


def _by_camera(problem: Problem, at: Parameters, points: Tensor) -> Tensor:
    """(f, C, L, 2, 12) derivatives of the pixels by each camera's own numbers, all cameras at once."""
    groups = tuple(getattr(at, name) for name in CAMERA_GROUPS)

    def pixels(*moved: Tensor) -> Tensor:
        moving = Parameters(at.identity, at.expression, at.pose, *moved)
        return project(points, moving.cameras(problem.cameras))

    columns = []
    for index, width in enumerate(_CAMERA_WIDTHS):
        for component in range(width):
            step = [torch.zeros_like(group) for group in groups]
            step[index][:, component] = 1.0
            columns.append(_along(pixels, groups, tuple(step)))
    return torch.stack(columns, dim=-1)


def _shared_order(cameras: int) -> Tensor:
    """(12 C,) from camera-by-camera order to that of :attr:`Parameters.shared`, group by group."""
    grid = torch.arange(12 * cameras).view(cameras, 12)
    return torch.cat([columns.reshape(-1) for columns in torch.split(grid, _CAMERA_WIDTHS, dim=1)])


def _along(function: Callable[..., Tensor], at: tuple[Tensor, ...], step: tuple[Tensor, ...]) -> Tensor:
    """The directional derivative of a function."""
    _, derivative = jvp(function, at, step)  # type: ignore[no-untyped-call]
    return torch.as_tensor(derivative)


def _block_diagonal(blocks: Tensor) -> Tensor:
    """(C n, C n) with blocks (C, n, n) along its diagonal."""
    count, width, _ = blocks.shape
    spread = torch.eye(count).to(blocks)[:, None, :, None] * blocks[:, :, None, :]
    return spread.reshape(count * width, count * width)


def _root(information: Tensor) -> Tensor:
    """Lower Cholesky factors of (f, L, 3, 3), which are singular where one camera sees a point."""
    trace = information.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    ridge = (1e-9 * trace + _TINY) * torch.eye(3).to(information)
    return torch.as_tensor(torch.linalg.cholesky(information + ridge))
