"""The attention predictor: it looks at the map where its key matches, and nowhere else."""

from dataclasses import replace

import pytest
import torch

from calibration.errors import UsageError
from detector.feature_map import level_shapes
from detector.network import LandmarkNetwork, NetworkConfig
from detector.query_attention import AttentionPredictor

CONFIG = NetworkConfig(input_size=64, hidden=32, descriptor=16, map_channels=8, predictor="attention")


def test_answers_do_not_depend_on_the_other_queries() -> None:
    """Asked alone, in parts or together, a query of an image gets the same answer."""
    torch.manual_seed(0)
    network = LandmarkNetwork(CONFIG).eval()
    queries = torch.rand(50, 3) * 2 - 1
    with torch.no_grad():
        descriptors = network.describe(torch.rand(2, 3, 64, 64))
        together, _ = network.decode(descriptors, queries)
        apart = torch.cat([network.decode(descriptors, part)[0] for part in torch.split(queries, 3)], dim=1)
    torch.testing.assert_close(together, apart)


def test_a_landmark_is_where_the_map_matches_its_key() -> None:
    """One cell that answers to the key is the place of the landmark; the last layers only correct it."""
    torch.manual_seed(0)
    predictor = AttentionPredictor(CONFIG, side=4)
    with torch.no_grad():
        list(predictor.answer.parameters())[-2].zero_()
        predictor.key.weight.zero_()
        predictor.key.bias.copy_(torch.arange(8.0))
    local = torch.zeros(1, 8, 4, 4)
    local[0, :, 2, 3] = 100.0
    descriptors = torch.cat([torch.randn(1, 16), local.flatten(1)], dim=1)
    answer = predictor.decoder(descriptors, lambda queries: torch.randn(len(queries), 64))(torch.zeros(5, 3))
    # column 3 and row 2 of four cells from -1 to 1
    torch.testing.assert_close(answer[0, :, :2], torch.tensor([0.75, 0.25]).expand(5, 2))


@pytest.mark.parametrize("backbone", ["resnet10t", "convnext_atto", "vit_tiny_patch16_224"])
def test_other_backbones_give_levels_too(backbone: str) -> None:
    """Convolutional backbones and transformers serve, whatever the sides of their levels."""
    config = NetworkConfig(
        backbone=backbone, input_size=64, hidden=32, descriptor=16, map_channels=8, predictor="attention"
    )
    mean, log_sigma = LandmarkNetwork(config).eval()(torch.rand(1, 3, 64, 64), torch.zeros(7, 3))
    assert mean.shape == (1, 7, 2)
    assert torch.isfinite(log_sigma).all()


def test_a_backbone_without_levels_is_refused_by_name() -> None:
    """A model that timm cannot look into is named, and what to choose instead."""
    with pytest.raises(UsageError, match="'nothing' gives no 3 levels"):
        level_shapes(torch.nn.Identity(), replace(CONFIG, backbone="nothing"))


def test_more_levels_make_a_finer_map() -> None:
    """The fourth level from the end halves the side of a cell."""
    backbone = LandmarkNetwork(CONFIG).backbone
    sides = [level_shapes(backbone, replace(CONFIG, map_levels=count))[0][1] for count in (3, 4)]
    assert sides == [8, 16]
