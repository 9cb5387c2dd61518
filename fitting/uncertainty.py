"""How far what a fit gives may be from the truth: posterior standard deviations, from the normal matrix.

The energy is a negative log likelihood, so that its Hessian at the solution is the inverse covariance of the
unknowns (Laplace's approximation): noise, robust weights and priors included. A marginal is a diagonal of the
covariance, so that a frame inherits what is unsure about the identity, the cameras and the frames beside it.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.camera_spread import camera_spread
from fitting.head_model import HeadPoints
from fitting.marginals import Marginals
from fitting.parameters import CAMERA_GROUPS, Parameters
from fitting.problem import Problem
from fitting.solvers.head_derivatives import point_derivatives
from fitting.solvers.linearisation import linearise

Array = NDArray[np.float64]

# Points whose spread in space is looked at, and frames at once: some 20 MB of derivatives.
_POINTS = 200
_FRAMES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """One standard deviation of each unknown; F frames, C cameras. Zero for what was held fixed.

    Attributes:
        identity: (B,) of beta.
        expression: (F, E) of psi.
        motion: (F, 15) of head motions (:mod:`fitting.head_motion`): head in the world, head against neck,
            left eye, right eye in radians about the axes of the head at rest, then the head's origin in
            metres.
        surface: (F,) metres, of the landmarks in space: root mean square over them, all three axes together.
            NaN where no camera saw the frame, as in `expression` and `motion`.
        camera_rotation: (C, 3) radians about the camera's axes.
        camera_position: (C, 3) metres along the camera's axes (right, down, forward).
        focal: (C,) relative.
        distortion: (C, 5) of k1 k2 p1 p2 k3.
        view: (C,) pixels, of where a camera sees the head: root mean square over the head.
        identity_covariance: (B, B) of beta, where it was kept.
    """

    identity: Array
    expression: Array
    motion: Array
    surface: Array
    camera_rotation: Array
    camera_position: Array
    focal: Array
    distortion: Array
    view: Array
    identity_covariance: Array | None = None

    def spread_over(self, rows: NDArray[np.bool_]) -> Uncertainty:
        """The same for all frames, of which these are the ones at `rows` (F,): NaN elsewhere."""
        frames = {}
        for name in ("expression", "motion", "surface"):
            known = getattr(self, name)
            frames[name] = np.full((len(rows), *known.shape[1:]), np.nan)
            frames[name][rows] = known
        return Uncertainty(**(vars(self) | frames))


@torch.no_grad()
def posterior(
    problem: Problem, solution: Parameters, free: Parameters, identity_covariance: Array | None = None
) -> Uncertainty:
    """The standard deviations of a solution.

    What is the same in every view and frame (:attr:`fitting.options.FitOptions.systematic`) does not average
    away: the fit lets E_identity weigh more by some factor, and here the covariance of the identity is that
    many times as wide, which is the same statement.

    Args:
        problem: that was solved.
        solution: Phi at the minimum.
        free: masks of what was free to move.
        identity_covariance: (B, B) of an identity that was held and found elsewhere, for frames to inherit.

    Raises:
        SolverError: if the normal matrix cannot be factorised.
    """
    # With cameras that stay, single precision changes a deviation by 1e-5 of it. Where they move, distance
    # and focal length nearly cancel, and it would be half a percent.
    held_cameras = set(CAMERA_GROUPS) <= problem.options.frozen
    hessian = linearise(problem, solution, dtype=torch.float32 if held_cameras else torch.float64)
    span = problem.head.expression_range
    at_bound = (solution.expression <= span.low) | (solution.expression >= span.high)
    if identity_covariance is not None:
        free = replace(free, identity=torch.ones_like(free.identity))
    known = None if identity_covariance is None else torch.as_tensor(identity_covariance)
    unbound = Marginals.of(hessian, free)
    if known is not None:
        unbound.inherit(known)
    loose = unbound.frame_deviation[:, : at_bound.shape[1]]
    del unbound
    # A shape at its bound lets the others alone; what it could itself be shows only where it may move.
    held = replace(free, expression=free.expression & ~at_bound)
    marginals = Marginals.of(hessian, held)
    del hessian  # most of the memory
    if known is None:
        marginals.widen(len(solution.identity), _systematic(problem))
    else:
        marginals.inherit(known)
    spread = solution.rebuild(marginals.frame_deviation, marginals.shared_deviation)
    first = len(solution.identity)
    cameras = camera_spread(problem, solution, marginals.shared[first:, first:])
    expression = torch.where(at_bound, loose, spread.expression)
    return Uncertainty(
        identity=_numpy(spread.identity),
        expression=_numpy(expression),
        motion=_numpy(spread.pose),
        surface=_numpy(_surface(problem, solution, marginals)),
        camera_rotation=_numpy(cameras.rotation),
        camera_position=_numpy(cameras.position),
        focal=_numpy(cameras.focal[:, 0]),
        distortion=_numpy(cameras.distortion),
        view=_numpy(cameras.view),
        identity_covariance=_numpy(marginals.shared[:first, :first]),
    )


def _systematic(problem: Problem) -> float:
    """By how much E_identity weighs more because repeated views repeat their errors."""
    weight = problem.options.weights.identity
    return problem.identity_weight / weight if weight > 0 else 1.0


def _surface(problem: Problem, at: Parameters, marginals: Marginals) -> Tensor:
    """(F,) see :attr:`Uncertainty.surface`."""
    points = _thinned(problem.head)
    parts = []
    for start in range(0, len(at.pose), _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        _, slopes = point_derivatives(points, at.identity, at.expression[part], at.pose[part])
        # (f, l, 3, n) and (f, l, 3, B)
        own, shared = torch.split(slopes, [at.frame_rows.shape[1], len(at.identity)], dim=-1)
        variance = marginals.variance(part, own.flatten(1, 2), shared.flatten(1, 2))
        parts.append((3 * variance.mean(-1)).sqrt())
    return torch.cat(parts)


def _thinned(head: HeadPoints) -> HeadPoints:
    """Some :data:`_POINTS` of the points; all, if there are not twice as many."""
    step = max(1, len(head) // _POINTS)
    thin = copy(head)
    thin.points = head.points.subset(np.arange(0, len(head), step))
    few = {"corners": head.corners[::step], "weights": head.weights[::step]}
    thin._buffers = {**head._buffers, **few}
    return thin


def _numpy(tensor: Tensor) -> Array:
    return tensor.cpu().numpy().astype(np.float64)
