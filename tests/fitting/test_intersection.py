"""E_intersect: what counts as skin inside an eyeball or the teeth, and how it derives."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.autograd.functional import jacobian

from fitting.contact_pairs import PAIRS, contacts_of
from fitting.fit import FitOptions, FitWeights, fit_performance
from fitting.intersection import Contacts, Obstacle
from fitting.rehearsal import Rehearsal
from tests.fitting.scenes import head, scene


def contacts() -> Contacts:
    found = contacts_of(head())
    assert found is not None
    return found


def twisted(seed: int = 0, frames: int = 3) -> tuple[Tensor, Tensor]:
    """An identity (B,) and expressions (F, E) so wild that skin passes through eyes and teeth."""
    generator, model = torch.Generator().manual_seed(seed), head()
    identity = torch.randn(model.identity_size, generator=generator, dtype=torch.float64)
    return identity, torch.rand(frames, model.expression_size, generator=generator, dtype=torch.float64)


def solids() -> Contacts:
    """A point of skin at 0.3 m on the axis of a sphere of 1 m, and at 0.1 m below the face of a pyramid."""
    corners = [[0.3, 0, 0], [0, 0, 0], [0.25, 0.25, 0.15], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    mean = torch.tensor(corners, dtype=torch.float64)
    faces = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]) + 3
    sphere = Obstacle(torch.tensor([0]), torch.tensor([[1, 1, 1]]), True)
    pyramid = Obstacle(torch.tensor([2]), faces, False)
    none = torch.zeros(1, 7, 3, dtype=torch.float64)
    radii = torch.tensor([1.0, 0.0]).double(), torch.zeros(1, 2).double()
    return Contacts((mean, none, none), radii, (sphere, pyramid))


def test_depths_are_distances_to_the_nearest_surface() -> None:
    """A sphere and a convex hull whose answers are known: 0.7 m and 0.15 m."""
    still = torch.zeros(1, dtype=torch.float64)
    depth, frame = solids().depths(still, still[None])
    np.testing.assert_allclose(depth.numpy(), [0.7, 0.15])
    assert frame.tolist() == [0, 0]


def test_the_mean_head_does_not_pass_through_itself() -> None:
    """At rest the term is silent, and every obstacle is watched."""
    model = head()
    still = torch.zeros(model.identity_size, dtype=torch.float64)
    assert float(contacts().energy(still, torch.zeros(1, model.expression_size).double())) == 0.0
    assert all(PAIRS - 5 < len(obstacle.skin) <= PAIRS for obstacle in contacts().obstacles)
    assert len(contacts().obstacles) == 4


def test_no_single_expression_of_the_mean_head_is_penalised_for_more_than_a_third_of_a_millimetre() -> None:
    """What the model's own shapes do is not a fault of the fit."""
    model = head()
    still = torch.zeros(model.identity_size, dtype=torch.float64)
    depth, _ = contacts().depths(still, torch.eye(model.expression_size).double())
    assert float(depth.max()) < 3.5e-4


def test_the_term_derives_by_identity_and_expression() -> None:
    """Gradients are those of finite differences, with eyes and teeth both entered."""
    identity, expression = twisted()
    found = contacts()
    depth, _ = found.depths(identity, expression)
    assert len(depth) > 3
    leaves = [identity.clone().requires_grad_(True), expression[:1].clone().requires_grad_(True)]
    assert gradcheck(lambda b, e: 1e6 * found.energy(b, e), leaves, eps=1e-7, atol=1e-4)


def test_the_curvature_is_that_of_the_depths_alone() -> None:
    """Gauss and Newton's blocks are products of the depths' exact derivatives."""
    identity, expression = twisted(1)
    found = contacts()
    bent = found.curvature(identity, expression)
    by_identity, by_expression = jacobian(  # type: ignore[no-untyped-call]
        lambda b, e: found.depths(b, e)[0], (identity, expression)
    )
    torch.testing.assert_close(bent.shared, by_identity.T @ by_identity)
    torch.testing.assert_close(bent.frames, torch.einsum("afi,afj->fij", by_expression, by_expression))
    torch.testing.assert_close(bent.ties, torch.einsum("afi,aj->fij", by_expression, by_identity))


def sunken() -> Rehearsal:
    """A scene whose landmarks ask for lids inside the eyeballs: the truth itself passes through them."""
    return scene(frames=(1001, 1002), cameras=1, noise=1.5, seed=11)


def deepest(truth: Rehearsal, weight: float) -> float:
    """Metres that skin is inside eyes or teeth, at most, in a fit with the term so weighted."""
    options = FitOptions(weights=FitWeights(intersect=weight))
    found = fit_performance(head(), truth.observations, truth.rig, options)
    depth, _ = contacts().depths(torch.as_tensor(found.identity), torch.as_tensor(found.expression))
    return float(depth.max()) if len(depth) else 0.0


def test_a_fit_keeps_the_skin_out_of_eyes_and_teeth() -> None:
    """With the term, skin is less deep inside than without it."""
    with_term, without = deepest(sunken(), 1e8), deepest(sunken(), 0.0)
    assert without > 2e-4
    assert with_term < 0.5 * without
