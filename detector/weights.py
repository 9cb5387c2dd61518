"""Networks on disk: safetensors in half precision or eight bits, the configuration in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from calibration.errors import InputError
from calibration.whole_file import whole_file
from detector.feature_map import unused_names
from detector.network import LandmarkNetwork, NetworkConfig
from detector.quantisation import dequantise, quantisable, quantise

FORMAT = "vultus-network-2"
RELEASED = Path(__file__).parent / "released"
DEFAULT = "face-base"
HALF_MAX = 6.0e4
SCALE_SUFFIX = "#scale"
"""Of the tensor with the scales of an eight-bit weight."""

PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x04")
"""How files of torch.save and pickle begin."""

MOST_NAMES = 3
"""Tensors that an error names."""

Precision = Literal["half", "int8"]


def released_names() -> tuple[str, ...]:
    """Names of the weights that ship with the package."""
    return tuple(sorted(path.stem for path in RELEASED.glob("*.safetensors")))


def default_weights() -> str:
    """The name of the released weights that serve where none are named: the more accurate ones.

    Raises:
        InputError: no weights come with this installation.
    """
    names = released_names()
    if not names:
        raise InputError("no weights come with this installation", fix="Name a file of weights")
    return DEFAULT if DEFAULT in names else names[0]


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


def save_network(
    network: LandmarkNetwork,
    path: Path,
    facts: Mapping[str, object] | None = None,
    precision: Precision = "half",
) -> Path:
    """Write a network.

    Args:
        network: the network; its calibration of sigma is stored with it.
        path: the file to write, whole or not at all.
        facts: what to remember of its training, JSON values.
        precision: "half", or "int8": the weights of convolutions and linear layers in eight bits with a
            scale per output channel, half the size; what else there is stays in half precision.
    """
    config = asdict(network.config) | {"log_sigma_offset": float(network.log_sigma_offset)}
    metadata = {
        "format": FORMAT,
        "vultus": version("vultus"),
        "precision": precision,
        "config": json.dumps(config),
        "facts": json.dumps(dict(facts or {})),
    }
    with whole_file(path) as partial:
        save_file(_packed(network, precision), str(partial), metadata=metadata)
        partial.chmod(0o644)  # safetensors writes files that only their owner can read
    return path


def _packed(network: LandmarkNetwork, precision: Precision) -> dict[str, Tensor]:
    """The tensors to write."""
    short = quantisable(network) if precision == "int8" else frozenset()
    unused = _unused(network)
    # queries and calibration are numbers to compare with and to add, not to round
    exact = {name for name, _ in network.named_buffers() if not name.startswith("backbone.")}
    tensors = {}
    for name, value in network.state_dict().items():
        if name in unused:
            continue
        value = value.detach().cpu().contiguous()
        if name in short:
            tensors[name], tensors[name + SCALE_SUFFIX] = quantise(value)
        else:
            tensors[name] = value if name in exact else _half(value)
    return tensors


def _unused(network: LandmarkNetwork) -> frozenset[str]:
    """Names of what is in the network's state, but in none of its answers."""
    if network.map is None:
        return frozenset()
    parts = unused_names(network.backbone, network.config)
    return frozenset(f"backbone.{name}" for name in parts)


def _half(value: Tensor) -> Tensor:
    fits = value.is_floating_point() and bool(value.abs().max() < HALF_MAX if value.numel() else True)
    return value.half() if fits else value


def load_network(name_or_path: str | Path, device: str | torch.device = "cpu") -> LandmarkNetwork:
    """Read a network, in single precision and in evaluation mode.

    Settings that an older file does not have take their defaults. Layers of the backbone that no answer needs
    are not in the file, or passed over, and stay as they are made.

    Args:
        name_or_path: a released name, or a file that :func:`save_network` wrote.
        device: where to put it.

    Raises:
        InputError: the file is absent, damaged, of another format or version, or no safetensors at all; or
            its tensors are not those of its own settings.
        UsageError: the installed timm does not know its backbone.
    """
    path = find_weights(name_or_path)
    metadata, tensors = _read(path)
    config = _configuration(metadata, path)
    network = LandmarkNetwork(config)
    unused, values = _unused(network), _unpacked(tensors)
    own = network.state_dict()
    try:
        network.load_state_dict(values | {name: own[name] for name in unused})
    except RuntimeError as error:
        raise InputError(
            f"the tensors are not those of the network's settings: {_differences(network, values)}",
            where=str(path),
            fix="Get the file again, or write it again with this vultus",
        ) from error
    network.set_log_sigma_offset(config.log_sigma_offset)
    return network.to(device).eval().requires_grad_(False)


def _configuration(metadata: Mapping[str, str], path: Path) -> NetworkConfig:
    """The network's settings in the metadata of a file."""
    found = metadata.get("format", "")
    if not found.startswith(FORMAT.rpartition("-")[0]):
        raise InputError(
            "not a file of vultus weights",
            where=str(path),
            fix=f"Name a file that vultus train wrote, or one of the released: {', '.join(released_names())}",
        )
    if found != FORMAT:
        raise InputError(
            f"weights of the format {found}, this vultus reads {FORMAT}",
            where=str(path),
            fix=f"Use the version of vultus that wrote them ({metadata.get('vultus', 'not stated')})",
        )
    try:
        return NetworkConfig.from_json(json.loads(metadata.get("config", "null")))
    except InputError as error:
        raise InputError(error.what, where=str(path), fix=error.fix) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"the network's settings are damaged ({error})", where=str(path), fix="Get the file again"
        ) from error


def _unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Single precision again, by the names of the network's state."""
    values = {}
    for name, value in tensors.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        if name + SCALE_SUFFIX in tensors:
            values[name] = dequantise(value, tensors[name + SCALE_SUFFIX])
        else:
            values[name] = value.float() if value.is_floating_point() else value
    return values


def _differences(network: LandmarkNetwork, values: Mapping[str, Tensor]) -> str:
    """What is missing, unknown or of another shape, a few names of each."""
    expected = network.state_dict()
    kinds = {
        "missing": sorted(expected.keys() - values.keys()),
        "unknown": sorted(values.keys() - expected.keys()),
        "of another shape": sorted(
            name for name in expected.keys() & values.keys() if expected[name].shape != values[name].shape
        ),
    }
    return "; ".join(
        f"{len(names)} {kind} ({', '.join(names[:MOST_NAMES])}{', ...' if len(names) > MOST_NAMES else ''})"
        for kind, names in kinds.items()
        if names
    )


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
        if _is_pickle(path):
            raise InputError(
                "this is a checkpoint of PyTorch (a pickle), not weights",
                where=str(path),
                fix="Name the .safetensors file that training wrote beside the checkpoint",
            ) from error
        raise InputError(
            f"the weights cannot be read ({error})",
            where=str(path),
            fix="The file is damaged or cut off; copy it again",
        ) from error


def _is_pickle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(PICKLE_STARTS)
    except OSError:
        return False
