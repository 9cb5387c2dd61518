"""The solver: its linearisation, its preconditioner, its stages and its gate."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from calibration.errors import SolverError, UsageError
from calibration.projection import project
from fitting.head_motion import head_motion, model_pose, moved_points
from fitting.options import CameraUncertainty, FitOptions, FitWeights
from fitting.parameters import CAMERA_GROUPS, GROUPS, Parameters, free_mask
from fitting.problem import Problem
from fitting.solvers.choice import Stage, minimise
from fitting.solvers.head_derivatives import point_derivatives
from fitting.solvers.linearisation import linearise
from fitting.solvers.preconditioner import Preconditioner
from tests.fitting.scenes import head, scene

OPEN = FitOptions(frozen=frozenset(), robust="none", weights=FitWeights(temporal=0.0))


@lru_cache
def problem(options: FitOptions = OPEN) -> Problem:
    truth = scene(frames=(1001, 1004), cameras=3)
    restricted = head().restrict(truth.observations.points.subset(np.arange(0, 160, 8)))
    observations = truth.observations
    thinned = type(observations)(
        observations.frames,
        observations.mean[:, :, 0:160:8],
        observations.sigma[:, :, 0:160:8],
        observations.seen,
        restricted.points,
    )
    like = restricted.vertices.mean
    return Problem.build(restricted, thinned, np.ones(thinned.shape), truth.rig, options, like)


def somewhere(scale: float = 0.1, seed: int = 0) -> Parameters:
    """Parameters at rest, each number moved at random."""
    model, generator = head(), torch.Generator().manual_seed(seed)
    sizes = (model.identity_size,), (2, model.expression_size), (2, model.pose_size)
    ones = [torch.ones(size, dtype=torch.float64) for size in sizes]
    rest = Parameters.start(0 * ones[0], 0.5 * ones[1], 0 * ones[2], cameras=3)
    small = Parameters.start(ones[0], ones[1], ones[2], cameras=3)
    small.camera_rotation, small.camera_translation = torch.full((3, 3), 0.01), torch.full((3, 3), 0.01)
    small.focal, small.distortion = torch.full((3, 1), 0.01), torch.full((3, 5), 0.01)
    moved = [
        value + scale * size * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for value, size in zip(rest.tensors(), small.tensors(), strict=True)
    ]
    return Parameters(*moved)


def stage(frozen: set[str], iterations: int = 40, tolerance: float = 1e-3) -> Stage:
    return Stage("all", free_mask(somewhere(), frozen), iterations, tolerance)


def test_head_motion_and_pose_are_one_thing_in_two_coordinates() -> None:
    """Going to the model's pose and back changes nothing, and rigid points move as the motion says."""
    motion = somewhere(0.3).pose
    restricted = problem().head
    joints = restricted.vertices.joints(somewhere().identity)
    torch.testing.assert_close(head_motion(model_pose(motion, joints), joints), motion)


def test_the_derivatives_by_hand_are_those_of_automatic_differentiation() -> None:
    """The linear parts that are written out agree with reverse-mode differentiation of the whole head."""
    at, restricted = somewhere(0.2), problem().head
    points, derivatives = point_derivatives(restricted, at.identity, at.expression, at.pose)

    def one(expression: torch.Tensor, motion: torch.Tensor, identity: torch.Tensor) -> torch.Tensor:
        return moved_points(restricted, identity, expression, motion)

    parts = torch.func.vmap(torch.func.jacrev(one, argnums=(0, 1, 2)), in_dims=(0, 0, None))(
        at.expression, at.pose, at.identity
    )
    torch.testing.assert_close(points, one(at.expression, at.pose, at.identity))
    torch.testing.assert_close(derivatives, torch.cat(parts, dim=-1))


def test_the_gradient_of_the_whole_energy_is_that_of_finite_differences() -> None:
    """All terms together, every group free, along random directions."""
    at, direction = somewhere(0.1), somewhere(0.1, seed=7)
    leaves = at.detach().map(lambda tensor: tensor.requires_grad_(True))
    problem().energy(leaves)
    slope = sum(
        float((leaf.grad * step).sum())
        for leaf, step in zip(leaves.tensors(), direction.tensors(), strict=True)
        if leaf.grad is not None
    )

    def along(length: float) -> float:
        pairs = zip(at.tensors(), direction.tensors(), strict=True)
        return problem().energy(Parameters(*(value + length * step for value, step in pairs)))

    assert slope == pytest.approx((along(1e-6) - along(-1e-6)) / 2e-6, rel=1e-5)


