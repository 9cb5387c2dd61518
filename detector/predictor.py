"""From images and regions to landmarks in pixels: crops, batches and precision around the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.errors import UsageError
from detector.eyes_and_mouth import EyesAndMouth, RegionRule, region_teller
from detector.layouts import Layout, layout
from detector.network import LandmarkNetwork
from detector.region import aligned_region_from_landmarks, crop, to_pixels, with_roll
from detector.shared_networks import shared_network
from detector.views import combine, jittered, mirrored
from fitting.head_model import HeadModel

Image = NDArray[np.uint8]
Picture = Image | Tensor
"""An image (H, W, 3) uint8 RGB, in memory or on the device already."""

REGION_LAYOUT = "dense320"
"""Whose landmarks tell how sure the network is of a head, and where its next region is: in every layout."""

CPU_BATCH, GPU_BATCH = 16, 128


@dataclass(frozen=True)
class PredictorOptions:
    """How a predictor looks.

    Attributes:
        jitter: looks at each image, in slightly different crops, that are averaged; 1 is plain.
        flip: also look at the mirror image of each crop, and average.
        align: turn regions with the head, so that it is upright in its crop (C23 section 3.1).
        batch: crops per forward pass; 0 is what suits the device.
        face: tells regions from eyes and mouth (C23); None where all landmarks of the head tell them.
    """

    jitter: int = 1
    flip: bool = False
    align: bool = True
    batch: int = 0
    face: EyesAndMouth | None = None


@dataclass(frozen=True, eq=False)
class Prediction:
    """Landmarks of N images.

    Attributes:
        mean: (N, L, 2) float32, full-resolution image pixels.
        sigma: (N, L) float32, standard deviation per axis in pixels.
        region: (N, 4) float32, the regions looked at: cx, cy, size in pixels, roll in radians.
        next_region: (N, 4) float32, the regions that these landmarks themselves define.
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

    @classmethod
    def joined(cls, parts: Sequence[Prediction]) -> Prediction:
        """The predictions of several, one after the other."""
        values = zip(*((p.mean, p.sigma, p.region, p.next_region, p.uncertainty) for p in parts), strict=True)
        return cls(*(np.concatenate(each) for each in values))

    def drift(self) -> NDArray[np.float32]:
        """How far (N,) the landmarks' own regions are from those looked at.

        The largest of the shift in sides, the log of the change of size, and the way of the middle of a
        side, in sides, when the region turns.
        """
        shift = np.abs(self.next_region[:, :2] - self.region[:, :2]).max(axis=1) / self.region[:, 2]
        growth = np.abs(np.log(self.next_region[:, 2] / self.region[:, 2]))
        turn = self.next_region[:, 3] - self.region[:, 3]
        turn = np.abs((turn + np.pi) % (2 * np.pi) - np.pi) / 2
        drift: NDArray[np.float32] = np.maximum(np.maximum(shift, growth), turn)
        return drift


