"""A network that needs no training: it sees white discs on black and calls them heads."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from detector.eyes_and_mouth import EyesAndMouth
from detector.layouts import layout
from detector.network import NetworkConfig
from detector.predictor import Predictor, PredictorOptions
from detector.region import HEAD_CENTRE, HEAD_SIZE, QUERY_SCALE
from fitting.head_model import load_head_model

RADIUS = 0.10
"""Metres of the head that the disc shows."""

SURE, UNSURE = 0.02, 0.4


class Oracle(nn.Module):
    """Measures the disc in a crop; sure when it sees all of it at a sensible size."""

    image_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.config = NetworkConfig(input_size=64)
        self.register_buffer("image_mean", torch.zeros(1))

    def describe(self, images: Tensor) -> Tensor:
        """(N, 4): centre x, y, radius, sigma, normalised."""
        size = images.shape[-1]
        light = images.mean(1)
        axis = (2 * torch.arange(size) + 1) / size - 1
        mass = light.sum((1, 2)).clamp(min=1e-6)
        x = (light.sum(1) * axis).sum(1) / mass
        y = (light.sum(2) * axis).sum(1) / mass
        radius = (mass / size**2 * 4 / math.pi).sqrt()
        border = light[:, 0].sum(1) + light[:, -1].sum(1) + light[:, :, 0].sum(1) + light[:, :, -1].sum(1)
        # a crop of a reduced image may hold a breath of what lies beyond its border
        sure = (border < 0.05) & (radius > 0.3)
        return torch.stack([x, y, radius, torch.where(sure, SURE, UNSURE)], dim=1)

    def decode(self, descriptors: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """The canonical head, frontal, of the disc's size."""
        offset = queries * QUERY_SCALE - torch.tensor(HEAD_CENTRE)
        flat = offset[:, :2] * torch.tensor([1.0, -1.0])
        mean = descriptors[:, None, :2] + flat * (descriptors[:, None, 2:3] / RADIUS)
        return mean, descriptors[:, 3:].log().expand(-1, len(queries))


def oracle_predictor(
    name: str = "ibug68",
    jitter: int = 1,
    *,
    flip: bool = False,
    align: bool = True,
    face: EyesAndMouth | None = None,
) -> Predictor:
    """A predictor around the oracle."""
    model, options = load_head_model(), PredictorOptions(jitter, flip, align, face=face)
    return Predictor(Oracle(), layout(name, model), layout("dense320", model), options)  # type: ignore[arg-type]


def disc_image(
    centre: tuple[float, float], scale: float, size: tuple[int, int], *others: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """Discs of heads of so many pixels per metre, in an image of (width, height); others as (x, y, scale)."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    shift = 4
    for x, y, pixels in ((*centre, scale), *others):
        middle = (round(x * 2**shift), round(y * 2**shift))
        radius = round(RADIUS * pixels * 2**shift)
        cv2.circle(image, middle, radius, (255, 255, 255), -1, cv2.LINE_AA, shift)
    return image


def disc_region(centre: tuple[float, float], scale: float) -> NDArray[np.float32]:
    """The region of that head."""
    return np.array([*centre, HEAD_SIZE * scale], dtype=np.float32)
