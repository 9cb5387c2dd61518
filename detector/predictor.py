"""From images and regions to landmarks in pixels: crops, batches and precision around the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.layouts import Layout, layout
from detector.network import LandmarkNetwork
from detector.region import crop, region_from_landmarks, to_pixels
from detector.weights import load_network
from fitting.head_model import HeadModel

Image = NDArray[np.uint8]

REGION_LAYOUT = "dense320"
"""Whose landmarks define the next region, whatever layout is asked for."""

QUERY_CHUNK = 4096
JITTER_SHIFT = 0.02
JITTER_SCALE = 0.03


@dataclass(frozen=True, eq=False)
class Prediction:
    """Landmarks of N images.

    Attributes:
        mean: (N, L, 2) float32, full-resolution image pixels.
        sigma: (N, L) float32, standard deviation per axis in pixels.
        region: (N, 3) float32, the regions looked at: cx, cy, size in pixels.
        next_region: (N, 3) float32, the regions that these landmarks themselves define.
        uncertainty: (N,) float32, the geometric mean of sigma over the head, in half sides of the region.
    """

    mean: NDArray[np.float32]
    sigma: NDArray[np.float32]
    region: NDArray[np.float32]
    next_region: NDArray[np.float32]
    uncertainty: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.mean)

    def select(self, index: Sequence[int] | NDArray[np.int64]) -> Prediction:
        """The predictions of some of the images."""
        chosen = np.asarray(index, dtype=np.int64)
        return Prediction(
            self.mean[chosen],
            self.sigma[chosen],
            self.region[chosen],
            self.next_region[chosen],
            self.uncertainty[chosen],
        )

    def drift(self) -> NDArray[np.float32]:
        """How far (N,) the landmarks' own regions are from those looked at: shift in sides, or log size."""
        shift = np.abs(self.next_region[:, :2] - self.region[:, :2]).max(axis=1) / self.region[:, 2]
        growth = np.abs(np.log(self.next_region[:, 2] / self.region[:, 2]))
        drift: NDArray[np.float32] = np.maximum(shift, growth)
        return drift


