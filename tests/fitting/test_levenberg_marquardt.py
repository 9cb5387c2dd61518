"""Both solvers end at the same place, and go on after a step to where the energy is no number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from calibration.errors import SolverError, UsageError
from fitting.options import FitOptions, FitWeights
from fitting.parameters import CAMERA_GROUPS, Parameters, free_mask
from fitting.problem import Problem
from fitting.solvers import lbfgs, levenberg_marquardt
from fitting.solvers.stages import Stage
from tests.fitting.scenes import head, scene
from tests.fitting.test_solver import somewhere

HELD = frozenset(CAMERA_GROUPS)
STIFF = FitWeights(temporal=1e5)
GATE = 2e-3
SOLVERS = {"lm": levenberg_marquardt.minimise, "lbfgs": lbfgs.minimise}


def problem(options: FitOptions, frames: tuple[int, ...] = (1001, 1002, 1005)) -> Problem:
    """A talking head before three cameras, with noise, a landmark in ten gone wild, and gaps."""
    truth = scene(frames=frames, cameras=3, noise=1.0)
    seen = truth.observations.select_landmarks(np.arange(0, 170, 4))
    rng = np.random.default_rng(0)
    wild = rng.random(seen.shape)[..., None] < 0.1
    sight = seen.seen.copy()
    sight[1, 2] = False
    seen = replace(seen, mean=seen.mean + 30 * wild * rng.normal(size=seen.mean.shape), seen=sight)
    restricted = head().restrict(seen.points)
    like = restricted.vertices.mean
    return Problem.build(restricted, seen, np.full(seen.shape, 1.5), truth.rig, options, like)


def start(frames: int) -> Parameters:
    """At rest, a little off."""
    moved = somewhere(0.05)
    rows = [each[:1].expand(frames, -1).clone() for each in (moved.expression, moved.pose)]
    return Parameters.start(moved.identity, 0 * rows[0], rows[1], cameras=3)


def one_stage(options: FitOptions, iterations: int = 200) -> list[Stage]:
    """Everything at once, to a gate that is twenty-five times finer than that of a fit."""
    return [Stage("all", free_mask(start(3), options.frozen), iterations, GATE)]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(FitOptions(frozen=HELD | {"identity"}), id="identity_frozen"),
        pytest.param(FitOptions(frozen=HELD, robust="none", weights=STIFF), id="stiff_in_time"),
        pytest.param(FitOptions(frozen=frozenset({"distortion"}), robust="huber"), id="free_cameras"),
    ],
)
def test_both_solvers_end_at_the_same_place(options: FitOptions) -> None:
    """Energies agree to a hundredth of a nat, and every number of Phi to a hundredth."""
    posed = problem(options)
    found = {name: solve(posed, start(3), one_stage(options)) for name, solve in SOLVERS.items()}
    assert all(solution.converged for solution in found.values())
    energies = {name: posed.energy(solution.parameters) for name, solution in found.items()}
    assert energies["lm"] == pytest.approx(energies["lbfgs"], abs=1e-2)
    pairs = zip(found["lm"].parameters.tensors(), found["lbfgs"].parameters.tensors(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-2) for one, other in pairs)


def test_a_few_steps_are_enough() -> None:
    """Where the energy is nearly quadratic, ten steps reach the gate, among them those to the walls."""
    options = FitOptions(frozen=HELD, robust="none")
    found = levenberg_marquardt.minimise(problem(options), start(3), one_stage(options))
    assert found.converged
    assert found.iterations["all"] <= 12


@dataclass
class Pitfall(Problem):
    """A problem whose energy is no number where any face coefficient is farther from a place than an edge."""

    edge: float = 0.0

    def energy(self, parameters: Parameters) -> float:
        away = (parameters.frame_rows - start(3).frame_rows).abs().max()
        if float(away.detach()) > self.edge:
            raise SolverError("the energy is no finite number", where="Frame 1002, camera cam1")
        return super().energy(parameters)


def pitfall(edge: float) -> Pitfall:
    """The problem with an edge."""
    return Pitfall(**vars(problem(FitOptions(frozen=HELD))), edge=edge)


@pytest.mark.parametrize("name", ["lm", "lbfgs"])
def test_a_step_to_no_number_is_taken_back(name: str) -> None:
    """The first step leads over an edge; a shorter one gains what can be had before it."""
    posed = pitfall(edge=0.3)
    before = posed.energy(start(3))
    after = SOLVERS[name](posed, start(3), one_stage(posed.options, 15))
    assert posed.energy(after.parameters) < 0.9 * before


@pytest.mark.parametrize("name", ["lm", "lbfgs"])
def test_no_number_wherever_one_turns_names_frame_and_camera(name: str) -> None:
    """If not even the shortest step gives a number, the error says where it came from."""
    posed = pitfall(edge=0.0)
    with pytest.raises(SolverError, match="Frame 1002, camera cam1"):
        SOLVERS[name](posed, start(3), one_stage(posed.options, 60))


def test_an_unknown_solver_is_refused_with_the_known_ones() -> None:
    """A misspelt solver gets a message that lists what there is."""
    with pytest.raises(UsageError, match="lm, lbfgs"):
        FitOptions(solver="newton")
