"""The network under training: one step, its schedule, the average that is kept, and its checkpoint."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from calibration.errors import InputError, SolverError, UsageError
from calibration.whole_file import whole_file
from detector.loss import LOSSES, spans_loss
from detector.network import NetworkConfig
from detector.region import region_from_landmarks
from detector.training.augment import augment
from detector.training.config import TrainConfig
from detector.training.origin import Origin
from detector.training.photograph_samples import PhotographSamples
from detector.training.queries import REGION_LAYOUT, SPANS, QueryBatch, QuerySampler
from detector.training.samples import SampleBuffer
from detector.training.start import freeze_stages, start_network
from detector.training.warp import UNVARIED, WarpConfig, random_crops

FINAL_RATE = 0.01
MOST_BAD_STEPS = 50
WARPS = {"both": WarpConfig(), "geometry": WarpConfig(), "colour": UNVARIED, "none": UNVARIED}
"""How crops vary, by the setting of the augmentation."""


@dataclass(frozen=True, eq=False)
class LabelledCrops:
    """Augmented crops (N, 3, S, S), the queries (L, 3) asked of them and their labels (N, L, 2).

    The weights are (N, L), 0 where there is no label; all count alike when they are None. Pairs (M, 2) of the
    queries are the ends of spans of the face.
    """

    images: Tensor
    queries: Tensor
    targets: Tensor
    weights: Tensor | None = None
    pairs: Tensor | None = None


class Trainer:
    """A network, its optimiser and the running average of its weights."""

    def __init__(self, config: TrainConfig, sampler: QuerySampler) -> None:
        self.config = config
        self.device = config.torch_device()
        self.sampler = sampler
        torch.manual_seed(config.seed)
        self.network, self.origin = start_network(config)
        if config.network.predictor == "plain":
            self.network.set_layout(sampler.layouts[config.network.layout].queries)
        self.network.to(self.device).train()
        freeze_stages(self.network.backbone, config.frozen_stages)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        if config.compiled:
            self.network.compile_backbone()
        self.optimiser = _optimiser(self.network, config, self.device)
        self.step_number = 0
        self.elapsed = 0.0
        self.rate = 0.0
        self.bad_steps = 0

    def step(
        self, fraction: float, samples: SampleBuffer, photographs: Sequence[PhotographSamples] = ()
    ) -> Tensor:
        """One step of AdamW.

        Args:
            fraction: how much of the training is over, 0 to 1.
            samples: rendered samples.
            photographs: what to mix in, each with its share.

        Returns:
            The loss, a scalar on the device.

        Raises:
            SolverError: the loss has not been finite for many steps in a row.
        """
        generator = torch.Generator(self.device).manual_seed(self.config.seed * 1_000_003 + self.step_number)
        counts = [max(1, round(one.share * self.config.batch_size)) for one in photographs]
        batches = [self._synthetic(samples, self.config.batch_size - sum(counts), generator)]
        for one, count in zip(photographs, counts, strict=True):
            batches.append(self._photographs(one, count, generator))
        loss = self._loss(batches)
        self._descend(loss, fraction)
        self.step_number += 1
        return loss.detach()

    def _synthetic(self, samples: SampleBuffer, count: int, generator: torch.Generator) -> LabelledCrops:
        images, pixels = samples.draw(count, generator)
        batch = self._queries(generator)
        dense = self.sampler.layouts[REGION_LAYOUT]
        regions = region_from_landmarks(dense.positions(pixels), dense.queries)
        crops, targets = self._crops(images, batch.positions(pixels), regions, generator)
        return LabelledCrops(crops, batch.queries, targets, batch.labelled(pixels), self._spans())

    def _spans(self) -> Tensor | None:
        """The spans of what :meth:`_queries` asks, if it holds them."""
        if self.config.spans == 0 or self.config.network.predictor == "plain":
            return None
        return torch.tensor(SPANS, device=self.device)

    def _queries(self, generator: torch.Generator) -> QueryBatch:
        """What a step asks: random queries, or of a plain network its layout."""
        network = self.config.network
        if network.predictor == "plain":
            return self.sampler.layouts[network.layout]
        return self.sampler.draw(self.config.queries, generator)

    def _photographs(
        self, source: PhotographSamples, count: int, generator: torch.Generator
    ) -> LabelledCrops:
        images, labels, weights = source.draw(count, generator)
        regions = region_from_landmarks(labels, source.queries, weights)
        crops, targets = self._crops(images, labels, regions, generator)
        return LabelledCrops(crops, source.queries, targets, weights)

    def _crops(
        self, images: Tensor, labels: Tensor, regions: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Augmented crops (N, 3, S, S) with their labels (N, L, 2), normalised."""
        kind, size = self.config.augmentation, self.config.network.input_size
        crops, targets = random_crops(images, labels, regions, size, WARPS[kind], generator)
        return (augment(crops, generator) if kind in ("both", "colour") else crops), targets

    def _loss(self, batches: list[LabelledCrops]) -> Tensor:
        """The mean over images of all batches; the descriptors are computed together."""
        on_gpu = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=on_gpu):
            descriptors = self.network.describe(torch.cat([batch.images for batch in batches]))
        sizes = [len(batch.images) for batch in batches]
        total = torch.zeros((), device=self.device)
        for part, batch in zip(torch.split(descriptors, sizes), batches, strict=True):
            mean, log_sigma = self.network.decode(part, batch.queries)
            loss = LOSSES[self.config.loss](mean, log_sigma, batch.targets, batch.weights)
            if batch.pairs is not None:
                loss = loss + self.config.spans * spans_loss(mean, batch.targets, batch.pairs)
            total = total + loss * (len(part) / sum(sizes))
        return total

    def _descend(self, loss: Tensor, fraction: float) -> None:
        self.rate = learning_rate(self.config, self.step_number, fraction)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
            self.bad_steps = 0
            update_average(self.average, self.network, self.config.ema_decay, self.step_number)
            return
        self.bad_steps += 1
        if self.bad_steps >= MOST_BAD_STEPS:
            raise SolverError(
                f"training diverged: the gradient was not finite for {self.bad_steps} steps",
                fix="Lower the learning rate, or go on from a checkpoint with another seed",
            )

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "config": asdict(self.config.network),
            "step": self.step_number,
            "elapsed": self.elapsed,
            "start": self.origin.words,
            "seen": list(self.origin.seen),
        }
        with whole_file(path) as partial:
            torch.save(state, partial)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            InputError: it is damaged. UsageError: it is of another network.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise InputError(f"the checkpoint cannot be read ({error})", where=str(path)) from error
        if NetworkConfig(**state["config"]) != self.config.network:
            raise UsageError(
                "the checkpoint is of a network with other settings",
                where=str(path),
                fix="Train without resume",
            )
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                "the checkpoint does not fit the training",
                where=str(path),
                fix="Go on with the frozen stages that it was made with, or train without resume",
            ) from error
        self.step_number, self.elapsed = int(state["step"]), float(state["elapsed"])
        words, seen = state.get("start", self.origin.words), state.get("seen", self.origin.seen)
        self.origin = Origin(str(words), tuple(seen))


def learning_rate(config: TrainConfig, step: int, fraction: float) -> float:
    """A linear rise over the first steps, then half a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * min(max(fraction, 0.0), 1.0)))
    return config.learning_rate * warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the running average of weights and statistics towards the network; faster at the start."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    kept, new = average.state_dict(), network.state_dict()
    floats = [name for name, value in kept.items() if value.is_floating_point()]
    torch._foreach_lerp_([kept[name] for name in floats], [new[name] for name in floats], weight)
    for name in kept.keys() - set(floats):
        kept[name].copy_(new[name])


def _optimiser(network: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=device.type == "cuda")
