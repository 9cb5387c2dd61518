"""The landmark network of C23: an image descriptor, a query encoder and a predictor per query."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from calibration.errors import UsageError
from detector.backbone import create_backbone
from detector.feature_map import FeatureMap, feature_levels, level_shapes
from detector.network_config import NetworkConfig
from detector.query_attention import AttentionPredictor
from detector.query_predictor import MlpPredictor, PlainPredictor, Predictor, QueryEncoder
from detector.query_transformer import TransformerPredictor
from detector.sigma_calibration import SigmaCalibration

__all__ = ["LOG_SIGMA_RANGE", "LandmarkNetwork", "NetworkConfig"]

LOG_SIGMA_RANGE = (-7.0, 2.0)
"""Bounds of log sigma, normalised: a tenth of a crop pixel to several crops."""

WORKING_MIB = 128
"""Memory that answering queries may take at a time, beside the answers."""

MOST_CELLS = 12
"""Sides of the grid above which cells are joined, else fine grids would make the descriptor's layer huge."""


class LandmarkNetwork(nn.Module):
    """Predicts, for any queries, where they are in a crop and how sure that is.

    Raises:
        UsageError: the backbone is unknown, or gives no grid of features at this input size.
    """

    image_mean: Tensor
    image_std: Tensor
    log_sigma_offset: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone, self.grid = create_backbone(config.backbone, config.input_size)
        self.levels = feature_levels
        self.map: FeatureMap | None = None
        self.predictor: Predictor
        if config.predictor == "attention":
            shapes = level_shapes(self.backbone, config)
            self.map = FeatureMap([channels for channels, _ in shapes], config.map_channels)
            self.pool = _descriptor_layers(config, *shapes[-1])
            self.predictor = AttentionPredictor(config, side=shapes[0][1])
        else:
            self.pool = _descriptor_layers(config, self.grid.channels, self.grid.side)
            self.predictor = _PREDICTORS[config.predictor](config)
        plain = config.predictor == "plain"
        self.query_encoder = nn.Identity() if plain else QueryEncoder(config.query_code, config.frequencies)
        # (x - 127) / 128 in bytes: what the released starting weights were trained with
        self.register_buffer("image_mean", torch.full((1, 3, 1, 1), 127.0 / 255.0))
        self.register_buffer("image_std", torch.full((1, 3, 1, 1), 128.0 / 255.0))
        self.register_buffer("log_sigma_offset", torch.tensor(config.log_sigma_offset))
        self.sigma_calibration = SigmaCalibration()

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
        """Descriptors f (N, d) of images (N, 3, S, S) in [0, 1]; C23 eq. 1.

        With the attention predictor, the flattened map of local features (N, C G G) comes behind them.
        """
        normalised = (images - self.image_mean) / self.image_std
        normalised = normalised.contiguous(memory_format=torch.channels_last)
        if self.map is None:
            levels = [self.grid(self.backbone, normalised)]
        else:
            levels = self.levels(self.backbone, normalised, self.config.map_levels)
        # bfloat16 resolves half a pixel of the crop: what follows the backbone stays in single precision
        with torch.autocast(images.device.type, enabled=False):
            levels = [level.float() for level in levels]
            descriptors: Tensor = self.pool(levels[-1])
            if self.map is None:
                return descriptors
            return torch.cat([descriptors, self.map(levels).flatten(1)], dim=1)

    def compile_backbone(self) -> None:
        """Compile the backbone in place: half a minute, then each step is quicker."""
        if self.map is None:
            self.backbone.compile()
        else:
            self.levels = torch.compile(feature_levels)

    def decode(
        self, descriptors: Tensor, queries: Tensor, working_mib: int = WORKING_MIB
    ) -> tuple[Tensor, Tensor]:
        """Answer queries about images that are described already; C23 eq. 2.

        However many queries there are, and whichever the predictor, each answer depends only on its own
        query and image. Where no gradients are recorded the queries are taken in parts, so that the memory
        in use beside the answers stays small; with gradients it is all kept anyhow.

        Args:
            descriptors: (N, d) of :meth:`describe`.
            queries: (L, 3) canonical metres / QUERY_SCALE.
            working_mib: the memory to work in, MiB; one query of all images is the least.

        Returns:
            mean (N, L, 2) and log sigma (N, L), as :meth:`forward`.

        Raises:
            UsageError: the predictor is plain, and there are queries that are not of its layout.
        """
        with torch.autocast(descriptors.device.type, enabled=False):
            answer = self.predictor.decoder(descriptors.float(), self.query_encoder)
            if torch.is_grad_enabled():
                output = answer(queries)
            else:
                room = working_mib * 2**20 // (self.predictor.bytes_per_answer() * max(1, len(descriptors)))
                output = torch.cat([answer(part) for part in torch.split(queries, max(1, room))], dim=1)
        low, high = LOG_SIGMA_RANGE
        middle, half = (low + high) / 2, (high - low) / 2
        log_sigma = middle + half * torch.tanh((output[..., 2] - middle) / half)
        return output[..., :2], log_sigma + self.log_sigma_offset + self.sigma_calibration(queries)

    def set_log_sigma_offset(self, offset: float) -> None:
        """Set the calibration of sigma (a natural logarithm, added)."""
        self.log_sigma_offset.fill_(offset)

    def set_layout(self, queries: Tensor) -> None:
        """Tell a plain network where the landmarks (L, 3) of its layout lie on the canonical head.

        Raises:
            UsageError: the predictor is not plain, or the number is another.
        """
        if not isinstance(self.predictor, PlainPredictor):
            raise UsageError(f"a network with the {self.config.predictor} predictor has no layout")
        self.predictor.set_queries(queries)


_PREDICTORS: dict[str, Callable[[NetworkConfig], Predictor]] = {
    "mlp": MlpPredictor,
    "transformer": TransformerPredictor,
    "plain": PlainPredictor,
}


def _descriptor_layers(config: NetworkConfig, channels: int, features_side: int) -> nn.Sequential:
    """From features (N, C, G, G) to the descriptor (N, d)."""
    if config.pooling == "average":
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, config.descriptor))
    joined = math.ceil(features_side / MOST_CELLS)
    side = math.ceil(features_side / joined)
    padding = math.ceil((side * joined - features_side) / 2)
    cells = side * side * config.grid_channels
    return nn.Sequential(
        nn.Conv2d(channels, config.grid_channels, joined, joined, padding),
        nn.Flatten(),
        nn.LayerNorm(cells),
        nn.Linear(cells, config.descriptor),
    )
