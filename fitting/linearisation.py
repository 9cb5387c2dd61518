"""The Gauss-Newton Hessian of a :class:`fitting.problem.Problem`: exact derivatives, a few frames at a time.

Each camera's information about a landmark is a 3 x 3 matrix, and they add up before they meet the derivatives
of the head: the cost hardly grows with the number of cameras. All is done in the axes of the head in each
frame, in which most derivatives by the identity do not change from frame to frame, so that its part of the
matrix is summed over frames first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fitting.camera_slopes import CameraTies, camera_ties
from fitting.head_derivatives import HeadDerivatives, Turned
from fitting.head_motion import moved_points
from fitting.normal_matrix import Hessian
from fitting.parameters import CAMERA_GROUPS, Parameters
from fitting.prior_curvature import add_prior_curvature
from fitting.problem import Problem
from fitting.reprojection import Sight, gather_squares

# Frames whose landmark derivatives are held at once: some 60 MB for 703 landmarks in float64.
_FRAMES_AT_ONCE = 16


@torch.no_grad()
def linearise(problem: Problem, at: Parameters) -> Hessian:
    """The Gauss-Newton Hessian of the whole energy at the given parameters.

    The temporal term ties each frame to the next; what it says of the identity (a head that keeps its shape
    moves its landmarks less or more) is left out, being a millionth of what the landmarks say.
    """
    assembly = _Assembly(problem, at)
    for start in range(0, len(at.pose), _FRAMES_AT_ONCE):
        assembly.add(slice(start, min(start + _FRAMES_AT_ONCE, len(at.pose))))
    hessian = assembly.finish()
    add_prior_curvature(problem, at, hessian)
    return hessian


class _Assembly:
    """The Hessian while frames are added to it."""

    def __init__(self, problem: Problem, at: Parameters) -> None:
        self.problem, self.at = problem, at
        self.derivatives = HeadDerivatives(problem.head)
        self.cameras = at.cameras(problem.cameras)
        count, width = at.frame_rows.shape
        self.pull = problem.options.weights.temporal / problem.seconds
        chained = problem.options.weights.temporal > 0
        self.hessian = Hessian.zeros(at.identity, count, width, len(at.shared), chained=chained)
        rigid = len(self.derivatives.basis)
        self.information = at.identity.new_zeros(rigid, 3, 3)
        self.free_cameras = not set(CAMERA_GROUPS) <= problem.options.frozen
        self.cross = at.identity.new_zeros(rigid, 3, len(at.shared) - len(at.identity))
        self.last: tuple[Tensor, Tensor] | None = None

    def add(self, part: slice) -> None:
        """Add some frames, which follow those that were added before."""
        at, hessian = self.at, self.hessian
        turned = self.derivatives.at(at.identity, at.expression[part], at.pose[part])
        information, ties = self._views(part, turned.axes)
        weighted = information @ turned.own
        own = turned.own.flatten(1, 2)
        hessian.frames[part] = own.mT @ weighted.flatten(1, 2)
        self._add_identity(part, turned, information, weighted)
        if ties is not None:
            self._add_cameras(part, turned, ties)
        if hessian.between is not None:
            self._add_chain(part, turned)

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
        rigid, faces = len(self.derivatives.basis), len(self.at.identity)
        basis, others = self.derivatives.basis.flatten(0, 1), turned.shared.flatten(1, 2)
        ties = weighted[:, :rigid].flatten(1, 2).mT @ basis
        ties += weighted[:, rigid:].flatten(1, 2).mT @ others
        self.hessian.ties[part, :, :faces] = ties
        self.information += information[:, :rigid].sum(0)
        heavy = (information[:, rigid:] @ turned.shared).flatten(0, 2)
        self.hessian.shared[:faces, :faces] += others.flatten(0, 1).T @ heavy

    def _add_cameras(self, part: slice, turned: Turned, ties: CameraTies) -> None:
        rigid, faces = len(self.derivatives.basis), len(self.at.identity)
        self.hessian.ties[part, :, faces:] = turned.own.flatten(1, 2).mT @ ties.cross.flatten(1, 2)
        self.cross += ties.cross[:, :rigid].sum(0)
        others = turned.shared.flatten(0, 2).T @ ties.cross[:, rigid:].flatten(0, 2)
        self.hessian.shared[:faces, faces:] += others
        self.hessian.shared[faces:, faces:] += ties.cameras

    def _add_chain(self, part: slice, turned: Turned) -> None:
        """The temporal term: what ties each frame to the one before."""
        between, first = self.hessian.between, max(part.start, 1)
        if between is None or first == part.stop:
            return
        own, axes = turned.own, turned.axes
        if self.last is not None:
            own, axes = torch.cat((self.last[0], own)), torch.cat((self.last[1], axes))
        self.last = turned.own[-1:], turned.axes[-1:]
        pull = self.pull[first - 1 : part.stop - 1, None, None]
        flat = own.flatten(1, 2)
        squares = flat.mT @ flat
        turn = (axes[:-1].mT @ axes[1:]).unsqueeze(1)
        between[first - 1 : part.stop - 1] = -pull * (flat[:-1].mT @ (turn @ own[1:]).flatten(1, 2))
        self.hessian.frames[first - 1 : part.stop - 1] += pull * squares[:-1]
        self.hessian.frames[first : part.stop] += pull * squares[1:]

    def finish(self) -> Hessian:
        """The Hessian, with what was summed over the frames put in."""
        faces, basis, shared = len(self.at.identity), self.derivatives.basis, self.hessian.shared
        flat = basis.flatten(0, 1)
        shared[:faces, :faces] += flat.T @ (self.information @ basis).flatten(0, 1)
        shared[:faces, faces:] += flat.T @ self.cross.flatten(0, 1)
        shared[faces:, :faces] = shared[:faces, faces:].T
        return self.hessian
