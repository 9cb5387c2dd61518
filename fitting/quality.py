"""What a fit says of itself: how certain each unknown is, and which frames can be relied on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fitting.head_motion import moved_points
from fitting.parameters import Parameters, free_mask
from fitting.problem import Problem
from fitting.reliability import Reliability
from fitting.uncertainty import Uncertainty, posterior

Array = NDArray[np.float64]

PLACES = 30
"""Landmarks at least that say where a head is."""


def assess(
    problem: Problem,
    solution: Parameters,
    residual_px: NDArray[np.floating],
    frames: NDArray[np.int64],
    rows: NDArray[np.bool_],
    identity_covariance: Array | None = None,
) -> tuple[Uncertainty, Reliability]:
    """Assess a solution.

    Args:
        problem: of the frames that some camera saw.
        solution: Phi at the minimum.
        residual_px: (F, C, L) pixels of the whole sequence, NaN where not seen.
        frames: (F,) its frame numbers, and rows: (F,) which of them the problem has.
        identity_covariance: (B, B) of an identity that was held.

    Returns:
        both for all F frames.

    Raises:
        SolverError: if the normal matrix cannot be factorised.
    """
    free = free_mask(
        solution, problem.options.frozen, gauge=problem.options.gauge, moving=problem.options.moving
    )
    uncertainty = posterior(problem, solution, free, identity_covariance).spread_over(rows)
    sigmas = residual_px.astype(np.float32)
    sigmas[rows] *= problem.precision.sqrt().cpu().numpy()
    known = places(problem, solution)
    spread = np.full((len(rows), *known.shape[1:]), np.nan)
    spread[rows] = known
    return uncertainty, Reliability.judge(residual_px, sigmas, uncertainty.surface, spread, frames)


@torch.no_grad()
def places(problem: Problem, at: Parameters) -> Array:
    """(F, P, 3) metres, some of the landmarks in space."""
    step = max(1, len(problem.head) // PLACES)
    parts = []
    for start, stop in problem.chunks():
        each = at.window(start, stop)
        parts.append(moved_points(problem.head, each.identity, each.expression, each.pose)[:, ::step])
    return np.asarray(torch.cat(parts).cpu().numpy())
