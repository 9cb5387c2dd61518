"""Backbones and predictors: what each configuration of the network promises."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from calibration.errors import UsageError
from detector.network import LandmarkNetwork, NetworkConfig
from detector.network_config import PRESETS, preset
from detector.query_transformer import TransformerPredictor, context_queries

TINY = NetworkConfig(
    backbone="resnet10t", input_size=64, descriptor=32, hidden=32, query_code=16, grid_channels=4, context=24
)
PREDICTORS = ("mlp", "transformer", "attention")


def build(**changes: object) -> LandmarkNetwork:
    """A tiny network in evaluation mode, the same each time."""
    torch.manual_seed(3)
    return LandmarkNetwork(replace(TINY, **changes)).eval().requires_grad_(False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("backbone", "side"),
    [
        ("resnet18", 2),
        ("mobilenetv3_small_100", 2),
        ("vit_tiny_patch16_224", 4),
        ("deit_tiny_distilled_patch16_224", 4),
        ("swin_tiny_patch4_window7_224", 2),
    ],
)
def test_backbones_of_any_kind_give_landmarks(backbone: str, side: int) -> None:
    """Convolutions, tokens with class tokens before them, and channels last all become a square grid."""
    network = build(backbone=backbone)
    assert network.grid.side == side
    mean, log_sigma = network(torch.rand(1, 3, 64, 64), torch.randn(3, 3))
    assert mean.shape == (1, 3, 2)
    assert log_sigma.shape == (1, 3)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["convnext_nano", "tf_efficientnet_lite2", "tf_efficientnet_lite4"])
def test_larger_backbones_give_landmarks(backbone: str) -> None:
    """The candidates for the released networks can be built."""
    assert build(backbone=backbone)(torch.rand(1, 3, 64, 64), torch.randn(3, 3))[0].shape == (1, 3, 2)


def test_tokens_keep_their_place_in_the_image() -> None:
    """What changes in one corner of the image changes the features of that corner the most."""
    network = build(backbone="vit_tiny_patch16_224")
    image = torch.zeros(1, 3, 64, 64)
    changed = image.clone()
    changed[..., :16, 48:] = 1.0
    difference = network.grid(network.backbone, changed) - network.grid(network.backbone, image)
    strength = difference.norm(dim=1)[0]
    assert strength.argmax() == 3  # row 0, column 3 of 4


def test_a_fine_grid_is_joined_before_the_descriptor() -> None:
    """A ViT's 16 x 16 tokens do not make a descriptor layer four times as large as 8 x 8 cells do."""
    network = build(backbone="vit_tiny_patch16_224", input_size=256)
    assert network.grid.side == 16
    assert network.pool[-1].in_features == 8 * 8 * TINY.grid_channels
    assert network.describe(torch.rand(1, 3, 256, 256)).shape == (1, TINY.descriptor)


@pytest.mark.parametrize(
    ("backbone", "input_size"),
    [("crossvit_tiny_240", 64), ("vit_small_patch14_dinov2", 64)],
)
def test_a_backbone_that_cannot_serve_is_named(backbone: str, input_size: int) -> None:
    """Features without a grid and patches that do not divide the image are told, with what to do."""
    with pytest.raises(UsageError, match=backbone) as told:
        build(backbone=backbone, input_size=input_size)
    assert told.value.fix


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_answers_do_not_depend_on_how_the_list_is_cut_up(predictor: str) -> None:
    """500 queries at once, in chunks, shuffled, or one by one: the same landmarks."""
    network = build(predictor=predictor)
    queries = torch.randn(500, 3)
    descriptors = network.describe(torch.rand(2, 3, 64, 64))
    together = network.decode(descriptors, queries)
    order = torch.randperm(500)
    ways = {
        "one by one": [network.decode(descriptors, query[None]) for query in queries],
        "chunks of 7": [network.decode(descriptors, part) for part in torch.split(queries, 7)],
        "little memory": [network.decode(descriptors, queries, working_mib=0)],
    }
    for parts in ways.values():
        _same(together, tuple(torch.cat([part[i] for part in parts], dim=1) for i in range(2)))
    shuffled = network.decode(descriptors, queries[order])
    _same((together[0][:, order], together[1][:, order]), shuffled)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_training_and_inference_answer_alike(predictor: str) -> None:
    """With gradients the queries are taken in one pass; the answers are the same."""
    network = build(predictor=predictor)
    descriptors, queries = network.describe(torch.rand(2, 3, 64, 64)), torch.randn(50, 3)
    with torch.inference_mode():
        inferred = network.decode(descriptors, queries, working_mib=0)
    _same(network.decode(descriptors, queries), inferred)


def test_the_context_of_the_transformer_lies_on_the_head_and_more_densely_on_the_face() -> None:
    """Its queries are fixed, spread out, and within the range that the network learns."""
    context = context_queries(128)
    assert torch.equal(context, context_queries(128))
    assert context.abs().max() < 1.2
    nearest = torch.cdist(context, context).fill_diagonal_(9.0).amin(1)
    assert nearest.min() > 0.05
    assert (context[:, 2] > -0.43).sum() > 70


def test_the_image_enters_every_token_of_the_transformer() -> None:
    """Context and asked queries alike start from the descriptor: either path alone sees the image."""
    network = build(predictor="transformer")
    predictor = network.predictor
    assert isinstance(predictor, TransformerPredictor)
    one, other = torch.randn(2, 1, 32)
    memories = [_memories(network, descriptors) for descriptors in (one, other)]
    for first, second in zip(*memories, strict=True):
        assert (first - second).abs().amax(dim=(0, 1, 3)).min() > 1e-4  # each of the M tokens differs
    asked = torch.randn(5, 3)
    codes = network.query_encoder(asked)
    assert (predictor.join(one)(codes) - predictor.join(other)(codes)).abs().amax(-1).min() > 1e-4


