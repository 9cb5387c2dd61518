"""timm models as feature extractors: whatever they give, a grid of features comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import timm
import torch
from torch import Tensor, nn

from calibration.errors import UsageError

Order = Literal["NCHW", "NHWC", "NLC"]
REFUSALS = (
    AssertionError,
    AttributeError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What timm's models raise when they cannot take a size or do without their head."""


@dataclass(frozen=True)
class FeatureGrid:
    """How the features of a timm model are read as a grid (N, C, G, G).

    Attributes:
        method: of the model, gives the features: "forward" or "forward_features".
        order: of their axes; "NLC" are tokens, row by row.
        prefix: tokens before those of the grid (class token, registers).
        channels: C.
        side: G.
    """

    method: Literal["forward", "forward_features"]
    order: Order
    prefix: int
    channels: int
    side: int

    def __call__(self, backbone: nn.Module, images: Tensor) -> Tensor:
        """Features (N, C, G, G) of normalised images (N, 3, S, S)."""
        # the forward of a compiled module is reached only through the call itself
        compute: Callable[[Tensor], Tensor] = backbone
        if self.method == "forward_features":
            compute = backbone.forward_features  # type: ignore[assignment]
        features = compute(images)
        if self.order == "NHWC":
            return features.permute(0, 3, 1, 2)
        if self.order == "NLC":
            grid = features[:, self.prefix :].transpose(1, 2)
            return grid.reshape(*grid.shape[:2], self.side, self.side)
        return features


def create_backbone(name: str, size: int) -> tuple[nn.Module, FeatureGrid]:
    """A timm model without its head, for square images of one size, and how to read its features.

    Args:
        name: of the model: convolutional, or of tokens (ViT, Swin and their kin).
        size: S, side of the images in pixels.

    Raises:
        UsageError: timm knows no such model, or it gives no grid of features for images of this size.
    """
    if not timm.is_model(name):
        raise UsageError(f"timm knows no backbone named {name!r}", fix="See timm.list_models() for the names")
    reason = "its features are not a square grid"
    for options in backbone_options(name, size):
        try:
            model = timm.create_model(name, pretrained=False, **options)
            _check_patches(model, size)
            grid = _find_grid(model, size)
        except REFUSALS as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            continue
        if grid is not None:
            return model.to(memory_format=torch.channels_last), grid
    raise UsageError(
        f"the backbone {name!r} gives no grid of features for images of {size} pixels ({reason})",
        fix="Choose another input size (a multiple of its patches) or another backbone",
    )


def backbone_options(name: str, size: int) -> list[dict[str, object]]:
    """The arguments by which timm may make this model without its head, the best first."""
    sized: dict[str, object] = {"num_classes": 0}
    configuration = timm.get_pretrained_cfg(name)
    if configuration is not None and configuration.fixed_input_size:
        sized["img_size"] = size
    # some models cannot do without their pooling; it comes after the features and is not used then
    return [sized | {"global_pool": ""}, sized]


def pretrained_normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of RGB in [0, 1] that timm's own weights of a model expect."""
    configuration = timm.get_pretrained_cfg(name)
    return tuple(configuration.mean), tuple(configuration.std)


def _check_patches(model: nn.Module, size: int) -> None:
    """Patches that do not fill the image would leave out its right and lower border, without a word.

    Raises:
        ValueError: the size is not a multiple of the model's patches.
    """
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", 1)
    for side in patch if isinstance(patch, tuple) else (patch,):
        if size % side:
            raise ValueError(f"its patches have {side} pixels")


@torch.no_grad()
def _find_grid(model: nn.Module, size: int) -> FeatureGrid | None:
    """How a model's features are read: those of its whole forward, unless they are pooled away there."""
    training = model.training
    model.eval()
    image = torch.zeros(1, 3, size, size)
    grid = _read_shape(model, "forward", model(image))
    if grid is None or grid.side == 1:
        features = model.forward_features(image)  # type: ignore[operator]
        grid = _finer(grid, _read_shape(model, "forward_features", features))
    model.train(training)
    return grid


def _finer(first: FeatureGrid | None, second: FeatureGrid | None) -> FeatureGrid | None:
    if first is None or second is None:
        return first or second
    return second if second.side > first.side else first


def _read_shape(
    model: nn.Module, method: Literal["forward", "forward_features"], features: object
) -> FeatureGrid | None:
    """What the shape of a model's output says; None when there is no square grid in it."""
    if not isinstance(features, Tensor):
        return None
    widths = {model.num_features, getattr(model, "head_hidden_size", model.num_features)}
    shape = tuple(features.shape)
    if len(shape) == 4 and shape[1] in widths and shape[2] == shape[3]:
        return FeatureGrid(method, "NCHW", 0, shape[1], shape[2])
    if len(shape) == 4 and shape[3] in widths and shape[1] == shape[2]:
        return FeatureGrid(method, "NHWC", 0, shape[3], shape[1])
    if len(shape) == 3 and shape[2] in widths:
        prefix = int(getattr(model, "num_prefix_tokens", hasattr(model, "cls_token")))
        side = math.isqrt(max(0, shape[1] - prefix))
        if side > 1 and side * side == shape[1] - prefix:
            return FeatureGrid(method, "NLC", prefix, shape[2], side)
    return None
