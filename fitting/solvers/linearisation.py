"""The Gauss-Newton Hessian of a :class:`fitting.problem.Problem`: exact derivatives, a few frames at a time.

Each camera's information about a landmark is a 3 x 3 matrix, and they add up before they meet the derivatives
of the head: the cost hardly grows with the number of cameras. All is done in the axes of the head in each
frame, in which most derivatives by the identity do not change from frame to frame, so that its part of the
matrix is summed over frames first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fitting.head_motion import moved_points
from fitting.parameters import CAMERA_GROUPS, Parameters
from fitting.problem import Problem
from fitting.reprojection import Sight, gather_squares
from fitting.solvers.camera_slopes import CameraTies, camera_ties
from fitting.solvers.head_derivatives import HeadDerivatives, Turned, Wanted
from fitting.solvers.normal_matrix import Hessian
from fitting.solvers.prior_curvature import add_prior_curvature

# Frames whose landmark derivatives are held at once: some 60 MB for 703 landmarks in float64.
_FRAMES_AT_ONCE = 16


@torch.no_grad()
def linearise(
    problem: Problem, at: Parameters, free: Parameters | None = None, dtype: torch.dtype = torch.float64
) -> Hessian:
    """The Gauss-Newton Hessian of the whole energy at the given parameters.

    Args:
        problem: the energy. at: where.
        free: masks of what may move: where identity or expression may not, their derivatives stay zero. All
            may, if not given.
        dtype: of the landmarks' derivatives by the face. Single precision is enough for a step.

    The temporal term ties each frame to the next; what it says of the identity (a head that keeps its shape
    moves its landmarks less or more) is left out, being a millionth of what the landmarks say.
    """
    wanted = Wanted(dtype=dtype)
    if free is not None:
        wanted = Wanted(bool(free.identity.any()), bool(free.expression.any()), dtype)
    assembly = _Assembly(problem, at, wanted)
    for start in range(0, len(at.pose), _FRAMES_AT_ONCE):
        assembly.add(slice(start, min(start + _FRAMES_AT_ONCE, len(at.pose))))
    hessian = assembly.finish()
    add_prior_curvature(problem, at, hessian)
    return hessian


class _Assembly:
    """The Hessian while frames are added to it."""

    def __init__(self, problem: Problem, at: Parameters, wanted: Wanted) -> None:
        self.problem, self.at = problem, at
        self.derivatives = HeadDerivatives(problem.head, wanted)
        self.cameras = at.cameras(problem.cameras)
        self.pull = problem.options.weights.temporal / problem.seconds
        chained = problem.options.weights.temporal > 0
        self.free_cameras = not set(CAMERA_GROUPS) <= problem.options.frozen
        # Cameras that stay are tied to nothing, and their part of the ties would be most of the memory.
        tied = len(at.shared if self.free_cameras else at.identity)
        like = at.identity.to(wanted.dtype)
        self.hessian = Hessian.zeros(like, at.frame_rows, tied, len(at.shared), chained=chained)
        # The numbers that the derivatives are by: of the frames, and of what they share
        self.own = slice(0 if wanted.expression else at.expression.shape[1], at.frame_rows.shape[1])
        self.faces = slice(0, self.derivatives.basis.shape[-1])
        self.seers = slice(len(at.identity), len(at.shared))
        rigid = len(self.derivatives.basis)
        self.information = at.identity.new_zeros(rigid, 3, 3)
        self.cross = at.identity.new_zeros(rigid, 3, len(at.shared) - len(at.identity))
        self.last: tuple[Tensor, Tensor] | None = None

    def add(self, part: slice) -> None:
        """Add some frames, which follow those that were added before."""
        at = self.at
        turned = self.derivatives.at(at.identity, at.expression[part], at.pose[part])
        information, ties = self._views(part, turned.axes)
        weighted = information.to(turned.own) @ turned.own
        self._add_identity(part, turned, information, weighted)
        weighted += self._tension(part).to(weighted)[:, None, None, None] * turned.own
        self.hessian.frames[part, self.own, self.own] = _by_landmarks(turned.own, weighted)
        if ties is not None:
            self._add_cameras(part, turned, ties)
        if self.hessian.between is not None:
            self._add_chain(part, turned)

    def _tension(self, part: slice) -> Tensor:
        """(f,) what the temporal term adds to the information on each point of some frames, 1 / m^2."""
        both = torch.nn.functional.pad(self.pull, (1, 0)) + torch.nn.functional.pad(self.pull, (0, 1))
        return both[part]

    def _views(self, part: slice, axes: Tensor) -> tuple[Tensor, CameraTies | None]:
        """What all cameras say of each point (f, L, 3, 3) in the head's axes, and how they are tied to it."""
        problem, at = self.problem, self.at
        points = moved_points(problem.head, at.identity, at.expression[part], at.pose[part])
        sight = Sight.of(points[:, self.derivatives.order], self.cameras)
        seen = problem.seen(part.start, part.stop).select(self.derivatives.order)
        weight = problem.options.weights.landmarks * seen.weights(seen.off(sight)[2])
        slopes = sight.slopes()
        turn = self.cameras.rotation @ axes.unsqueeze(1)
        information = gather_squares(slopes.squares(weight), turn)
        ties = camera_ties(sight, slopes, weight, turn, at) if self.free_cameras else None
        return information, ties

    def _add_identity(self, part: slice, turned: Turned, information: Tensor, weighted: Tensor) -> None:
        basis, shared, faces = self.derivatives.basis, turned.shared, self.faces
        rigid = len(basis)
        ties = weighted[:, :rigid].flatten(1, 2).mT @ basis.flatten(0, 1)
        self.hessian.ties[part, self.own, faces] = ties + _by_landmarks(weighted[:, rigid:], shared)
        self.information += information[:, :rigid].sum(0)
        heavy = information[:, rigid:].to(shared) @ shared
        self.hessian.shared[faces, faces] += shared.flatten(0, 2).T @ heavy.flatten(0, 2)

    def _add_cameras(self, part: slice, turned: Turned, ties: CameraTies) -> None:
        rigid, cross = len(self.derivatives.basis), ties.cross.to(turned.own)
        self.hessian.ties[part, self.own, self.seers] = _by_landmarks(turned.own, cross)
        self.cross += ties.cross[:, :rigid].sum(0)
        others = turned.shared.flatten(0, 2).T @ cross[:, rigid:].flatten(0, 2)
        self.hessian.shared[self.faces, self.seers] += others
        self.hessian.shared[self.seers, self.seers] += ties.cameras

    def _add_chain(self, part: slice, turned: Turned) -> None:
        """The temporal term: what ties each frame to the one before."""
        own, axes, first = turned.own, turned.axes, part.start
        if self.last is not None:
            own, axes, first = torch.cat((self.last[0], own)), torch.cat((self.last[1], axes)), first - 1
        self.last = turned.own[-1:], turned.axes[-1:]
        here = slice(first, part.stop - 1)
        if self.hessian.between is not None and here.start < here.stop:
            turn = -self.pull[here, None, None] * axes[:-1].mT @ axes[1:]
            tied = _by_landmarks(own[:-1], turn.to(own).unsqueeze(1) @ own[1:])
            self.hessian.between[here, self.own, self.own] = tied

    def finish(self) -> Hessian:
        """The Hessian, with what was summed over the frames put in."""
        basis, shared = self.derivatives.basis.to(self.information), self.hessian.shared
        flat = basis.flatten(0, 1)
        shared[self.faces, self.faces] += flat.T @ (self.information @ basis).flatten(0, 1)
        shared[self.faces, self.seers] += flat.T @ self.cross.flatten(0, 1)
        shared[self.seers, self.faces] = shared[self.faces, self.seers].T
        return self.hessian


def _by_landmarks(left: Tensor, right: Tensor) -> Tensor:
    """`left^T right` (f, n, m) of (f, L, 3, n) and (f, L, 3, m), summed over landmarks and axes."""
    return left.flatten(1, 2).mT @ right.flatten(1, 2)