def test_asked_queries_listen_to_the_context() -> None:
    """The transformer is not an MLP in disguise: another context gives other answers."""
    network = build(predictor="transformer")
    descriptors, queries = torch.randn(1, 32), torch.randn(5, 3)
    before = network.decode(descriptors, queries)[0]
    other = copy.deepcopy(network)
    assert isinstance(other.predictor, TransformerPredictor)
    other.predictor.context.mul_(0.5)
    assert (other.decode(descriptors, queries)[0] - before).abs().max() > 1e-5


def test_gradients_reach_every_part_of_a_transformer() -> None:
    """Nothing of the network is left untrained."""
    network = build(predictor="transformer", interaction="product").train().requires_grad_(True)
    mean, log_sigma = network(torch.rand(2, 3, 64, 64), torch.randn(6, 3))
    (mean.square().sum() + log_sigma.square().sum()).backward()
    idle = [name for name, value in network.named_parameters() if value.grad is None]
    assert idle == []


@pytest.fixture(scope="module")
def plain() -> tuple[LandmarkNetwork, Tensor]:
    """A plain network of 20 landmarks that knows its layout, and the layout's queries."""
    network = build(predictor="plain", layout="mine", layout_size=20)
    queries = torch.randn(20, 3)
    network.set_layout(queries)
    return network, queries


def test_a_plain_network_answers_its_layout_in_any_order(plain: tuple[LandmarkNetwork, Tensor]) -> None:
    """Each query finds its own three values, alone or among others."""
    network, queries = plain
    descriptors = network.describe(torch.rand(2, 3, 64, 64))
    together = network.decode(descriptors, queries)
    assert together[0].shape == (2, 20, 2)
    some = torch.tensor([7, 3, 19])
    _same((together[0][:, some], together[1][:, some]), network.decode(descriptors, queries[some]))


def test_a_plain_network_refuses_other_queries(plain: tuple[LandmarkNetwork, Tensor]) -> None:
    """It names its layout, and what to use for others."""
    network, queries = plain
    with pytest.raises(UsageError, match="'mine' and no others") as told:
        network.decode(torch.randn(1, 32), queries + 0.01)
    assert "mlp" in told.value.fix
    with pytest.raises(UsageError, match="has 3 landmarks, the network 20"):
        network.set_layout(queries[:3])


def test_a_plain_network_without_its_queries_refuses_all() -> None:
    """Forgetting set_layout is an error, not a wrong landmark."""
    network = build(predictor="plain", layout="mine", layout_size=4)
    with pytest.raises(UsageError, match="mine"):
        network.decode(torch.randn(1, 32), torch.zeros(1, 3))
    with pytest.raises(UsageError, match="mlp predictor has no layout"):
        build().set_layout(torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"predictor": "oracle"}, "predictor 'oracle'"),
        ({"predictor": "transformer", "hidden": 36}, "multiple of its 8 heads"),
        ({"predictor": "plain"}, "go with the plain predictor"),
        ({"layout": "ibug68", "layout_size": 68}, "go with the plain predictor"),
        ({"input_size": 100}, "not a multiple of 32"),
        ({"hidden": 0}, "hidden is 0"),
    ],
)
def test_settings_that_make_no_sense_are_told(changes: dict[str, object], told: str) -> None:
    """Before anything is built."""
    with pytest.raises(UsageError, match=told):
        replace(TINY, **changes)  # type: ignore[arg-type]


def test_presets_have_names() -> None:
    """Small and base are what is released; an unknown name lists them."""
    assert preset("small").input_size < preset("base").input_size
    assert {"small", "base"} <= set(PRESETS)
    with pytest.raises(UsageError, match="huge") as told:
        preset("huge")
    assert "base, small" in told.value.fix


MEMORY_SCRIPT = """
import resource, sys, torch
from detector.network import LandmarkNetwork, NetworkConfig
torch.set_num_threads(1)
config = NetworkConfig(backbone="resnet10t", input_size=64, hidden=256, context=64, predictor=sys.argv[1])
network = LandmarkNetwork(config).eval()
count = 0
network.pool.register_forward_hook(lambda *_: globals().__setitem__("count", count + 1))
images = torch.rand(2, 3, 64, 64)
with torch.inference_mode():
    network(images, torch.rand(10, 3))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mean, _ = network(images, torch.rand(50_000, 3))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 1024, count, mean.shape[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("predictor", PREDICTORS)
def test_fifty_thousand_queries_of_several_images_fit_in_little_memory(predictor: str) -> None:
    """They need less than 256 MiB more than ten do (all at once: gigabytes), and one pass per image."""
    pytest.importorskip("resource")
    call = [sys.executable, "-c", MEMORY_SCRIPT, predictor]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    mebibytes, passes, answered = done.stdout.split()
    assert float(mebibytes) < 256
    assert int(passes) == 2  # one per call
    assert int(answered) == 50_000


def _memories(network: LandmarkNetwork, descriptors: Tensor) -> list[Tensor]:
    """Keys of the context in each layer of a transformer network."""
    predictor = network.predictor
    assert isinstance(predictor, TransformerPredictor)
    tokens = predictor.join(descriptors)(network.query_encoder(predictor.context))
    keys = []
    for layer in predictor._layers():
        tokens, memory = layer.share(tokens)
        keys.append(memory[0])
    return keys


def _same(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=1e-5)
