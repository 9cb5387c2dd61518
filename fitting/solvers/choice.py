"""Which solver minimises: one energy, one gate, two ways down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fitting.parameters import Parameters
from fitting.problem import Problem
from fitting.solvers import lbfgs, levenberg_marquardt
from fitting.solvers.stages import Progress, Solution, Stage

__all__ = ["Progress", "Solution", "Stage", "minimise"]

_MINIMISE: dict[str, Callable[[Problem, Parameters, Sequence[Stage], Progress | None], Solution]] = {
    "lm": levenberg_marquardt.minimise,
    "lbfgs": lbfgs.minimise,
}


def minimise(
    problem: Problem, start: Parameters, stages: Sequence[Stage], progress: Progress | None = None
) -> Solution:
    """Minimise the energy with the solver of the problem's options.

    Raises:
        SolverError: if the energy is not finite, naming the frame and camera.
    """
    return _MINIMISE[problem.options.solver](problem, start, stages, progress)
