"""The settings of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from calibration.errors import UsageError
from detector.loss import LOSSES, LossName
from detector.network_config import NetworkConfig
from detector.training.photograph_samples import MixedDataset
from detector.training.stream import SamplerFactory
from detector.weights import Precision

Augmentation = Literal["none", "colour", "geometry", "both"]


@dataclass(frozen=True)
class TrainConfig:
    """Everything that a training run depends on.

    Attributes:
        output: folder of the run: log, checkpoint, weights, metrics, model card.
        factory: makes the renderer in each worker; SyntheticFactory for the synthetic engine.
        name: what the weights are called.
        network: what to train.
        init: where the network starts: "imagenet" (weights of a Python package for the backbone), "timm"
            (those of timm's hub, over the network), "auto" (the first of these that can be had, else
            "random"), "random", or a file of vultus weights to go on from.
        frozen_stages: the backbone's stem and so many of its first stages keep their starting weights;
            0 trains all. Without a GPU this saves half of the work, and what they know of photographs.
        minutes, steps: the length of the whole training, by the clock or by steps; the learning rate
            follows whichever is set (exactly one). The clock counts all sessions.
        session_minutes: stop this call after so long, leaving a checkpoint; the next call with the same
            output and ``resume`` goes on.
        resume: go on from the checkpoint in ``output`` if there is one.
        seed: of samples, queries and augmentation. With ``steps`` and a folder of samples and no workers,
            the run is repeatable; samples that are rendered meanwhile come in no fixed order.
        workers: processes that render samples.
        samples: folder that keeps what is rendered, and gives it to the next run; None keeps nothing.
        stored: keep at most about so many samples in the folder.
        chunk: samples per message of a worker.
        held_out: samples set aside to measure on.
        min_samples: start training when so many have come.
        buffer_gib: memory of the training device for samples, GiB; None takes 40 percent of what a GPU has
            free, and 2 GiB of the main memory.
        batch_size: images per step.
        queries: points per step.
        learning_rate, weight_decay, clip: of AdamW; the largest norm of the gradient.
        warmup_steps: steps over which the learning rate rises.
        ema_decay: of the average of the weights that is kept in the end.
        datasets: photographs with labels to mix in, as C23 does; the weights are then not for release.
        loss: "gnll" (W22 eq. 1), or "l2" to compare it with.
        spans: weight of :func:`detector.loss.spans_loss` for rendered samples; 0 leaves it out.
        augmentation: what is varied of the crops: their "colour" (with occluders, blur and noise), their
            "geometry", "both" or "none" (C23 table 4).
        precision: of the file of weights, "half" or "int8" (see :func:`detector.weights.save_network`).
        device: "auto", "cuda" or "cpu".
        compiled: whether the backbone is compiled first (half a minute; then a quarter to a third faster on
            a CPU); it needs a C++ compiler there.
        log_seconds, evaluate_seconds, checkpoint_seconds: how often.
    """

    output: Path
    factory: SamplerFactory
    name: str = "face"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    init: str = "imagenet"
    frozen_stages: int = 0
    minutes: float | None = None
    steps: int | None = None
    session_minutes: float | None = None
    resume: bool = False
    seed: int = 0
    workers: int = 1
    samples: Path | None = None
    stored: int = 60_000
    chunk: int = 16
    held_out: int = 512
    min_samples: int = 1024
    buffer_gib: float | None = None
    batch_size: int = 128
    queries: int = 640
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup_steps: int = 300
    clip: float = 1.0
    ema_decay: float = 0.999
    datasets: tuple[MixedDataset, ...] = ()
    loss: LossName = "gnll"
    spans: float = 0.3
    augmentation: Augmentation = "both"
    precision: Precision = "half"
    device: str = "auto"
    compiled: bool = False
    log_seconds: float = 10.0
    evaluate_seconds: float = 60.0
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise UsageError("give the length of the training as either minutes or steps")
        if self.workers == 0 and self.samples is None:
            raise UsageError(
                "there is nothing to train on: no workers and no folder of samples",
                fix="Give a number of workers, a folder of samples, or both",
            )
        if self.batch_size < 2 or self.queries < 1 or self.held_out < 1:
            raise UsageError("a batch needs two images, a query and something held out to measure on")
        if self.loss not in LOSSES:
            raise UsageError(f"there is no loss named {self.loss!r}", fix=f"Choose of {', '.join(LOSSES)}")
        if self.augmentation not in get_args(Augmentation):
            raise UsageError(
                f"there is no augmentation named {self.augmentation!r}",
                fix=f"Choose of {', '.join(get_args(Augmentation))}",
            )
        if sum(dataset.share for dataset in self.datasets) >= 1:
            raise UsageError(
                "the datasets take the whole of each batch", fix="Give them smaller shares, together below 1"
            )

    def layouts(self) -> tuple[str, ...]:
        """Layouts that training asks for besides the usual ones: that of a plain network."""
        return (self.network.layout,) if self.network.layout else ()

    def torch_device(self) -> torch.device:
        """The device to train on."""
        return torch_device(self.device)

    def facts(self) -> dict[str, object]:
        """The settings as JSON values, without what only this machine knows."""
        private = {"output", "samples", "datasets", "factory", "device", "resume", "compiled"}
        values = {key: value for key, value in asdict(self).items() if key not in private}
        mix = [asdict(dataset) | {"path": dataset.path.name} for dataset in self.datasets]
        values |= {"init": Path(self.init).name, "datasets": mix}
        return values | {"renderer": _described(self.factory)}

    def buffer_bytes(self) -> int:
        """Memory for samples."""
        if self.buffer_gib is not None:
            return int(self.buffer_gib * 2**30)
        if self.torch_device().type == "cuda":
            return int(0.4 * torch.cuda.mem_get_info(self.torch_device())[0])
        return 2 * 2**30


def torch_device(name: str) -> torch.device:
    """The device of this name; "auto" is the GPU where there is one."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _described(factory: SamplerFactory) -> dict[str, object]:
    """The settings of a renderer; of a folder, only its name."""
    settings: object = factory
    if not is_dataclass(settings) or isinstance(settings, type):
        return {}
    values = asdict(settings)
    nested: dict[str, object] = values.get("options", values)
    return {key: value.name if isinstance(value, Path) else value for key, value in nested.items()}