def test_the_hessian_predicts_the_energy_near_a_perfect_fit() -> None:
    """Where the residuals vanish, Gauss and Newton's Hessian is the true one, camera groups included."""
    truth = somewhere(0.1)
    exact = problem()
    with torch.no_grad():
        points = moved_points(exact.head, truth.identity, truth.expression, truth.pose)
    perfect = Problem(
        exact.head,
        project(points, truth.cameras(exact.cameras)),
        exact.precision,
        exact.seconds,
        exact.cameras,
        FitOptions(
            frozen=frozenset(),
            robust="none",
            weights=FitWeights(identity=0, expression=0, bounds=0, joints=0, temporal=0),
            cameras=CameraUncertainty(1e3, 1e3, focal=1e3, distortion=1e3, scale=1e3),
        ),
        exact.frames,
        exact.names,
    )
    hessian = linearise(perfect, truth)
    step = somewhere(1e-5, seed=5)
    rows, shared = step.frame_rows - somewhere(0.0).frame_rows, step.shared - somewhere(0.0).shared
    predicted = 0.5 * (
        torch.einsum("fn,fnm,fm->", rows, hessian.frames, rows)
        + 2 * torch.einsum("fn,fns,s->", rows, hessian.ties, shared)
        + shared @ hessian.shared @ shared
    )
    moved = truth.rebuild(truth.frame_rows + rows, truth.shared + shared)
    assert perfect.energy(moved) == pytest.approx(float(predicted), rel=1e-3)


def test_preconditioned_coordinates_make_the_hessian_round() -> None:
    """In the new coordinates the quadratic form of the Hessian is the sum of squares."""
    at = somewhere(0.1)
    hessian = linearise(problem(), at)
    mask = free_mask(at, {"distortion"})
    map_ = Preconditioner.build(at, hessian, mask)
    generator = torch.Generator().manual_seed(1)
    round_rows, round_shared = (
        torch.randn(z.shape, generator=generator, dtype=z.dtype) for z in map_.zeros()
    )
    round_shared = round_shared * mask.shared
    moved = map_.parameters(round_rows, round_shared)
    rows, shared = moved.frame_rows - at.frame_rows, moved.shared - at.shared
    form = (
        torch.einsum("fn,fnm,fm->", rows, hessian.frames, rows)
        + 2 * torch.einsum("fn,fns,s->", rows, hessian.ties, shared)
        + shared @ hessian.shared @ shared
    )
    assert float(form) == pytest.approx(float((round_rows**2).sum() + (round_shared**2).sum()), rel=1e-6)


@pytest.mark.parametrize("group", GROUPS)
def test_a_frozen_group_does_not_move(group: str) -> None:
    """A group that is frozen by name keeps every bit; something else moves."""
    before = somewhere(0.05)
    after = minimise(problem(), before, [stage({group}, 4)]).parameters
    assert torch.equal(getattr(after, group), getattr(before, group))
    others = [name for name in GROUPS if name != group]
    assert any(not torch.equal(getattr(after, name), getattr(before, name)) for name in others)


def test_the_first_camera_holds_the_gauge() -> None:
    """With all cameras free, the first one's place is where it was."""
    after = minimise(problem(), somewhere(0.0), [stage(set(), 4)]).parameters
    assert not after.camera_rotation[0].any()
    assert not after.camera_translation[0].any()
    assert after.camera_translation[1:].all()


def test_the_gate_is_reached_and_reported() -> None:
    """A solution within tolerance says so; one that ran out of iterations does not."""
    done = minimise(problem(), somewhere(0.05), [stage(set(CAMERA_GROUPS), 60, 0.05)])
    assert done.converged
    assert done.iterations["all"] < 60
    assert not minimise(problem(), somewhere(0.05), [stage(set(CAMERA_GROUPS), 1, 1e-6)]).converged


def test_the_same_input_gives_the_same_result() -> None:
    """Nothing in the solver is random."""
    one, two = (minimise(problem(), somewhere(0.05), [stage({"distortion"}, 6)]) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(one.parameters.tensors(), two.parameters.tensors(), strict=True)
    )


def test_progress_is_told() -> None:
    """The callback hears of every round, and at last that all is done."""
    heard: list[tuple[int, int, str]] = []
    minimise(problem(), somewhere(0.05), [stage(set(CAMERA_GROUPS), 12)], lambda *each: heard.append(each))
    assert heard[0][0] == 0
    assert heard[-1] == (12, 12, "all, done")
    assert "energy" in heard[0][2]


def test_an_energy_that_is_no_number_names_frame_and_camera() -> None:
    """A NaN is met at once and says where it is."""
    at = somewhere(0.0)
    at.focal[2] = torch.nan
    with pytest.raises(SolverError, match=r"Frame 1001, camera cam2"):
        minimise(problem(), at, [stage(set(CAMERA_GROUPS), 2)])


def test_a_misspelt_group_is_refused_with_the_known_ones() -> None:
    """Freezing something that does not exist gets a message that lists what does."""
    with pytest.raises(UsageError, match="camera_rotation"):
        FitOptions(frozen=frozenset({"rotation"}))
