"""The landmark network of C23: an image descriptor, a query encoder and a predictor per query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import timm
import torch
from torch import Tensor, nn

from calibration.errors import UsageError

Pooling = Literal["grid", "average"]
Interaction = Literal["concat", "product"]

LOG_SIGMA_RANGE = (-7.0, 2.0)
"""Bounds of log sigma, normalised: a tenth of a crop pixel to several crops."""


@dataclass(frozen=True)
class NetworkConfig:
    """What a network is built from; stored with its weights.

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


class LandmarkNetwork(nn.Module):
    """Predicts, for any queries, where they are in a crop and how sure that is."""

    image_mean: Tensor
    image_std: Tensor
    log_sigma_offset: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone, grid = _backbone(config)
        channels = int(self.backbone.num_features)  # type: ignore[arg-type]
        self.pool: nn.Module
        if config.pooling == "grid":
            cells = grid * grid * config.grid_channels
            self.pool = nn.Sequential(
                nn.Conv2d(channels, config.grid_channels, 1),
                nn.Flatten(),
                nn.LayerNorm(cells),
                nn.Linear(cells, config.descriptor),
            )
        else:
            average = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.pool = nn.Sequential(*average, nn.Linear(channels, config.descriptor))
        self.query_encoder = QueryEncoder(config.query_code, config.frequencies)
        self.predictor = QueryPredictor(config)
        # (x - 127) / 128 in bytes: what the released starting weights were trained with
        self.register_buffer("image_mean", torch.full((1, 3, 1, 1), 127.0 / 255.0))
        self.register_buffer("image_std", torch.full((1, 3, 1, 1), 128.0 / 255.0))
        self.register_buffer("log_sigma_offset", torch.tensor(config.log_sigma_offset))

    def forward(self, images: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Predict queries in crops, C23 eq. 1 and 2.

        Args:
            images: (N, 3, S, S) sRGB in [0, 1].
            queries: (L, 3) canonical metres / QUERY_SCALE.

        Returns:
            mean (N, L, 2), in [-1, 1] of the crop where the point lies inside it, and log sigma (N, L),
            the calibrated standard deviation per axis in the same unit.
        """
        return self.decode(self.describe(images), queries)

    def describe(self, images: Tensor) -> Tensor:
        """Descriptors f (N, d) of images (N, 3, S, S) in [0, 1]; C23 eq. 1."""
        normalised = (images - self.image_mean) / self.image_std
        features = self.backbone(normalised.contiguous(memory_format=torch.channels_last))
        # bfloat16 resolves half a pixel of the crop: what follows the backbone stays in single precision
        with torch.autocast(images.device.type, enabled=False):
            return self.pool(features.float())  # type: ignore[no-any-return]

    def decode(self, descriptors: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (N, L, 2) and log sigma (N, L) of queries (L, 3), given descriptors (N, d); C23 eq. 2."""
        with torch.autocast(descriptors.device.type, enabled=False):
            output = self.predictor(descriptors, self.query_encoder(queries))
        low, high = LOG_SIGMA_RANGE
        middle, half = (low + high) / 2, (high - low) / 2
        log_sigma = middle + half * torch.tanh((output[..., 2] - middle) / half)
        return output[..., :2], log_sigma + self.log_sigma_offset

    def set_log_sigma_offset(self, offset: float) -> None:
        """Set the calibration of sigma (a natural logarithm, added)."""
        self.log_sigma_offset.fill_(offset)


class QueryEncoder(nn.Module):
    """M: queries (L, 3) to codes (L, B) by a 2-layer MLP, C23 section 3.2."""

    octaves: Tensor

    def __init__(self, code: int, frequencies: int) -> None:
        super().__init__()
        self.register_buffer("octaves", torch.pi * 2.0 ** torch.arange(frequencies), persistent=False)
        width = 3 * (1 + 2 * frequencies)
        self.layers = nn.Sequential(nn.Linear(width, 2 * code), nn.GELU(), nn.Linear(2 * code, code))

    def forward(self, queries: Tensor) -> Tensor:
        """Codes (L, B)."""
        phase = (queries[..., None] * self.octaves).flatten(-2)
        return self.layers(torch.cat([queries, phase.sin(), phase.cos()], dim=-1))  # type: ignore[no-any-return]


class QueryPredictor(nn.Module):
    """P: a 4-layer MLP on the descriptor and one query code, C23 section 3.3.

    The first layer is split, W [f; q] = Wf f + Wq q, so that its large part runs once per image and not
    once per query.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.from_descriptor = nn.Linear(config.descriptor, hidden)
        self.from_query = nn.Linear(config.query_code, hidden, bias=False)
        self.scale: nn.Linear | None = None
        if config.interaction == "product":
            self.scale = nn.Linear(config.descriptor, hidden)
        self.layers = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        self.output = nn.Linear(hidden, 3)
        nn.init.normal_(self.output.weight, std=0.01)
        # start unsure: about a quarter of the crop
        self.output.bias.data.copy_(torch.tensor([0.0, 0.0, -1.4]))

    def forward(self, descriptors: Tensor, codes: Tensor) -> Tensor:
        """(N, L, 3) x, y and unbounded log sigma from descriptors (N, d) and codes (L, B)."""
        part = self.from_query(codes)[None]
        if self.scale is not None:
            part = part * (1 + self.scale(descriptors))[:, None]
        return self.output(self.layers(part + self.from_descriptor(descriptors)[:, None]))  # type: ignore[no-any-return]


def _backbone(config: NetworkConfig) -> tuple[nn.Module, int]:
    """A timm model without its head, and the side of the grid of features that it gives."""
    if config.input_size % 32 or config.input_size <= 0:
        raise UsageError(f"the network's input size {config.input_size} is not a multiple of 32")
    if not timm.is_model(config.backbone):
        raise UsageError(
            f"timm knows no backbone named {config.backbone!r}", fix="See timm.list_models() for the names"
        )
    model = timm.create_model(config.backbone, pretrained=False, num_classes=0, global_pool="")
    with torch.no_grad():
        training = model.training
        features = model.eval()(torch.zeros(1, 3, config.input_size, config.input_size))
        model.train(training)
    if features.ndim != 4 or features.shape[1] != model.num_features:
        raise UsageError(
            f"the backbone {config.backbone!r} gives no grid of features", fix="Choose a convolutional one"
        )
    return model.to(memory_format=torch.channels_last), int(features.shape[-1])