class Predictor:
    """A network with the queries of a layout, ready for images of any size.

    Args:
        network: in evaluation mode, on the device to use.
        chosen: the layout to predict.
        head: the layout that defines regions (see :data:`REGION_LAYOUT`).
        options: how to look.

    Raises:
        UsageError: the network is one that cannot look so.
    """

    def __init__(
        self, network: LandmarkNetwork, chosen: Layout, head: Layout, options: PredictorOptions | None = None
    ) -> None:
        self.network = network
        self.layout = chosen
        # a network of one fixed layout knows no other landmarks, nor their mirror images
        plain = network.config.predictor == "plain"
        self.head = chosen if plain else head
        self.options = options or PredictorOptions()
        if plain:
            _check_plain(chosen, self.options)
        self.device = network.image_mean.device
        self.batch = self.options.batch or (GPU_BATCH if self.device.type == "cuda" else CPU_BATCH)
        self._head_queries = self.head.queries.to(self.device)
        face = self.options.face
        tellers = [self.head.queries] if face is None else [self.head.queries, face.queries]
        self._tellers = torch.cat(tellers).to(self.device)
        self._queries = torch.cat([chosen.queries, *tellers]).to(self.device)
        self._copies: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            self._copies = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]

    def upload(self, image: Picture) -> Tensor:
        """An image on the device, (H, W, 3) uint8.

        Called in the threads that read ahead, it copies from pinned memory beside the computation.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(image)) if isinstance(image, np.ndarray) else image
        if self._copies is None or pixels.device == self.device:
            return pixels.to(self.device)
        with torch.cuda.stream(self._copies):
            moved = pixels.pin_memory().to(self.device, non_blocking=True)
        self._copies.synchronize()
        moved.record_stream(torch.cuda.current_stream(self.device))
        return moved

    def predict(self, images: Sequence[Picture], regions: NDArray[np.floating]) -> Prediction:
        """Landmarks of one region in each image.

        Args:
            images: N images (H, W, 3) uint8 RGB; sizes may differ.
            regions: (N, 3 or 4) cx, cy, size in pixels, roll in radians.
        """
        wanted = _regions(regions)
        views = jittered(wanted, self.options.jitter)
        crops = [self.crop(image, view) for image, view in zip(images, views.unbind(1), strict=True)]
        mean, sigma = self._look(torch.cat(crops), views.transpose(0, 1).flatten(0, 1), self._queries)
        # (N jitter, looks, L) to (N, jitter looks, L): the looks at each image side by side
        shape = (len(wanted), -1, len(self._queries))
        mean, sigma = combine(mean.reshape(*shape, 2), sigma.reshape(shape))
        count = len(self.layout)
        return self._prediction(mean[:, :count], sigma[:, :count], mean[:, count:], sigma[:, count:], wanted)

    def predict_windows(self, image: Picture, regions: NDArray[np.floating]) -> Prediction:
        """Landmarks of the layout ``head`` in many regions (N, 3 or 4) of one image, each looked at once."""
        wanted, pixels = _regions(regions), self.upload(image)
        parts = []
        for part in torch.split(wanted, self.batch):
            mean, sigma = self._look(self.crop(pixels, part), part, self._tellers, flip=False)
            parts.append((mean[:, 0], sigma[:, 0]))
        mean, sigma = (torch.cat([part[i] for part in parts]) for i in range(2))
        count = len(self.head)
        return self._prediction(mean[:, :count], sigma[:, :count], mean, sigma, wanted)

    def crop(self, image: Picture, regions: Tensor) -> Tensor:
        """Crops (N, 3, S, S), as the network wants them, of regions (N, 3 or 4) of one image."""
        return crop(self.upload(image), regions.to(self.device), self.network.config.input_size)

    @torch.inference_mode()
    def describe(self, crops: Tensor) -> Tensor:
        """Descriptors (N, d) of crops (N, 3, S, S); on a GPU the backbone works in half precision."""
        on_gpu = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.float16, enabled=on_gpu):
            return self.network.describe(crops)

    @torch.inference_mode()
    def answer(self, descriptors: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised mean (N, L, 2) and log sigma (N, L) of queries (L, 3) on the device."""
        return self.network.decode(descriptors, queries)

    def _look(
        self, crops: Tensor, regions: Tensor, queries: Tensor, *, flip: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """Pixels (N, looks, L, 2) and sigmas (N, looks, L) of queries in crops of regions (N, 4).

        The looks are the crop and, with ``flip``, its mirror image.
        """
        looks = [self._forward(crops, queries)]
        if self.options.flip if flip is None else flip:
            mean, log_sigma = self._forward(crops.flip(-1), mirrored(queries))
            looks.append((mirrored(mean), log_sigma))
        regions = regions.to(self.device)
        means = [to_pixels(mean, regions) for mean, _ in looks]
        sigmas = [log_sigma.exp() * (regions[:, 2:3] / 2) for _, log_sigma in looks]
        return torch.stack(means, 1), torch.stack(sigmas, 1)

    def _forward(self, crops: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised mean (N, L, 2) and log sigma (N, L) of queries (L, 3) in crops (N, 3, S, S)."""
        parts = [self.answer(self.describe(part), queries) for part in torch.split(crops, self.batch)]
        mean, log_sigma = (torch.cat([part[i] for part in parts]) for i in range(2))
        return mean, log_sigma

    def _prediction(
        self, mean: Tensor, sigma: Tensor, told: Tensor, told_sigma: Tensor, regions: Tensor
    ) -> Prediction:
        """The landmarks that are wanted, and what the tellers (N, T, 2) and (N, T) say of the head."""
        regions = regions.to(self.device)
        count = len(self.head)
        head, head_sigma = told[:, :count], told_sigma[:, :count]
        if self.options.face is None:
            following = aligned_region_from_landmarks(head, self._head_queries, head_sigma.pow(-2))
        else:
            following = self.options.face.regions(told[:, count:])
        if not self.options.align:
            following[:, 3] = 0.0
        uncertainty = (head_sigma / (regions[:, 2:3] / 2)).log().mean(-1).exp()
        values = (mean, sigma, regions, following, uncertainty)
        return Prediction(*(value.float().cpu().numpy() for value in values))


def _check_plain(chosen: Layout, options: PredictorOptions) -> None:
    """Refuse what a network of one layout cannot do.

    Raises:
        UsageError: mirror images or other landmarks than its own are wanted.
    """
    refused = {
        "average mirror images": options.flip,
        "normalise a face by its eyes and mouth": options.face is not None,
    }
    for what, wanted in refused.items():
        if wanted:
            raise UsageError(
                f"a network of the layout {chosen.name} alone cannot {what}",
                fix="Do without, or use weights with an attention, mlp or transformer predictor",
            )


def _regions(regions: NDArray[np.floating]) -> Tensor:
    """Regions (N, 3 or 4), or one of them, as float32 (N, 4)."""
    return with_roll(torch.as_tensor(np.atleast_2d(np.asarray(regions)), dtype=torch.float32))


def load_predictor(
    weights: str | Path,
    wanted: str | Layout,
    model: HeadModel,
    *,
    device: str | torch.device = "cpu",
    jitter: int = 1,
    flip: bool = False,
    align: bool = True,
    batch: int = 0,
    region: RegionRule = "head",
) -> Predictor:
    """A predictor from a released name or a file of weights, which a process loads once.

    Args:
        weights: a name or a file.
        wanted: the layout to predict, or its name.
        model: the head model, on which layouts lie.
        device: where to compute.
        jitter, flip, align, batch: as in :class:`PredictorOptions`.
        region: what tells the regions to look at.

    Raises:
        InputError: the weights are absent or damaged.
        UsageError: there is no such layout, or the network cannot look so.
    """
    network = shared_network(weights, device)
    options = PredictorOptions(jitter, flip, align, batch, region_teller(region, model))
    chosen = layout(wanted, model) if isinstance(wanted, str) else wanted
    return Predictor(network, chosen, layout(REGION_LAYOUT, model), options)
