"""Appearance augmentation, batched on the device: what carries synthetic faces over to real ones.

Every function takes images (N, 3, S, S) in [0, 1] and a generator on their device, and returns the same
shape. Shares are exact counts of the batch, so that nothing waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from detector.training.jpeg import jpeg_artefacts

Step = Callable[[Tensor, torch.Generator], Tensor]

LUMA = (0.299, 0.587, 0.114)
KERNEL = 13


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random appearance for each image: occluders, light, colour, then what cameras and files do."""
    images = _some(0.40, occlude, images, generator)
    images = _some(0.40, shade, images, generator)
    images = recolour(images, generator)
    images = _some(0.40, blur, images, generator)
    images = _some(0.12, partial(coarsen, factor=2), images, generator)
    images = _some(0.08, partial(coarsen, factor=4), images, generator)
    images = _some(0.50, add_noise, images, generator)
    images = _some(0.35, jpeg_artefacts, images.clamp(0, 1), generator)
    return images.clamp(0, 1)


def _some(share: float, step: Step, images: Tensor, generator: torch.Generator) -> Tensor:
    """Apply a step to a random share of the images."""
    order = torch.randperm(len(images), generator=generator, device=images.device)
    chosen = order[: max(1, round(share * len(images)))]
    return images.index_copy(0, chosen, step(images[chosen], generator))


def _uniform(
    images: Tensor, low: float, high: float, generator: torch.Generator, *, columns: int = 1
) -> Tensor:
    """(N, columns, 1, 1) uniform numbers."""
    shape = (len(images), columns, 1, 1)
    return low + (high - low) * torch.rand(shape, generator=generator, device=images.device)


def _plane(images: Tensor) -> tuple[Tensor, Tensor]:
    """x and y (1, 1, 1, S) and (1, 1, S, 1), from -1 to 1."""
    axis = torch.linspace(-1, 1, images.shape[-1], device=images.device)
    return axis.view(1, 1, 1, -1), axis.view(1, 1, -1, 1)


def occlude(images: Tensor, generator: torch.Generator) -> Tensor:
    """Cover one or two ellipses or rounded boxes with a plain or noisy colour, or with another image."""
    return cover(images, generator)[0]


def cover(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What :func:`occlude` does, and where it did: (N, 1, S, S) bool."""
    x, y = _plane(images)
    covered = torch.zeros_like(images[:, :1], dtype=torch.bool)
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    # another crop of the batch, turned over: texture without a second upright face
    other = images.roll(1, 0).flip(-2)
    for _ in range(2):
        draw = partial(_uniform, images, generator=generator)
        angle = draw(0, math.pi)
        dx, dy = x - draw(-1.1, 1.1), y - draw(-1.1, 1.1)
        u = ((dx * angle.cos() + dy * angle.sin()) / draw(0.05, 0.55)).square()
        v = ((dy * angle.cos() - dx * angle.sin()) / draw(0.05, 0.55)).square()
        # squares bound an ellipse, eighth powers a rounded box; general powers take ten times as long
        inside = torch.where(draw(0, 1) < 0.5, u + v, u.square().square() + v.square().square()) < 1
        plain = draw(0, 1, columns=3) + draw(-0.15, 0.25).clamp(min=0) * noise
        fill = torch.where(draw(0, 1) < 0.4, other, plain.clamp(0, 1))
        images = torch.where(inside, fill, images)
        covered |= inside
    return images, covered


def shade(images: Tensor, generator: torch.Generator) -> Tensor:
    """Light that falls off to one side, and a vignette."""
    x, y = _plane(images)
    draw = partial(_uniform, images, generator=generator)
    angle, strength = draw(0, 2 * math.pi), draw(0, 1.0)
    slope = torch.exp(strength * (x * angle.cos() + y * angle.sin()))
    vignette = 1 - draw(0, 0.45) * (x.square() + y.square()) / 2
    return images * slope * vignette


def recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Exposure, contrast, gamma, white balance, hue and saturation; some images become grey."""
    draw = partial(_uniform, images, generator=generator)
    images = images.clamp(min=1e-4).pow(torch.exp(draw(-0.5, 0.5)))
    matrix = _colour_matrix(images, generator)
    images = torch.einsum("nij,njhw->nihw", matrix, images)
    level = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (images - level) * torch.exp(draw(-0.4, 0.3)) + level * torch.exp(draw(-0.4, 0.35))
    return images + draw(-0.08, 0.08)


def _colour_matrix(images: Tensor, generator: torch.Generator) -> Tensor:
    """(N, 3, 3): a turn of the hue about grey, a change of saturation, and a cast."""
    draw = partial(_uniform, images, generator=generator)
    eye = torch.eye(3, device=images.device)
    axis = torch.full((3,), 1 / math.sqrt(3.0), device=images.device)
    cross = torch.linalg.cross(axis.expand(3, 3), eye).mT
    angle = draw(-0.15, 0.15)[..., 0]
    # Rodrigues' formula about the grey axis
    turn = eye + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)
    grey = torch.tensor(LUMA, device=images.device).expand(3, 3)
    saturation = torch.where(draw(0, 1) < 0.12, 0.0, draw(0.4, 1.4))[..., 0]
    cast = torch.exp(draw(-0.13, 0.13, columns=3))[..., 0]
    matrix: Tensor = cast * ((saturation * eye + (1 - saturation) * grey) @ turn)
    return matrix


def blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Defocus, motion (a long thin Gaussian) or, for some, sharpening."""
    count, _, height, width = images.shape
    draw = partial(_uniform, images, generator=generator)
    axis = torch.arange(KERNEL, device=images.device) - KERNEL // 2
    x, y = axis.view(1, 1, 1, -1), axis.view(1, 1, -1, 1)
    angle, small, large = draw(0, math.pi), draw(0.3, 1.8), draw(0.3, 3.5)
    u, v = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    # round for two thirds of them
    large = torch.where(draw(0, 1) < 0.66, small, large)
    kernel = torch.exp(-0.5 * ((u / large).square() + (v / small).square()))
    kernel = (kernel / kernel.sum(dim=(2, 3), keepdim=True)).repeat_interleave(3, dim=0)
    flat = functional.conv2d(
        images.reshape(1, count * 3, height, width),
        kernel.reshape(count * 3, 1, KERNEL, KERNEL),
        padding=KERNEL // 2,
        groups=count * 3,
    )
    soft = flat.reshape(images.shape)
    sharp = images + draw(0.2, 1.2) * (images - soft)
    return torch.where(draw(0, 1) < 0.3, sharp, soft)


def coarsen(images: Tensor, generator: torch.Generator, *, factor: int) -> Tensor:
    """Throw resolution away: average down by a factor, interpolate up."""
    small = functional.avg_pool2d(images, factor)
    return functional.interpolate(small, size=images.shape[-2:], mode="bilinear", align_corners=False)


def add_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Sensor noise: constant and growing with light, of one grain for all channels or one for each."""
    draw = partial(_uniform, images, generator=generator)
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    noise = torch.where(draw(0, 1) < 0.3, noise[:, :1], noise)
    scale = draw(0, 0.05) + draw(0, 0.06) * images.clamp(0, 1).sqrt()
    return images + scale * noise
