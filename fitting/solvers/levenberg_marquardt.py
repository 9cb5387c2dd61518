"""Levenberg-Marquardt with analytic derivatives and exact sparse steps (Marquardt 1963; Nielsen 1999).

Each step solves the normal equations of all frames, the identity and the cameras at once: an arrow with a
chain (:mod:`fitting.solvers.arrow`). Robust kernels are reweighted in each step. The energy and its gate are
those of :mod:`fitting.solvers.lbfgs`, so that both end at the same place; this one needs some five steps
where the other needs thirty evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from calibration.errors import SolverError
from fitting.parameters import Parameters
from fitting.problem import Problem
from fitting.solvers.arrow import Arrow
from fitting.solvers.linearisation import linearise
from fitting.solvers.normal_matrix import Hessian
from fitting.solvers.stages import Arrival, Place, Progress, Solution, Stage, place, run_stages, squared_norm

# A step that failed is tried again with damping, which grows ever faster and, in good steps, falls to none.
_FIRST_DAMPING = 1e-4
_LEAST_DAMPING = 1e-7
_MOST_DAMPING = 1e9
# A step is taken that gains this part of what it promised.
_WORTH = 1e-3


def minimise(
    problem: Problem, start: Parameters, stages: Sequence[Stage], progress: Progress | None = None
) -> Solution:
    """Minimise the energy, stage after stage.

    A step to where the energy is higher or no finite number is not taken, and a shorter one tried.

    Raises:
        SolverError: if the energy is not finite, naming the frame and camera.
    """
    return run_stages(problem, start, stages, descend, progress)


def descend(problem: Problem, start: Parameters, stage: Stage, tell: Callable[[int, float], None]) -> Arrival:
    """One stage; see :class:`fitting.solvers.stages.Descend`."""
    here, damping, used = place(problem, start, stage.mask), 0.0, 0
    while True:
        tell(used, here.energy)
        hessian = linearise(problem, here.parameters, stage.mask, torch.float32)
        step = _Step(here, hessian, stage, damping)
        if step.at_gate() and (not damping or _Step(here, hessian, stage, 0.0).at_gate()):
            return Arrival(here.parameters, True, used)
        growth, outcome, refused = 1.0, None, None
        while outcome is None:
            if damping > _MOST_DAMPING and refused is not None:
                raise refused
            if damping > _MOST_DAMPING or used >= stage.max_iterations:
                return Arrival(here.parameters, False, used)
            used += 1
            try:
                outcome = step.outcome(problem)
            except SolverError as error:
                refused = error
            if outcome is None:
                growth *= 4.0
                damping = max(damping * growth, _FIRST_DAMPING)
                step = _Step(here, hessian, stage, damping)
        gained = here.energy - outcome.place.energy
        here, damping = outcome.place, _lowered(damping, outcome.ratio)
        if gained < stage.gain * here.energy:
            return Arrival(here.parameters, True, used)


@dataclass(frozen=True)
class _Outcome:
    """Where a step led, and what part of the promised energy it gained."""

    place: Place
    ratio: float


class _Step:
    """A damped Gauss-Newton step."""

    def __init__(self, here: Place, hessian: Hessian, stage: Stage, damping: float) -> None:
        self.here, self.stage = here, stage
        arrow = Arrow.factorised(hessian, stage.mask, damping)
        self.slope = arrow.whiten(*here.gradient)
        self.rows, self.shared = arrow.unwhiten(*(-each for each in self.slope))
        # Of the model g^T d + d^T H d / 2, with (H + damping diag H) d = -g
        stretch = (hessian.frames.diagonal(dim1=-2, dim2=-1) * self.rows**2).sum()
        stretch = stretch + (hessian.shared.diagonal() * self.shared**2).sum()
        self.promise = 0.5 * squared_norm(self.slope) + 0.5 * damping * float(stretch)

    def at_gate(self) -> bool:
        """Whether the step is short enough for the stage to be done."""
        return self.stage.at_gate(self.slope)

    def outcome(self, problem: Problem) -> _Outcome | None:
        """Where the step leads, or None if that is hardly better.

        Raises:
            SolverError: if the energy there is no finite number.
        """
        start = self.here.parameters
        moved = start.rebuild(start.frame_rows + self.rows, start.shared + self.shared)
        there = place(problem, moved, self.stage.mask)
        ratio = (self.here.energy - there.energy) / self.promise
        return _Outcome(there, ratio) if ratio > _WORTH else None


def _lowered(damping: float, ratio: float) -> float:
    """The damping after a step that was taken (Nielsen 1999)."""
    lowered = damping * max(0.1, 1 - (2 * ratio - 1) ** 3)
    return lowered if lowered > _LEAST_DAMPING else 0.0
