"""Networks on disk: what comes back, and what is told when a file is not what it should be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from calibration.errors import InputError
from detector.network import LandmarkNetwork, NetworkConfig
from detector.quantisation import dequantise, quantise
from detector.weights import Precision, load_network, read_facts, save_network

TINY = NetworkConfig(
    backbone="resnet10t", input_size=64, descriptor=64, hidden=32, query_code=16, grid_channels=8, context=16
)


def build(**changes: object) -> LandmarkNetwork:
    """A tiny network in evaluation mode, calibrated."""
    torch.manual_seed(1)
    network = LandmarkNetwork(replace(TINY, **changes)).eval().requires_grad_(False)  # type: ignore[arg-type]
    network.set_log_sigma_offset(0.25)
    return network


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A file of a tiny network."""
    return save_network(build(), tmp_path / "n.safetensors", {"steps": 3})


def rewrite(path: Path, tensors: dict[str, Tensor] | None = None, **metadata: str) -> Path:
    """The same file with other tensors or metadata."""
    with safe_open(str(path), framework="pt") as file:
        kept = dict(file.metadata())
    save_file(load_file(path) if tensors is None else tensors, str(path), metadata=kept | metadata)
    return path


def settings_of(path: Path) -> dict[str, object]:
    """The configuration that a file carries."""
    with safe_open(str(path), framework="pt") as file:
        values: dict[str, object] = json.loads(file.metadata()["config"])
    return values


def differences(one: LandmarkNetwork, other: LandmarkNetwork, queries: Tensor) -> tuple[float, float]:
    """The largest differences of means and log sigmas on a random image."""
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    (mean, log_sigma), (mean_other, log_sigma_other) = one(image, queries), other(image, queries)
    return float((mean - mean_other).abs().max()), float((log_sigma - log_sigma_other).abs().max())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"pooling": "average"},
        {"interaction": "product"},
        {"frequencies": 0},
        {"predictor": "transformer"},
        {"predictor": "attention"},
        {"backbone": "vit_tiny_patch16_224"},
    ],
    ids=lambda change: "-".join(str(value) for value in change.values()) or "default",
)
def test_weights_come_back_from_disk_in_half_precision(tmp_path: Path, change: dict[str, object]) -> None:
    """A saved network predicts the same, to the rounding of half precision, calibration included."""
    before = build(**change)
    path = save_network(before, tmp_path / "n.safetensors", {"steps": 3})
    after = load_network(path)
    assert max(differences(before, after, torch.randn(5, 3))) < 5e-3
    assert float(after.log_sigma_offset) == pytest.approx(0.25)
    assert after.config == replace(before.config, log_sigma_offset=0.25)
    assert read_facts(path) == {"steps": 3}


@pytest.mark.parametrize("precision", ["half", "int8"])
def test_a_plain_network_knows_its_layout_from_its_file(tmp_path: Path, precision: str) -> None:
    """The layout's queries are kept exactly: they are looked up, not computed with."""
    before = build(predictor="plain", layout="mine", layout_size=6)
    queries = torch.randn(6, 3)
    before.set_layout(queries)
    after = load_network(save_network(before, tmp_path / "n.safetensors", None, precision))  # type: ignore[arg-type]
    assert max(differences(before, after, queries)) < 0.02


def test_regional_calibration_is_kept_to_the_digit(tmp_path: Path) -> None:
    """Sigma is a promise; its calibration is not rounded to half precision."""
    before = build()
    before.sigma_calibration.set_offsets({"nose": 0.123456789})
    after = load_network(save_network(before, tmp_path / "n.safetensors", precision="int8"))
    assert after.sigma_calibration.offsets()["nose"] == pytest.approx(0.123456789, abs=1e-7)


@pytest.mark.parametrize("predictor", ["mlp", "transformer", "attention"])
def test_eight_bits_predict_nearly_the_same_from_half_the_file(tmp_path: Path, predictor: str) -> None:
    """No mean moves by more than a twentieth of their spread, no log sigma by more than 0.1."""
    before = build(predictor=predictor)
    # a fresh network answers nearly the same to everything: not so a trained one
    [layer for layer in before.predictor.modules() if isinstance(layer, nn.Linear)][-1].weight.mul_(50)
    spread = float(before(torch.rand(1, 3, 64, 64), torch.randn(50, 3))[0].std())
    assert spread > 0.1
    half = save_network(before, tmp_path / "half.safetensors")
    short = save_network(before, tmp_path / "short.safetensors", precision="int8")
    mean, log_sigma = differences(before, load_network(short), torch.randn(50, 3))
    assert mean < 0.05 * spread
    assert log_sigma < 0.1
    assert 0.48 < short.stat().st_size / half.stat().st_size < 0.56


def test_eight_bits_are_within_half_a_step_of_each_weight() -> None:
    """Per output channel, whatever its size; the largest weight is not cut off, and zeros stay zero."""
    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(6, 4, 3, 3, generator=generator) * torch.logspace(-3, 3, 6)[:, None, None, None]
    weight[2] = 0.0
    values, scale = quantise(weight)
    assert values.dtype == torch.int8
    assert scale.dtype == torch.float16
    error = (dequantise(values, scale) - weight).abs().flatten(1).amax(1)
    assert (error <= 0.5001 * scale.float()).all()
    assert (dequantise(values, scale)[2] == 0).all()


