"""L-BFGS over all frames at once (W22 section 3.3), in stages, in preconditioned coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.linearisation import linearise
from fitting.parameters import Parameters
from fitting.preconditioner import Preconditioner
from fitting.problem import Problem

Progress = Callable[[int, int, str], None]

# Iterations between two linearisations: later ones gain little, since the curvature has moved on.
_ROUND = 10
_HISTORY = 20


@dataclass(frozen=True)
class Stage:
    """A part of the solution: which numbers may move, and for how long.

    Attributes:
        name: for progress and reports.
        mask: true where a number may move.
        max_iterations: of L-BFGS.
        tolerance: the gate; see :func:`minimise`.
    """

    name: str
    mask: Parameters
    max_iterations: int
    tolerance: float


@dataclass(frozen=True)
class Solution:
    """Where the solver stopped.

    Attributes:
        parameters: Phi.
        converged: whether the last stage reached its gate.
        iterations: by stage.
    """

    parameters: Parameters
    converged: bool
    iterations: dict[str, int]


def minimise(
    problem: Problem, start: Parameters, stages: Sequence[Stage], progress: Progress | None = None
) -> Solution:
    """Minimise the energy, stage after stage.

    The gate of a stage: with z the preconditioned coordinates at the current point, `|dE/dz|` is the length
    of a Gauss-Newton step in standard deviations of the unknowns (the energy is a negative log likelihood).
    The gate is reached when the root mean square over the unknowns is below the stage's tolerance.

    Raises:
        SolverError: if the energy is not finite, naming the frame and camera.
    """
    parameters, converged = start.detach(), False
    total = sum(stage.max_iterations for stage in stages)
    iterations: dict[str, int] = {}
    for number, stage in enumerate(stages):
        before = sum(each.max_iterations for each in stages[:number])
        used = 0
        while True:
            descent = _Descent(problem, parameters, stage)
            converged = descent.at_gate()
            if progress is not None:
                progress(before + used, total, f"{stage.name}, energy {descent.energy:.6g}")
            if converged or used >= stage.max_iterations:
                break
            gained = descent.run(min(_ROUND, stage.max_iterations - used))
            parameters = descent.parameters()
            used += max(gained, 1)
        iterations[stage.name] = iterations.get(stage.name, 0) + used
    if progress is not None:
        progress(total, total, f"{stages[-1].name}, done")
    return Solution(parameters, converged, iterations)


class _Descent:
    """One round: a linearisation, and some iterations of L-BFGS in its coordinates."""

    def __init__(self, problem: Problem, at: Parameters, stage: Stage) -> None:
        self.problem = problem
        self.stage = stage
        problem.energy(at)  # refuses what is no number, naming its frame, before anything is factorised
        self.preconditioner = Preconditioner.build(at, linearise(problem, at), stage.mask)
        self.coordinates = [z.requires_grad_(True) for z in self.preconditioner.zeros()]
        self.energy = self._closure()

    def parameters(self) -> Parameters:
        with torch.no_grad():
            return self.preconditioner.parameters(*self.coordinates).detach()

    def at_gate(self) -> bool:
        """Whether a step from the current coordinates would be within the tolerance."""
        squared = sum(float((z.grad * z.grad).sum()) for z in self.coordinates if z.grad is not None)
        free = sum(int(mask.sum()) for mask in self.stage.mask.tensors())
        return squared <= free * self.stage.tolerance**2

    def run(self, iterations: int) -> int:
        """Iterate; gives the number of iterations made."""
        # torch scales the first step by lr / |gradient|_1, but in round coordinates it is right as it is.
        length = sum(float(z.grad.abs().sum()) for z in self.coordinates if z.grad is not None)
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

    def _closure(self) -> float:
        """The energy and its gradient by the coordinates."""
        with torch.enable_grad():
            parameters = self.preconditioner.parameters(*self.coordinates)
        leaves = parameters.require_grad()
        energy = self.problem.energy(leaves)
        slopes = [_gradient(leaf) for leaf in leaves.tensors()]
        outputs = [output for output in parameters.tensors() if output.requires_grad]
        kept = [s for s, output in zip(slopes, parameters.tensors(), strict=True) if output.requires_grad]
        gradients = torch.autograd.grad(outputs, self.coordinates, kept)
        for z, gradient in zip(self.coordinates, gradients, strict=True):
            z.grad = gradient
        self.energy = energy
        return energy


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
