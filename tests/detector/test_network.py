"""The landmark network: what it answers, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from calibration.errors import UsageError
from detector.loss import gaussian_nll
from detector.network import LOG_SIGMA_RANGE, LandmarkNetwork, NetworkConfig
from detector.query_predictor import MlpPredictor

SMALL = NetworkConfig(
    backbone="resnet10t", input_size=64, descriptor=64, hidden=32, query_code=16, grid_channels=8
)


@pytest.fixture(scope="module")
def network() -> LandmarkNetwork:
    torch.manual_seed(0)
    return LandmarkNetwork(SMALL).eval().requires_grad_(False)


def test_each_query_gets_a_mean_and_a_bounded_log_sigma(network: LandmarkNetwork) -> None:
    """N crops and L queries give (N, L, 2) and (N, L)."""
    mean, log_sigma = network(torch.rand(2, 3, 64, 64), torch.randn(7, 3))
    assert mean.shape == (2, 7, 2)
    assert log_sigma.shape == (2, 7)
    assert log_sigma.min() > LOG_SIGMA_RANGE[0]
    assert log_sigma.max() < LOG_SIGMA_RANGE[1]


def test_a_query_does_not_depend_on_its_company(network: LandmarkNetwork) -> None:
    """Asking for queries together or one by one gives the same answer."""
    image, queries = torch.rand(1, 3, 64, 64), torch.randn(9, 3)
    together = network(image, queries)[0]
    alone = torch.cat([network(image, query[None])[0] for query in queries], dim=1)
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_the_split_first_layer_equals_the_concatenation(network: LandmarkNetwork) -> None:
    """W [f; q] and Wf f + Wq q are the same, C23's predictor."""
    descriptor, queries = torch.randn(1, SMALL.descriptor), torch.randn(4, 3)
    codes = network.query_encoder(queries)
    predictor = network.predictor
    assert isinstance(predictor, MlpPredictor)
    weight = torch.cat([predictor.from_descriptor.weight, predictor.from_query.weight], dim=1)
    joined = torch.cat([descriptor.expand(4, -1), codes], dim=1) @ weight.T + predictor.from_descriptor.bias
    expected = predictor.output(predictor.layers(joined))
    answer = predictor.decoder(descriptor, network.query_encoder)
    torch.testing.assert_close(answer(queries)[0], expected, atol=1e-5, rtol=1e-5)


def test_an_unknown_backbone_is_named() -> None:
    """timm's name list decides."""
    with pytest.raises(UsageError, match="no_such_net"):
        LandmarkNetwork(NetworkConfig(backbone="no_such_net"))


def test_a_small_network_overfits_a_handful_of_crops() -> None:
    """Eight images and their labels are learnt: gradients flow through every part."""
    torch.manual_seed(0)
    images, queries = torch.rand(8, 3, 32, 32), torch.rand(12, 3) * 2 - 1
    target = queries @ (0.6 * (torch.rand(8, 3, 2) * 2 - 1))
    model = LandmarkNetwork(replace(SMALL, input_size=32)).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    errors = []
    for _ in range(80):
        optimiser.zero_grad()
        mean, log_sigma = model(images, queries)
        errors.append(float((mean - target).detach().norm(dim=-1).mean()))
        gaussian_nll(mean, log_sigma, target).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    assert errors[-1] < 0.5 * errors[0]
