"""A fine map of local features beside the descriptor: where a landmark can be looked up.

A descriptor alone has to spell out every position that it is asked for, which takes a network long to learn.
A map keeps what the image shows where it shows it, so that a query only has to be recognised.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from calibration.errors import UsageError
from detector.network_config import NetworkConfig


class FeatureMap(nn.Module):
    """The last levels of a backbone, joined from coarse to fine (feature pyramid, Lin et al. 2017).

    Args:
        channels: of the levels, fine to coarse.
        width: C, channels of the map.
    """

    def __init__(self, channels: list[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.smooth = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.Conv2d(width, width, 1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.Conv2d(width, width, 1),
        )
        self.norm = nn.GroupNorm(1, width)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The map (N, C, G, G) of levels (N, C_i, G_i, G_i), fine to coarse; G is the finest side."""
        joined: Tensor = self.lateral[-1](levels[-1])
        for lateral, level in zip(reversed(self.lateral[:-1]), reversed(levels[:-1]), strict=True):
            local: Tensor = lateral(level)
            joined = functional.interpolate(joined, size=local.shape[-2:]) + local
        return self.norm(joined + self.smooth(joined))  # type: ignore[no-any-return]


def feature_levels(backbone: nn.Module, images: Tensor, count: int) -> list[Tensor]:
    """The last ``count`` levels (N, C_i, G_i, G_i) of a timm model, fine to coarse; images (N, 3, S, S)."""
    levels: list[Tensor] = backbone.forward_intermediates(  # type: ignore[operator]
        images, indices=count, intermediates_only=True
    )
    return levels


@torch.no_grad()
def level_shapes(backbone: nn.Module, config: NetworkConfig) -> list[tuple[int, int]]:
    """Channels and side (C_i, G_i) of the levels that the configuration asks of its backbone.

    Raises:
        UsageError: timm cannot give this model's levels.
    """
    training = backbone.training
    try:
        images = torch.zeros(1, 3, config.input_size, config.input_size)
        levels = feature_levels(backbone.eval(), images, config.map_levels)
    except (AttributeError, AssertionError, IndexError) as error:
        raise UsageError(
            f"the backbone {config.backbone!r} gives no {config.map_levels} levels of features "
            "for the attention predictor",
            fix="Choose another backbone, or predictor='mlp'",
        ) from error
    finally:
        backbone.train(training)
    return [(int(level.shape[1]), int(level.shape[2])) for level in levels]


def unused_names(backbone: nn.Module, config: NetworkConfig) -> frozenset[str]:
    """Names in the state of a timm model that its levels do not depend on, such as the layers after the last.

    Args:
        backbone: of which :func:`feature_levels` alone is asked.
        config: the network's.
    """
    training, wanted = backbone.training, {p: p.requires_grad for p in backbone.parameters()}
    with torch.enable_grad():
        images = torch.zeros(1, 3, config.input_size, config.input_size)
        levels = feature_levels(backbone.eval().requires_grad_(True), images, config.map_levels)
        total = torch.stack([level.sum() for level in levels]).sum()
        found = torch.autograd.grad(total, list(wanted), allow_unused=True)
    backbone.train(training)
    for parameter, flag in wanted.items():
        parameter.requires_grad_(flag)
    idle = {parameter for parameter, gradient in zip(wanted, found, strict=True) if gradient is None}
    names = []
    for prefix, module in backbone.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if own and idle.issuperset(own.values()):
            # running statistics go with the weights that they belong to
            own_state = (*own, *(name for name, _ in module.named_buffers(recurse=False)))
            names += [f"{prefix}.{name}" if prefix else name for name in own_state]
    return frozenset(names)
