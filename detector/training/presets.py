"""Settings of training that work at the first try, by the machine that they are meant for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from calibration.errors import UsageError
from detector.network_config import NetworkConfig, preset


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained.

    Attributes:
        network: what is trained.
        settings: fields of :class:`detector.training.config.TrainConfig` that differ from its defaults.
        fine: whether heads are rendered with smooth edges, which needs a GPU to be fast.
    """

    network: NetworkConfig
    settings: Mapping[str, object]
    fine: bool


def training_preset(name: str) -> Preset:
    """The preset of this name.

    "small" trains within two hours on two CPU cores: one renders, one learns, on a backbone that starts
    from ImageNet and keeps its first stages. "base" trains within 25 minutes on a GPU with some CPU cores
    to render on.

    Raises:
        UsageError: there is none; the message names those that there are.
    """
    network = preset(name)
    if name not in SETTINGS:
        raise UsageError(
            f"there is no training preset named {name!r}", fix=f"Choose of {', '.join(SETTINGS)}"
        )
    settings = dict(SETTINGS[name])
    if name == "base":
        settings["workers"] = max(1, (os.cpu_count() or 2) - 1)
    return Preset(network, settings, fine=name == "base")


SETTINGS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "small": {
            "minutes": 110.0,
            "frozen_stages": 2,
            "batch_size": 32,
            "queries": 192,
            "learning_rate": 8e-4,
            "warmup_steps": 100,
            "held_out": 256,
            "min_samples": 512,
            "compiled": True,
        },
        "base": {
            "init": "auto",
            "minutes": 23.0,
            "batch_size": 128,
            "queries": 512,
            "compiled": True,
            "precision": "int8",
        },
    }
)
"""Beside the defaults; base uses all CPU cores but one to render."""
