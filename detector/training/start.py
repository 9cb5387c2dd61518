"""What training starts from: whose weights, and which of them stay."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

from timm.models import group_modules
from torch import nn

from calibration.errors import InputError, MissingDependencyError, UsageError
from detector.network import LandmarkNetwork
from detector.starting_weights import STARTS, Start, start_backbone
from detector.training.config import TrainConfig
from detector.training.origin import Origin, origin_of
from detector.weights import load_network, read_facts

LOG = logging.getLogger(__name__)


def start_network(config: TrainConfig) -> tuple[LandmarkNetwork, Origin]:
    """The network that training starts from, and where its weights come from."""
    network = LandmarkNetwork(config.network)
    if config.init == "random":
        return network, Origin("random")
    if config.init == "auto":
        return network, Origin(_start_from_first(network))
    if config.init in STARTS:
        source = start_backbone(network, cast(Start, config.init))
        return network, Origin(f"ImageNet weights of {source.source} ({source.licence})")
    before = load_network(config.init)
    try:
        network.load_state_dict(before.state_dict())
    except RuntimeError as error:
        raise UsageError("the weights are of a network with other settings", where=config.init) from error
    network.set_log_sigma_offset(0.0)
    network.sigma_calibration.set_offsets({})
    return network, origin_of(Path(config.init), read_facts(config.init))


def _start_from_first(network: LandmarkNetwork) -> str:
    """ImageNet weights from wherever they can be had."""
    for start in STARTS:
        try:
            source = start_backbone(network, cast(Start, start))
        except (UsageError, InputError, MissingDependencyError) as error:
            LOG.info("no starting weights from %s: %s", start, error)
            continue
        return f"ImageNet weights of {source.source} ({source.licence})"
    LOG.warning("the backbone %s starts from random weights", network.config.backbone)
    return "random"


def freeze_stages(backbone: nn.Module, stages: int) -> None:
    """Keep the stem and first stages of a timm backbone as they are: weights and statistics.

    Raises:
        UsageError: the backbone has fewer stages.
    """
    if stages == 0:
        return
    order = group_modules(backbone, backbone.group_matcher(coarse=True), reverse=True)  # type: ignore[operator]
    last = max(order.values())
    if stages >= last:
        raise UsageError(f"the backbone has {last} stages, {stages} cannot be frozen")
    for name, stage in order.items():
        if stage <= stages:
            backbone.get_submodule(name).requires_grad_(False).eval()