class Predictor:
    """A network with the queries of a layout, ready for images of any size.

    Args:
        network: in evaluation mode, on the device to use.
        chosen: the layout to predict.
        head: the layout that defines regions (see :data:`REGION_LAYOUT`).
        batch: crops per forward pass.
        jitter: predictions per landmark, from slightly different crops, that are averaged; 1 is plain.
    """

    def __init__(
        self, network: LandmarkNetwork, chosen: Layout, head: Layout, *, batch: int = 16, jitter: int = 1
    ) -> None:
        self.network = network
        self.layout = chosen
        self.device = network.image_mean.device
        self.batch = max(1, batch)
        self.jitter = max(1, jitter)
        self._head_queries = head.queries.to(self.device)
        self._queries = torch.cat([chosen.queries, head.queries]).to(self.device)

    def predict(self, images: Sequence[Image], regions: NDArray[np.floating]) -> Prediction:
        """Landmarks of one region in each image.

        Args:
            images: N images (H, W, 3) uint8 RGB; sizes may differ.
            regions: (N, 3) cx, cy, size in pixels.
        """
        wanted = torch.as_tensor(np.asarray(regions), dtype=torch.float32).reshape(-1, 3)
        views = jittered(wanted, self.jitter)
        crops = [self._crop(image, view) for image, view in zip(images, views.unbind(1), strict=True)]
        mean, sigma = self._forward(torch.cat(crops), views.transpose(0, 1).flatten(0, 1))
        shape = (len(wanted), self.jitter, -1)
        mean, sigma = combine(mean.reshape(*shape, 2), sigma.reshape(shape))
        return self._prediction(mean, sigma, wanted.to(self.device))

    def predict_windows(self, image: Image, regions: NDArray[np.floating]) -> Prediction:
        """Landmarks of many regions (N, 3) of one image (H, W, 3), without jitter."""
        wanted = torch.as_tensor(np.asarray(regions), dtype=torch.float32).reshape(-1, 3)
        parts = [self._forward(self._crop(image, part), part) for part in torch.split(wanted, self.batch)]
        mean, sigma = (torch.cat([part[i] for part in parts]) for i in range(2))
        return self._prediction(mean, sigma, wanted.to(self.device))

    def _crop(self, image: Image, regions: Tensor) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self.device)
        return crop(pixels, regions.to(self.device), self.network.config.input_size)

    @torch.inference_mode()
    def _forward(self, crops: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (N, L, 2) and sigmas (N, L) of all queries in crops (N, 3, S, S) of regions (N, 3)."""
        regions = regions.to(self.device)
        parts = []
        on_gpu = self.device.type == "cuda"
        for images in torch.split(crops, self.batch):
            with torch.autocast(self.device.type, torch.float16, enabled=on_gpu):
                descriptors = self.network.describe(images)
            decoded = [self.network.decode(descriptors, q) for q in torch.split(self._queries, QUERY_CHUNK)]
            parts.append([torch.cat([d[i] for d in decoded], dim=1) for i in range(2)])
        mean, log_sigma = (torch.cat([part[i] for part in parts]) for i in range(2))
        return to_pixels(mean, regions), log_sigma.exp() * (regions[:, 2:] / 2)

    def _prediction(self, mean: Tensor, sigma: Tensor, regions: Tensor) -> Prediction:
        count = len(self.layout)
        head_sigma = sigma[:, count:]
        following = region_from_landmarks(mean[:, count:], self._head_queries, head_sigma.pow(-2))
        uncertainty = (head_sigma / (regions[:, 2:] / 2)).log().mean(-1).exp()
        values = (mean[:, :count], sigma[:, :count], regions, following, uncertainty)
        return Prediction(*(value.float().cpu().numpy() for value in values))


def load_predictor(
    weights: str | Path,
    layout_name: str,
    model: HeadModel,
    *,
    device: str | torch.device = "cpu",
    batch: int = 16,
    jitter: int = 1,
) -> Predictor:
    """A predictor from a released name or a file of weights.

    Raises:
        InputError: the weights are absent or damaged. UsageError: there is no such layout.
    """
    network = load_network(weights, device)
    return Predictor(
        network, layout(layout_name, model), layout(REGION_LAYOUT, model), batch=batch, jitter=jitter
    )


def jittered(regions: Tensor, count: int) -> Tensor:
    """Each of the regions (N, 3), and ``count - 1`` like it, a little shifted and scaled: (count, N, 3).

    The pattern is fixed, so that a prediction can be repeated.
    """
    views = [regions]
    for i in range(1, count):
        angle = i * math.pi * (3 - math.sqrt(5))
        step = torch.tensor([math.cos(angle), math.sin(angle)]) * JITTER_SHIFT
        scale = math.exp(JITTER_SCALE * (1 if i % 2 else -1))
        views.append(torch.cat([regions[:, :2] + step * regions[:, 2:], regions[:, 2:] * scale], dim=1))
    return torch.stack(views)


def combine(mean: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Average predictions of the same landmarks from several crops.

    The error of each is a part that all share plus a part of its own; how the predictions differ tells the
    variance v of the latter. Averaging n of them leaves sigma^2 - v (1 - 1/n).

    Args:
        mean: (N, n, L, 2). sigma: (N, n, L).

    Returns:
        (N, L, 2) and (N, L).
    """
    count = mean.shape[1]
    if count == 1:
        return mean[:, 0], sigma[:, 0]
    squared = sigma.square().mean(1)
    own = mean.var(dim=1).mean(-1)
    # few samples estimate v badly: never claim more than half the variance away
    return mean.mean(1), torch.maximum(squared - own * (1 - 1 / count), squared / 2).sqrt()
