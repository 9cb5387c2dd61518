"""What a landmark network is built from, and the named choices that are released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

from calibration.errors import InputError, UsageError

Pooling = Literal["grid", "average"]
Interaction = Literal["concat", "product"]
PredictorName = Literal["mlp", "transformer", "plain", "attention"]

HEADS = 8
"""Attention heads of the transformer, C23 section 4.3."""


@dataclass(frozen=True)
class NetworkConfig:
    """What a network is built from; stored with its weights.

    A setting that an older file of weights does not have takes its default here, so defaults never change.

    Attributes:
        backbone: name of a timm model.
        input_size: S, side of the square input in pixels, a multiple of 32.
        descriptor: d, size of the image descriptor (C23: 768).
        query_code: B, size of the query code (C23: 64).
        hidden: width of the predictor.
        pooling: "grid" keeps the backbone's grid of features, reduced to ``grid_channels`` and flattened,
            so that the descriptor knows where things are; "average" is timm's global pooling.
        grid_channels: channels per cell when pooling is "grid".
        frequencies: octaves of sines and cosines beside the query's coordinates; 0 is C23's plain MLP.
        interaction: how descriptor and query code meet in the first layer: "concat" (C23), or "product",
            where the descriptor also scales the query's part.
        log_sigma_offset: added to log sigma, from the calibration on held-out data.
        predictor: "mlp" and "transformer" answer any query from the descriptor (C23 section 3.3); "attention"
            looks at a map of local features too (see :mod:`detector.query_attention`); "plain" is W22's
            final layer of three values per landmark of one layout.
        map_channels: C, of the map of local features that the attention predictor looks at.
        map_levels: how many of the backbone's last levels make that map; of a convolutional one 3 reach a
            stride of 8 pixels, 4 a stride of 4.
        context: M, how many context queries the transformer looks at (see :mod:`detector.query_transformer`).
        layout: the name of the layout that a plain network predicts; "" for the other predictors.
        layout_size: L, its number of landmarks.

    Raises:
        UsageError: a setting makes no sense.
    """

    backbone: str = "tf_efficientnet_lite0"
    input_size: int = 256
    descriptor: int = 768
    query_code: int = 64
    hidden: int = 512
    pooling: Pooling = "grid"
    grid_channels: int = 48
    frequencies: int = 6
    interaction: Interaction = "concat"
    log_sigma_offset: float = 0.0
    predictor: PredictorName = "mlp"
    context: int = 128
    layout: str = ""
    layout_size: int = 0
    map_channels: int = 96
    map_levels: int = 3

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_sizes()
        if self.predictor == "transformer" and self.hidden % HEADS:
            raise UsageError(f"the transformer's width {self.hidden} is not a multiple of its {HEADS} heads")
        if (self.predictor == "plain") != (self.layout != "" and self.layout_size > 0):
            raise UsageError(
                "a layout and its number of landmarks go with the plain predictor, and only with it",
                fix="Set predictor='plain', layout and layout_size together",
            )

    def _check_choices(self) -> None:
        choices = {"pooling": Pooling, "interaction": Interaction, "predictor": PredictorName}
        for name, kind in choices.items():
            known = get_args(kind)
            if getattr(self, name) not in known:
                raise UsageError(
                    f"the network knows no {name} {getattr(self, name)!r}",
                    fix=f"Choose one of {', '.join(known)}",
                )

    def _check_sizes(self) -> None:
        for name in (
            "input_size",
            "descriptor",
            "query_code",
            "hidden",
            "grid_channels",
            "context",
            "map_channels",
            "map_levels",
        ):
            value: object = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"the network's {name} is {value!r}, not a positive number")
        if self.input_size % 32:
            raise UsageError(f"the network's input size {self.input_size} is not a multiple of 32")

    @classmethod
    def from_json(cls, values: object) -> NetworkConfig:
        """The configuration of a file; settings that it does not have take their defaults.

        Raises:
            InputError: it has settings that are unknown here, or values that make no sense.
        """
        if not isinstance(values, Mapping):
            raise InputError("the network's settings are not a JSON object")
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(
                f"the network has settings that are unknown here: {', '.join(unknown)}",
                fix="Update vultus; a newer version wrote this file",
            )
        try:
            return cls(**values)
        except UsageError as error:
            raise InputError(error.what, fix="Update vultus, or write the file again") from error


PRESETS: dict[str, NetworkConfig] = {
    "small": NetworkConfig(
        backbone="tf_efficientnet_lite0",
        input_size=128,
        hidden=256,
        frequencies=9,
        predictor="attention",
        map_levels=4,
    ),
    "base": NetworkConfig(
        backbone="convnext_nano", input_size=256, hidden=512, frequencies=9, predictor="attention"
    ),
}
"""The networks that are released: ``small`` is fast on a CPU, ``base`` is the more accurate.

Lids and lips are a few pixels apart at 128 pixels: ``small`` looks at a map of every fourth pixel.
"""


def preset(name: str) -> NetworkConfig:
    """The configuration of this name.

    Raises:
        UsageError: there is none; the message names those that there are.
    """
    if name not in PRESETS:
        raise UsageError(
            f"there is no preset named {name!r}", fix=f"Choose one of {', '.join(sorted(PRESETS))}"
        )
    return PRESETS[name]
