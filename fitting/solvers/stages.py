"""What every solver of a fit has in common: stages, their gate, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fitting.parameters import GROUPS, Parameters
from fitting.problem import Problem

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Stage:
    """A part of the solution: which numbers may move, and for how long.

    Attributes:
        name: for progress and reports.
        mask: true where a number may move.
        max_iterations: of the solver.
        tolerance: the gate; see :meth:`at_gate`.
        gain: the stage is also done when a step gains less than this part of the energy: for stages that only
            lead to the next one, in which nothing is to be had by being exact.
    """

    name: str
    mask: Parameters
    max_iterations: int
    tolerance: float
    gain: float = 0.0

    def at_gate(self, slope: tuple[Tensor, Tensor]) -> bool:
        """Whether the unknowns are as near the minimum as was asked for.

        With `H = L L^T` the normal matrix and g the gradient, `|L^-1 g|` is the length of a Gauss-Newton step
        in standard deviations of the unknowns (the energy is a negative log likelihood). The gate is reached
        when the root mean square over the unknowns is below the tolerance.

        Args:
            slope: `L^-1 g`, of the frames and of what they share.
        """
        free = sum(int(mask.sum()) for mask in self.mask.tensors())
        return squared_norm(slope) <= free * self.tolerance**2


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


@dataclass(frozen=True)
class Place:
    """The energy at some parameters, and its gradient by (F, n) frame rows and (S,) shared numbers."""

    parameters: Parameters
    energy: float
    gradient: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Arrival:
    """How a stage ended: where, whether at its gate, and after how many iterations."""

    parameters: Parameters
    converged: bool
    iterations: int


class Descend(Protocol):
    """A solver of one stage, which calls `tell` with the iterations so far and the energy."""

    def __call__(
        self, problem: Problem, start: Parameters, stage: Stage, tell: Callable[[int, float], None]
    ) -> Arrival:
        """Minimise the energy over what is free in a stage."""
        ...


def run_stages(
    problem: Problem,
    start: Parameters,
    stages: Sequence[Stage],
    descend: Descend,
    progress: Progress | None = None,
) -> Solution:
    """Minimise the energy, stage after stage."""
    parameters, converged = start.detach(), False
    total = sum(stage.max_iterations for stage in stages)
    iterations: dict[str, int] = {}
    before = 0
    for stage in stages:

        def tell(used: int, energy: float, before: int = before, name: str = stage.name) -> None:
            if progress is not None:
                progress(before + used, total, f"{name}, energy {energy:.6g}")

        arrival = descend(problem, parameters, stage, tell)
        parameters, converged = arrival.parameters, arrival.converged
        iterations[stage.name] = iterations.get(stage.name, 0) + arrival.iterations
        before += stage.max_iterations
    if progress is not None:
        progress(total, total, f"{stages[-1].name}, done")
    return Solution(parameters, converged, iterations)


def place(problem: Problem, parameters: Parameters, free: Parameters) -> Place:
    """The energy and its gradient by the groups that may move; zero by the others.

    Raises:
        SolverError: if the energy is no finite number, naming frame and camera.
    """
    leaves = parameters.detach()
    for name in GROUPS:
        getattr(leaves, name).requires_grad_(bool(getattr(free, name).any()))
    energy = problem.energy(leaves)
    slope = leaves.map(lambda leaf: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)
    return Place(parameters, energy, (slope.frame_rows, slope.shared))


def squared_norm(pair: tuple[Tensor, Tensor]) -> float:
    """`|x|^2` of the numbers of the frames and of those that they share."""
    return sum(float((each * each).sum()) for each in pair)
