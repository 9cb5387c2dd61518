"""The prior over identities: the mixture that is fitted to the library of heads, and its energy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from calibration.errors import UsageError
from fitting.gaussian_mixture import GaussianMixture, choose_mixture, fit_mixture
from fitting.identity_prior import GaussianPrior, MixturePrior, identity_prior
from fitting.options import FitOptions
from tests.fitting.scenes import head

LIKE = torch.zeros(1, dtype=torch.float64)


def two_heaps() -> GaussianMixture:
    """Two unequal heaps in three dimensions."""
    covariances = np.stack([np.diag([0.2, 1.0, 0.5]), np.diag([0.5, 0.3, 1.0])]).astype(np.float32)
    means = np.array([[-2.0, 0.0, 0.0], [2.0, 1.0, 0.0]], np.float32)
    return GaussianMixture(np.array([0.3, 0.7], np.float32), means, covariances)


def test_a_mixture_is_found_again_from_its_samples() -> None:
    """Weights, means and covariances come back from ten thousand samples."""
    truth = two_heaps()
    found = fit_mixture(truth.sample(10_000, np.random.default_rng(0)), 2, iterations=30)
    order = np.argsort(found.means[:, 0])
    np.testing.assert_allclose(found.weights[order], truth.weights, atol=0.02)
    np.testing.assert_allclose(found.means[order], truth.means, atol=0.05)
    np.testing.assert_allclose(found.covariances[order], truth.covariances, atol=0.08)


def test_the_number_of_components_is_what_unseen_samples_ask_for() -> None:
    """Samples of one Gaussian get one component; samples of two heaps get more than one."""
    rng = np.random.default_rng(1)
    assert len(choose_mixture(rng.normal(size=(4_000, 5)))) == 1
    assert len(choose_mixture(two_heaps().sample(4_000, rng))) >= 2


def test_the_density_is_that_of_the_formula() -> None:
    """W22 section 3.2, against a sum written out in one dimension."""
    mixture = GaussianMixture(
        np.array([0.25, 0.75], np.float32),
        np.array([[0.0], [3.0]], np.float32),
        np.array([[[1.0]], [[4.0]]], np.float32),
    )
    at = 1.0
    expected = 0.25 * np.exp(-0.5 * at**2) + 0.75 / 2 * np.exp(-0.5 * (at - 3) ** 2 / 4)
    density = np.exp(mixture.log_density(np.array([[at]])))[0]
    assert density == pytest.approx(expected / np.sqrt(2 * np.pi), rel=1e-6)


@pytest.mark.parametrize("mixture", [two_heaps(), GaussianMixture.standard(3)])
def test_the_energy_derives(mixture: GaussianMixture) -> None:
    """The derivatives of E_identity are those of finite differences, between two heaps too."""
    prior = MixturePrior(mixture, LIKE)
    for row in ([-2.0, 0.0, 0.1], [0.1, 0.4, 0.0], [4.0, 4.0, -4.0]):
        at = torch.tensor(row, dtype=torch.float64, requires_grad=True)
        assert gradcheck(prior.energy, [at])


def test_the_likeliest_head_costs_nothing_and_a_mixture_of_one_is_the_gaussian() -> None:
    """Energies are counted from the best head there is."""
    heap = MixturePrior(two_heaps(), LIKE)
    grid = torch.cartesian_prod(*[torch.linspace(-3, 3, 25, dtype=torch.float64)] * 3)
    energies = torch.stack([heap.energy(each) for each in grid])
    assert -1e-9 < float(energies.min()) < 0.1
    one, at = MixturePrior(GaussianMixture.standard(3), LIKE), torch.tensor([1.0, -2.0, 0.5]).double()
    assert float(one.energy(at)) == pytest.approx(float(GaussianPrior().energy(at)))
    torch.testing.assert_close(one.curvature(at), GaussianPrior().curvature(at))


def test_the_curvature_is_positive_everywhere() -> None:
    """Also between the heaps, where the energy itself bends downwards, a solver gets a convex model."""
    prior = MixturePrior(two_heaps(), LIKE)
    for row in ([0.0, 0.5, 0.0], [-2.0, 0.0, 0.0], [9.0, -9.0, 9.0]):
        at = torch.tensor(row, dtype=torch.float64)
        assert float(torch.linalg.eigvalsh(prior.curvature(at)).min()) > 0.5


def test_the_library_of_heads_is_likelier_under_its_mixture() -> None:
    """The head model's mixture has several components, and explains its heads better than one Gaussian."""
    mixture = head().identity_mixture
    heads = mixture.sample(500, np.random.default_rng(3))
    gain = mixture.log_density(heads) - GaussianMixture.standard(heads.shape[1]).log_density(heads)
    assert len(mixture) > 1
    assert gain.mean() > 4.0


def test_a_misspelt_prior_is_refused_with_the_known_ones() -> None:
    """The message lists what there is, as early as the options are made."""
    with pytest.raises(UsageError, match="gaussian, mixture"):
        FitOptions(identity_prior="uniform")
    with pytest.raises(UsageError, match="gaussian, mixture"):
        identity_prior("uniform", GaussianMixture.standard(2), LIKE)
