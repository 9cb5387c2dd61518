"""A process that looks at many shoots loads their network once."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector import shared_networks
from detector.layouts import layout
from detector.network import LandmarkNetwork, NetworkConfig
from detector.shared_networks import MOST, forget_networks, shared_network
from detector.weights import save_network
from fitting.head_model import load_head_model


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are loaded, with stand-ins for what is in them."""
    names: list[str] = []

    def load(path: Path, device: str) -> object:
        names.append(path.name)
        return object()

    monkeypatch.setattr(shared_networks, "load_network", load)
    forget_networks()
    return names


def test_the_same_weights_are_loaded_once(tmp_path: Path, loads: list[str]) -> None:
    """By what is in the file: a copy is the same, and a file that was replaced is not."""
    one, copy = tmp_path / "one.safetensors", tmp_path / "copy.safetensors"
    one.write_bytes(b"a")
    copy.write_bytes(b"a")
    first = shared_network(one)
    assert shared_network(one) is first
    assert shared_network(copy) is first
    assert loads == ["one.safetensors"]
    one.write_bytes(b"b")
    assert shared_network(one) is not first
    assert shared_network(copy, "cpu") is first


def test_only_a_few_are_kept(tmp_path: Path, loads: list[str]) -> None:
    """A worker that sees many networks does not fill its memory with them: the one used last stays."""
    paths = [tmp_path / f"{name}.safetensors" for name in range(MOST + 1)]
    for path in paths:
        path.write_bytes(path.name.encode())
        shared_network(path)
    shared_network(paths[-1])
    assert len(loads) == MOST + 1
    shared_network(paths[0])
    assert len(loads) == MOST + 2
    forget_networks()


def test_a_shared_network_answers_as_its_own(tmp_path: Path) -> None:
    """It is the network of the file, ready to look."""
    config = NetworkConfig(backbone="mobilenetv3_small_050", input_size=64, predictor="mlp")
    path = save_network(LandmarkNetwork(config), tmp_path / "n.safetensors")
    network = shared_network(path)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    forget_networks()


def test_the_layout_of_a_head_is_made_once() -> None:
    """Its landmarks are chosen by what is seen of the head, which takes half a second."""
    assert layout("dense320", load_head_model()) is layout("dense320", load_head_model())
