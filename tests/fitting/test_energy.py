"""Each term of the energy: its value where that is known, and its derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from calibration.errors import UsageError
from calibration.projection import CameraTensors, project
from fitting import energy
from fitting.identity_prior import GaussianPrior
from fitting.robust import KERNELS, influence, kernel
from tests.calibration.rigs import arc_rig


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def derives(function: Callable[..., Tensor], *arguments: Tensor) -> bool:
    return bool(gradcheck(function, [argument.clone().requires_grad_(True) for argument in arguments]))


@pytest.mark.parametrize("robust", KERNELS)
def test_the_landmark_term_derives_under_every_kernel(robust: str) -> None:
    """Residuals on both sides of the kernel's bend have the derivatives of finite differences."""
    mean, precision = random(2, 3, 4, 2), random(2, 3, 4, seed=1).abs()
    pixels = random(2, 3, 4, 2, seed=2, scale=3.0)
    assert derives(lambda x: energy.landmark_energy(x, mean, precision, robust, 1.5), pixels)


def test_the_landmark_term_derives_through_the_lens() -> None:
    """Points in space pull through projection and distortion as finite differences say."""
    cameras = CameraTensors.from_rig(arc_rig(3), dtype=torch.float64)
    points = random(2, 5, 3, scale=0.05)
    mean = project(points, cameras) + random(2, 3, 5, 2, seed=1, scale=2.0)
    precision = torch.ones(2, 3, 5, dtype=torch.float64)
    assert derives(lambda x: energy.landmark_energy(project(x, cameras), mean, precision), points)


def test_a_landmark_one_sigma_away_costs_half_a_nat_and_an_unseen_one_nothing() -> None:
    """The landmark term is W22 equation 2, with a mask."""
    mean = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    pixels = mean + torch.tensor([2.0, 0.0])
    precision = torch.tensor([[[0.25, 0.0]]], dtype=torch.float64)
    assert float(energy.landmark_energy(pixels, mean, precision)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("term", "shape"),
    [
        (energy.expression_energy, (3, 5)),
        (energy.bounds_energy, (3, 5)),
        (energy.joints_energy, (3, 15)),
        (GaussianPrior().energy, (7,)),
        (lambda x: energy.temporal_energy(x, torch.tensor([0.1, 0.4, 0.2]).double()), (4, 5, 3)),
        (lambda x: energy.camera_energy(x, 0.02), (4, 3)),
        (lambda x: energy.baseline(x, torch.eye(3).double().expand(4, 3, 3)), (4, 3)),
        (lambda x: energy.scale_energy(x, torch.tensor(0.7).double(), 0.1).sum(), (1,)),
    ],
)
def test_every_prior_derives(term: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    """The derivatives of each regulariser are those of finite differences."""
    assert derives(term, random(*shape))


def test_the_walls_cost_nothing_inside_the_range() -> None:
    """An expression within [0, 1] is not pushed by its bounds; one beyond is."""
    assert float(energy.bounds_energy(torch.tensor([[0.0, 0.4, 1.0]]))) == 0.0
    assert float(energy.bounds_energy(torch.tensor([[-0.2, 1.2]]))) == pytest.approx(0.04)


def test_the_root_is_free_and_the_other_joints_are_not() -> None:
    """Where the head is in the studio costs nothing; turning it against the neck does."""
    pose = torch.zeros(1, 15)
    pose[0, [0, 1, 2, 12, 13, 14]] = 3.0
    assert float(energy.joints_energy(pose)) == 0.0
    pose[0, 4] = 1.0
    assert float(energy.joints_energy(pose)) == 0.5


def test_a_gap_loosens_the_temporal_tie() -> None:
    """The same movement over twice the time costs half as much."""
    points = random(2, 5, 3)
    once, twice = (energy.temporal_energy(points, torch.tensor([t]).double()) for t in (0.1, 0.2))
    assert float(once) == pytest.approx(2 * float(twice))


@pytest.mark.parametrize("name", ["huber", "geman_mcclure"])
def test_a_robust_kernel_forgets_what_is_far(name: str) -> None:
    """Near zero a kernel is the square; far away its influence falls towards none."""
    squared = torch.tensor([1e-8, 1e6], dtype=torch.float64)
    near, far = influence(name, squared, 3.0).tolist()
    assert near == pytest.approx(1.0)
    assert far < 0.01


def test_an_unknown_kernel_is_refused_with_the_known_ones() -> None:
    """A misspelt kernel gets a message that lists what there is."""
    with pytest.raises(UsageError, match="geman_mcclure"):
        kernel("cauchy")