def test_a_file_says_in_what_precision_it_is(tmp_path: Path) -> None:
    """And by which version it was written."""
    path = save_network(build(), tmp_path / "n.safetensors", precision="int8")
    with safe_open(str(path), framework="pt") as file:
        assert file.metadata()["precision"] == "int8"
        assert file.metadata()["vultus"]


def test_settings_that_an_older_file_lacks_take_their_defaults(saved: Path) -> None:
    """Weights of before there was a choice of predictors still load."""
    settings = settings_of(saved)
    for newer in ("predictor", "context", "layout", "layout_size"):
        del settings[newer]
    rewrite(saved, config=json.dumps(settings))
    assert load_network(saved).config.predictor == "mlp"


def test_unknown_weights_name_those_that_there_are() -> None:
    """A wrong name is an input error, not a traceback."""
    with pytest.raises(InputError, match="no weights named 'nobody'"):
        load_network("nobody")


def damaged_settings(path: Path) -> Path:
    """A configuration that is no JSON."""
    return rewrite(path, config="{")


def unknown_setting(path: Path) -> Path:
    """A setting of a later version."""
    return rewrite(path, config=json.dumps(settings_of(path) | {"wings": 2}))


def senseless_setting(path: Path) -> Path:
    """A predictor of a later version."""
    return rewrite(path, config=json.dumps(settings_of(path) | {"predictor": "oracle"}))


def other_shape(path: Path) -> Path:
    """Settings of a wider network than the tensors are of."""
    return rewrite(path, config=json.dumps(settings_of(path) | {"hidden": 48}))


def missing_tensor(path: Path) -> Path:
    """A tensor is gone, another has a wrong name."""
    tensors = load_file(path)
    tensors["predictor.exit.bias"] = tensors.pop("predictor.output.bias")
    return rewrite(path, tensors)


def other_version(path: Path) -> Path:
    """A later format."""
    return rewrite(path, format="vultus-network-9", vultus="7.1")


def other_program(path: Path) -> Path:
    """A safetensors file of someone else."""
    save_file({"x": torch.zeros(1)}, str(path))
    return path


def truncated(path: Path) -> Path:
    """Half a download."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def no_header(path: Path) -> Path:
    """A few bytes."""
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    return path


def pickled(path: Path) -> Path:
    """A checkpoint under another name."""
    torch.save({"network": {}}, path)
    return path


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (damaged_settings, "settings are damaged"),
        (unknown_setting, "unknown here: wings"),
        (senseless_setting, "predictor 'oracle'"),
        (other_shape, r"of another shape \(predictor\.from_descriptor\.bias"),
        (missing_tensor, r"1 missing \(predictor\.output\.bias\); 1 unknown \(predictor\.exit\.bias\)"),
        (other_version, "format vultus-network-9, this vultus reads"),
        (other_program, "not a file of vultus weights"),
        (truncated, "cannot be read"),
        (no_header, "cannot be read"),
        (pickled, "a checkpoint of PyTorch"),
    ],
)
def test_a_file_that_cannot_serve_is_told_with_its_name_and_what_to_do(
    saved: Path, spoil: object, told: str
) -> None:
    """One named error each, no traceback of a library."""
    assert callable(spoil)
    with pytest.raises(InputError, match=told) as error:
        load_network(spoil(saved))
    assert error.value.where == str(saved)
    assert error.value.fix


@pytest.mark.parametrize("precision", ["half", "int8"])
def test_layers_that_nothing_asks_are_not_kept(tmp_path: Path, precision: Precision) -> None:
    """With the attention predictor a backbone's last layers are idle; files that have them still load."""
    network = LandmarkNetwork(
        NetworkConfig("tf_efficientnet_lite0", 64, descriptor=32, hidden=32, predictor="attention")
    ).eval()
    path = save_network(network, tmp_path / "lean.safetensors", precision=precision)
    with safe_open(str(path), framework="pt") as file:
        metadata = file.metadata()
    kept = load_file(path)
    assert not {name for name in kept if name.startswith(("backbone.conv_head", "backbone.bn2"))}
    assert "backbone.blocks.6.0.conv_pwl.weight" in kept
    older = tmp_path / "older.safetensors"
    idle = {
        k: v for k, v in network.state_dict().items() if k.startswith(("backbone.conv_head", "backbone.bn2"))
    }
    save_file(kept | idle, str(older), metadata=metadata)
    image, queries = torch.rand(1, 3, 64, 64), torch.randn(5, 3)
    one, other = load_network(path), load_network(older)
    torch.testing.assert_close(one(image, queries), other(image, queries), rtol=0, atol=0)
    if precision == "half":
        torch.testing.assert_close(one(image, queries), network(image, queries), rtol=0.02, atol=0.02)
