"""The losses of training."""

from __future__ import annotations

import pytest
import torch

from detector.loss import LOSSES, LossName, gaussian_nll, spans_loss, squared_distance


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("shape", [(5,), (2, 5)], ids=["per landmark", "per image and landmark"])
def test_the_gradient_agrees_with_finite_differences(name: LossName, shape: tuple[int, ...]) -> None:
    """Derivatives with respect to mean and log sigma are right, with weights of some labels zero."""
    generator = torch.Generator().manual_seed(0)
    mean, target = (torch.randn(2, 5, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    log_sigma = torch.randn(2, 5, dtype=torch.float64, generator=generator)
    weights = torch.rand(shape, dtype=torch.float64, generator=generator)
    weights[..., 2] = 0
    mean.requires_grad_()
    log_sigma.requires_grad_()
    assert torch.autograd.gradcheck(lambda m, s: LOSSES[name](m, s, target, weights), (mean, log_sigma))


def test_the_least_loss_is_at_the_spread_of_the_residuals() -> None:
    """Sigma is a standard deviation per axis: its best value is the root mean square of one coordinate."""
    generator = torch.Generator().manual_seed(1)
    target = 0.3 * torch.randn(4000, 1, 2, dtype=torch.float64, generator=generator)
    sigmas = torch.linspace(0.2, 0.4, 81, dtype=torch.float64)
    losses = [gaussian_nll(torch.zeros_like(target), s.log().expand(4000, 1), target) for s in sigmas]
    best = float(sigmas[torch.stack(losses).argmin()])
    assert abs(best - float(target.square().mean().sqrt())) < 0.004


def test_a_span_is_judged_by_itself() -> None:
    """Where a mouth lies does not matter to the term of its spans; how far its lips are apart does."""
    pairs = torch.tensor([[0, 1], [3, 2]])
    generator = torch.Generator().manual_seed(2)
    target = torch.rand(2, 5, 2, dtype=torch.float64, generator=generator)
    assert float(spans_loss(target + 0.3, target, pairs)) < 1e-20
    wider = target.clone()
    wider[:, 0, 1] += 0.015
    # one of two pairs is off by one standard deviation along one axis
    torch.testing.assert_close(spans_loss(wider, target, pairs), target.new_tensor(0.25))
    moved = (target + 0.1 * torch.rand_like(target)).requires_grad_()
    assert torch.autograd.gradcheck(lambda mean: spans_loss(mean, target, pairs), moved)


def test_a_weight_of_zero_takes_a_landmark_out() -> None:
    """Landmarks with lambda = 0 change nothing."""
    mean, target = torch.zeros(1, 2, 2), torch.tensor([[[0.1, 0.0], [99.0, 0.0]]])
    both = gaussian_nll(mean, torch.zeros(1, 2), target, torch.tensor([1.0, 0.0]))
    alone = gaussian_nll(mean[:, :1], torch.zeros(1, 1), target[:, :1])
    torch.testing.assert_close(both, alone)


def test_labels_may_be_missing_in_some_images_only() -> None:
    """The loss is the mean over what is labelled, wherever it is, and what is not has no gradient."""
    mean = torch.zeros(2, 2, 2, requires_grad=True)
    target = torch.tensor([[[1.0, 0.0], [5.0, 5.0]], [[2.0, 0.0], [0.0, 3.0]]])
    weights = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    loss = squared_distance(mean, torch.zeros(2, 2), target, weights)
    assert float(loss.detach()) == pytest.approx((1 + 4 + 9) / 3)
    (gradient,) = torch.autograd.grad(loss, mean)
    assert not gradient[0, 1].any()
    assert gradient[1].any(dim=-1).all()


def test_a_batch_without_labels_costs_nothing() -> None:
    """Zero, with a gradient of zero, not a division by zero."""
    mean = torch.ones(1, 3, 2, requires_grad=True)
    loss = gaussian_nll(mean, torch.zeros(1, 3), torch.zeros(1, 3, 2), torch.zeros(1, 3))
    (gradient,) = torch.autograd.grad(loss, mean)
    assert float(loss.detach()) == 0.0
    assert not gradient.any()
