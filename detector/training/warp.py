"""Geometric augmentation: random views of a sample, and its labels moved along with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from detector.region import to_normalised

PADDING = ("zeros", "zeros", "border", "reflection")
"""What lies outside a sample; inference pads with black, so that comes most often."""

CORNER = 0.24
"""Side of the background patches, as a share of the sample."""


@dataclass(frozen=True)
class WarpConfig:
    """How far crops stray from the nominal region.

    Attributes:
        rotation: largest roll, radians.
        scale: the largest change of size is this factor, up or down.
        shift: largest shift, in sides of the region.
        aspect: largest stretch of one axis against the other, as a factor.
        wide_share: share of crops that are framed badly, as the windows of a search are.
        wide_scale, wide_shift: their largest change of size and shift.
        background_share: share of crops that show no face at all. Their labels are the nominal ones of a
            face that is not there, so that the network learns to be unsure without one.
    """

    rotation: float = math.radians(40.0)
    scale: float = 1.35
    shift: float = 0.16
    aspect: float = 1.12
    wide_share: float = 0.10
    wide_scale: float = 2.2
    wide_shift: float = 0.55
    background_share: float = 0.04


MEASURE = WarpConfig(math.radians(8.0), 1.06, 0.03, 1.0, 0.0, 1.0, 0.0, 0.0)
"""The framing that inference meets: the region of a previous estimate."""


UNVARIED = WarpConfig(0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0)
"""No geometric augmentation: every crop is the nominal region, but for those that show no face."""


@dataclass(frozen=True, eq=False)
class Views:
    """Affine maps from normalised crop coordinates to sample pixels: pixel = centre + matrix @ u.

    Attributes:
        centre: (N, 2) pixels.
        matrix: (N, 2, 2) pixels per normalised unit.
    """

    centre: Tensor
    matrix: Tensor

    def to_normalised(self, pixels: Tensor) -> Tensor:
        """Crop coordinates (N, L, 2) of sample pixels (N, L, 2)."""
        normalised: Tensor = torch.linalg.solve(self.matrix, (pixels - self.centre[:, None]).mT).mT
        return normalised

    def sample(self, images: Tensor, size: int, padding: str = "zeros") -> Tensor:
        """Crops (N, 3, size, size) in [0, 1] of images (N, S, S, 3) uint8."""
        side = images.shape[1]
        source = images.permute(0, 3, 1, 2).contiguous().float()
        # grid = (2 * pixel + 1) / side - 1
        theta = torch.cat([self.matrix * (2 / side), ((2 * self.centre + 1) / side - 1)[..., None]], dim=-1)
        grid = functional.affine_grid(theta, [len(images), 3, size, size], align_corners=False)
        return functional.grid_sample(source, grid, "bilinear", padding, align_corners=False) / 255.0


def random_views(regions: Tensor, config: WarpConfig, generator: torch.Generator) -> Views:
    """Random views about nominal regions (N, 3)."""
    count, device = len(regions), regions.device

    def symmetric(*shape: int) -> Tensor:
        return 2 * torch.rand(shape, generator=generator, device=device) - 1

    # most crops are nearly as inference frames them, some are far off
    amount = torch.rand((count, 1), generator=generator, device=device)
    wide = torch.rand((count, 1), generator=generator, device=device) < config.wide_share
    scale_range = torch.where(wide, math.log(config.wide_scale), amount * math.log(config.scale))
    shift_range = torch.where(wide, config.wide_shift, amount * config.shift)
    size = regions[:, 2:] * torch.exp(scale_range * symmetric(count, 1))
    centre = regions[:, :2] + shift_range * size * symmetric(count, 2)
    angle = amount[:, 0] * config.rotation * symmetric(count)
    stretch = torch.exp(0.5 * math.log(config.aspect) * symmetric(count))
    return Views(centre, _matrix(size[:, 0] / 2, angle, stretch))


def _matrix(half: Tensor, angle: Tensor, stretch: Tensor) -> Tensor:
    """half * rotation(angle) @ diag(stretch, 1 / stretch), (N, 2, 2)."""
    cos, sin = half * angle.cos(), half * angle.sin()
    columns = [
        torch.stack([cos, sin], -1) * stretch[:, None],
        torch.stack([-sin, cos], -1) / stretch[:, None],
    ]
    return torch.stack(columns, dim=-1)


def random_crops(
    images: Tensor,
    labels: Tensor,
    regions: Tensor,
    size: int,
    config: WarpConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Crops of random views, with their labels.

    Args:
        images: (N, S, S, 3) uint8.
        labels: (N, L, 2) pixels.
        regions: (N, 3) nominal regions, pixels.
        size: side of the crops.
        config: how far they stray.
        generator: on the images' device.

    Returns:
        Crops (N, 3, size, size) in [0, 1] and labels (N, L, 2), normalised.
    """
    views = random_views(regions, config, generator)
    targets = views.to_normalised(labels)
    if config.background_share > 0:
        corners, empty = _corner_views(images, labels, generator)
        chosen = torch.rand(len(images), generator=generator, device=images.device) < config.background_share
        chosen &= empty
        views = Views(
            torch.where(chosen[:, None], corners.centre, views.centre),
            torch.where(chosen[:, None, None], corners.matrix, views.matrix),
        )
        targets = torch.where(chosen[:, None, None], to_normalised(labels, regions), targets)
    padding = PADDING[int(torch.randint(len(PADDING), (1,), generator=generator, device=images.device))]
    return views.sample(images, size, padding), targets


def _corner_views(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Views, Tensor]:
    """A square in an upper corner of each sample, and whether the head's box (N,) leaves it free."""
    count, side = len(images), images.shape[1]
    patch = CORNER * side
    right = torch.rand(count, generator=generator, device=images.device) < 0.5
    low, high = labels.amin(1), labels.amax(1)
    clear_x = torch.where(right, low.new_tensor(side) - high[:, 0], low[:, 0]) > patch
    empty = clear_x | (low[:, 1] > patch)
    x = torch.where(right, side - patch / 2, patch / 2) - 0.5
    centre = torch.stack([x, torch.full_like(x, patch / 2 - 0.5)], dim=-1)
    half = torch.full_like(x, patch / 2)
    return Views(centre, _matrix(half, torch.zeros_like(x), torch.ones_like(x))), empty
