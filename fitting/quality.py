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

_PLACES = 30


def assess(
    problem: Problem, solution: Parameters, frames: NDArray[np.int64], rows: NDArray[np.bool_]
) -> tuple[Uncertainty, Reliability]:
    """Assess a solution.

    Args:
        problem: of the frames that some camera saw.
        solution: Phi at the minimum.
        frames: (F,) frame numbers of the whole sequence, and rows: (F,) which of them the problem has.

    Returns:
        both for all F frames.

    Raises:
        SolverError: if the normal matrix cannot be factorised.
    """
    free = free_mask(solution, problem.options.frozen, gauge=problem.options.gauge)
    uncertainty = posterior(problem, solution, free).spread_over(rows)
    pixels = problem.residuals_px(solution)
    sigmas = pixels * problem.precision.sqrt()
    places = moved_points(problem.head, solution.identity, solution.expression, solution.pose)
    step = max(1, places.shape[1] // _PLACES)
    spread = [_over(rows, each) for each in (pixels, sigmas, places[:, ::step])]
    pixels_, sigmas_, places_ = spread
    return uncertainty, Reliability.judge(pixels_, sigmas_, uncertainty.surface, places_, frames)


def _over(rows: NDArray[np.bool_], known: torch.Tensor) -> Array:
    """Rows (F, ...) of all frames, NaN where there is none."""
    spread = np.full((len(rows), *known.shape[1:]), np.nan)
    spread[rows] = known.detach().cpu().numpy()
    return spread
