"""L-BFGS over all frames at once (W22 section 3.3), in preconditioned coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from calibration.errors import SolverError
from fitting.parameters import Parameters
from fitting.problem import Problem
from fitting.solvers.linearisation import linearise
from fitting.solvers.preconditioner import Preconditioner
from fitting.solvers.stages import Arrival, Progress, Solution, Stage, place, run_stages

# Iterations between two linearisations: later ones gain little, since the curvature has moved on.
_ROUND = 10
_HISTORY = 20
# A round that met no number is made again in coordinates in which its steps are shorter, so many times.
_FIRST_DAMPING, _RAISES, _MOST_DAMPING = 1e-2, 32.0, 1e8


def minimise(
    problem: Problem, start: Parameters, stages: Sequence[Stage], progress: Progress | None = None
) -> Solution:
    """Minimise the energy, stage after stage.

    Raises:
        SolverError: if the energy is not finite, naming the frame and camera.
    """
    return run_stages(problem, start, stages, descend, progress)


def descend(problem: Problem, start: Parameters, stage: Stage, tell: Callable[[int, float], None]) -> Arrival:
    """One stage; see :class:`fitting.solvers.stages.Descend`."""
    parameters, used, damping = start, 0, 0.0
    while True:
        round_ = _Round(problem, parameters, stage, damping)
        tell(used, round_.best.energy)
        if round_.at_gate:
            return Arrival(parameters, True, used)
        if used >= stage.max_iterations:
            return Arrival(parameters, False, used)
        iterations = min(_ROUND, stage.max_iterations - used)
        before = round_.best.energy
        try:
            used += max(round_.run(iterations), 1)
            damping = 0.0
            if before - round_.best.energy < stage.gain * before:
                return Arrival(round_.best.parameters, True, used)
        except SolverError:
            used += 1
            if round_.best.energy >= before:
                if damping > _MOST_DAMPING:
                    raise
                damping = max(_FIRST_DAMPING, _RAISES * damping)
        parameters = round_.best.parameters


class _Round:
    """A linearisation, and some iterations of L-BFGS in its coordinates.

    Attributes:
        best: the best place that was seen. at_gate: whether the first was within the stage's tolerance.
    """

    def __init__(self, problem: Problem, at: Parameters, stage: Stage, damping: float) -> None:
        self.problem, self.stage = problem, stage
        self.best = place(problem, at, stage.mask)  # refuses what is no number before anything is factorised
        hessian = linearise(problem, at, stage.mask, torch.float32)
        self.preconditioner = Preconditioner.build(at, hessian, stage.mask)
        self.at_gate = stage.at_gate(self.preconditioner.slope(self.best.gradient))
        if damping:
            self.preconditioner = Preconditioner.build(at, hessian, stage.mask, damping)
        self.coordinates = [z.requires_grad_(True) for z in self.preconditioner.zeros()]

    def run(self, iterations: int) -> int:
        """Iterate, and keep the best place that was seen; gives the number of iterations made.

        Raises:
            SolverError: if a step led to where the energy is no number.
        """
        # torch scales the first step by lr / |gradient|_1, but in round coordinates it is right as it is.
        slope = self.preconditioner.slope(self.best.gradient)
        length = sum(float(each.abs().sum()) for each in slope)
        optimiser = torch.optim.LBFGS(
            self.coordinates,
            lr=max(length, 1.0),
            max_iter=1,
            history_size=_HISTORY,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )
        optimiser.step(self._closure)  # type: ignore[no-untyped-call]
        for group in optimiser.param_groups:
            group.update(lr=1.0, max_iter=iterations - 1, max_eval=3 * iterations)
        if iterations > 1:
            optimiser.step(self._closure)  # type: ignore[no-untyped-call]
        return int(optimiser.state[self.coordinates[0]]["n_iter"])

    @torch.no_grad()
    def _closure(self) -> float:
        """The energy and its gradient by the coordinates."""
        parameters = self.preconditioner.parameters(*self.coordinates)
        with torch.enable_grad():
            there = place(self.problem, parameters, self.stage.mask)
        for z, slope in zip(self.coordinates, self.preconditioner.slope(there.gradient), strict=True):
            z.grad = slope
        if there.energy < self.best.energy:
            self.best = there
        return there.energy
