"""``train``: from settings to a file of weights."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

import torch

from calibration.errors import InputError
from detector.layouts import layout
from detector.network import LandmarkNetwork
from detector.training.card import write_card
from detector.training.config import TrainConfig
from detector.training.history import LOG_FILE, draw_history
from detector.training.measure import calibrate_sigma, measure, measure_hidden
from detector.training.origin import origin_facts
from detector.training.photograph_samples import PhotographSamples, load_photographs
from detector.training.queries import QuerySampler
from detector.training.samples import SampleBuffer, SampleChunk, capacity_for
from detector.training.stream import SampleStream, StreamConfig
from detector.training.trainer import Trainer
from detector.weights import load_network, save_network
from fitting.head_model import HeadModel, load_head_model

Progress = Callable[[int, int, str], None]

LOG = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
QUICK_SAMPLES = 256
"""Held-out samples for the measurements along the way."""

PHOTOGRAPH_MARGIN = 1.4
"""Pixels of a stored photograph per pixel of the network's input."""

WAIT_S = 0.2
MOST_CHUNKS = 8
"""Taken in between two steps: a fast source must not starve the training."""


def train(config: TrainConfig, progress: Progress | None = None, model: HeadModel | None = None) -> Path:
    """Train a network while worker processes render what it learns from.

    Args:
        config: the settings.
        progress: called with (done, total, label); steps, or seconds when the clock rules.
        model: the head model; the standard one when absent.

    Returns:
        The file of weights, beside metrics (JSON), a model card, the log and the checkpoint.

    Raises:
        VultusError: settings that make no sense, workers that cannot render, a training that diverges.
    """
    started = time.monotonic()
    config.output.mkdir(parents=True, exist_ok=True)
    resumed = config.resume and (config.output / CHECKPOINT).is_file()
    if not resumed:
        (config.output / LOG_FILE).unlink(missing_ok=True)
    if config.torch_device().type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    stream = StreamConfig(
        config.factory,
        config.workers,
        config.chunk,
        config.held_out,
        config.seed,
        config.samples,
        config.stored,
    )
    # the renderers start first: they need the longest
    with SampleStream(stream) as source:
        head = model or load_head_model()
        sampler = QuerySampler(head, config.torch_device(), config.layouts())
        trainer = Trainer(config, sampler)
        if resumed:
            trainer.load(config.output / CHECKPOINT)
        photographs = _photographs(config, head)
        return _Session(config, trainer, source, photographs, started, progress).run()


def _photographs(config: TrainConfig, model: HeadModel) -> list[PhotographSamples]:
    """The datasets to mix in."""
    size = round(PHOTOGRAPH_MARGIN * config.network.input_size)
    return [
        load_photographs(dataset, layout(dataset.layout, model).queries, size, config.torch_device())
        for dataset in config.datasets
    ]


class _Session:
    """One call of :func:`train`: takes samples in, steps, logs, and writes the result."""

    def __init__(
        self,
        config: TrainConfig,
        trainer: Trainer,
        source: SampleStream,
        photographs: list[PhotographSamples],
        started: float,
        progress: Progress | None,
    ) -> None:
        self.config, self.trainer, self.source = config, trainer, source
        self.started, self.progress = started, progress
        self.before = trainer.elapsed
        self.device = config.torch_device()
        self.samples: SampleBuffer | None = None
        self.held_out: SampleBuffer | None = None
        self.photographs = photographs
        self.losses: list[torch.Tensor] = []
        self.last = {"log": started, "evaluate": started, "checkpoint": started}
        self.counted = (started, 0, trainer.step_number)

    def run(self) -> Path:
        samples, held_out = self._await_samples()
        self._note(f"training starts with {len(samples)} samples, {len(held_out)} held out")
        while not self._over():
            self._receive()
            self.losses.append(self.trainer.step(self._fraction(), samples, self.photographs))
            if self._due("log", self.config.log_seconds):
                self._log(samples)
            if self._due("evaluate", self.config.evaluate_seconds):
                self._evaluate(held_out)
            if self._due("checkpoint", self.config.checkpoint_seconds):
                self._checkpoint()
        if self.losses:
            self._log(samples)
        self._checkpoint()
        return self._finish(samples, held_out)

    def _await_samples(self) -> tuple[SampleBuffer, SampleBuffer]:
        while True:
            self._receive(timeout=WAIT_S)
            ready = self.samples is not None and self.held_out is not None
            if self.samples is not None and self.held_out is not None:
                wanted = min(self.config.min_samples, self.samples.capacity)
                full = len(self.held_out) >= min(self.config.held_out, self.held_out.capacity)
                if (len(self.samples) >= wanted and full) or self.source.exhausted:
                    return self.samples, self.held_out
            elif self.source.exhausted and not ready:
                raise InputError(
                    "the folder of samples has no training samples or none held out",
                    where=str(self.config.samples),
                    fix="Render some with workers first",
                )

    def _receive(self, timeout: float = 0.0) -> None:
        """Take in what has come; the deaths of workers are logged."""
        for _ in range(MOST_CHUNKS):
            if (chunk := self.source.get(timeout)) is None:
                break
            self._take(chunk)
        while self.source.losses:
            self._note(f"lost a renderer: {self.source.losses.pop()}")

    def _take(self, chunk: SampleChunk) -> None:
        side, sampler = chunk.images.shape[1], self.trainer.sampler
        labels, optional = sampler.label_count, sampler.bone_count
        if chunk.held_out:
            if self.held_out is None:
                capacity = self.source.config.held_out_chunks * len(chunk)
                self.held_out = SampleBuffer(capacity, side, labels, self.device, optional)
            if self.held_out.received < self.held_out.capacity:
                self.held_out.add(chunk)
            return
        if self.samples is None:
            capacity = capacity_for(self.config.buffer_bytes(), side, labels)
            self.samples = SampleBuffer(capacity, side, labels, self.device, optional)
        self.samples.add(chunk)

    def _elapsed(self) -> float:
        """Seconds of training in all sessions."""
        return self.before + time.monotonic() - self.started

    def _fraction(self) -> float:
        if self.config.steps is not None:
            return self.trainer.step_number / self.config.steps
        return self._elapsed() / (60 * (self.config.minutes or 1.0))

    def _over(self) -> bool:
        session = self.config.session_minutes
        stopped = session is not None and time.monotonic() - self.started >= 60 * session
        return stopped or self._fraction() >= 1.0

    def _due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now - self.last[what] < seconds:
            return False
        self.last[what] = now
        return True

    def _log(self, samples: SampleBuffer) -> None:
        now, then, received, steps = time.monotonic(), *self.counted
        seconds = max(now - then, 1e-6)
        self.counted = (now, samples.received, self.trainer.step_number)
        loss = float(torch.stack(self.losses).mean())
        self.losses.clear()
        self._write(
            {
                "step": self.trainer.step_number,
                "seconds": round(self._elapsed(), 1),
                "loss": round(loss, 4),
                "learning_rate": float(f"{self.trainer.rate:.4g}"),
                "rendered_per_s": round((samples.received - received) / seconds, 1),
                "steps_per_s": round((self.trainer.step_number - steps) / seconds, 2),
                "samples": samples.received,
            }
        )

    def _evaluate(self, held_out: SampleBuffer) -> None:
        found = measure(
            self.trainer.average, held_out, self.trainer.sampler, stop=min(QUICK_SAMPLES, len(held_out))
        )
        self._write({"step": self.trainer.step_number, **found.facts()})

    def _write(self, record: dict[str, object]) -> None:
        with (self.config.output / LOG_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self._note(" ".join(f"{key}={value}" for key, value in record.items()))

    def _note(self, text: str) -> None:
        LOG.info(text)
        if self.progress is None:
            return
        if self.config.steps is not None:
            self.progress(self.trainer.step_number, self.config.steps, text)
        else:
            self.progress(int(self._elapsed()), int(60 * (self.config.minutes or 1.0)), text)

    def _checkpoint(self) -> None:
        self.trainer.elapsed = self._elapsed()
        self.trainer.save(self.config.output / CHECKPOINT)
        draw_history(self.config.output)

    def _finish(self, samples: SampleBuffer, held_out: SampleBuffer) -> Path:
        calibrate_sigma(self.trainer.average, held_out, self.trainer.sampler)
        path = self.config.output / f"{self.config.name}.safetensors"
        save_network(self.trainer.average, path, self._facts(), self.config.precision)
        # measured as it will be used: from the file, in its precision, on samples that did not calibrate it
        network = load_network(path, self.device)
        metrics = self._metrics(samples, held_out, network)
        (self.config.output / f"{self.config.name}.json").write_text(json.dumps(metrics, indent=2) + "\n")
        write_card(self.config.output / f"{self.config.name}.md", self.config.name, metrics)
        self._note(f"finished: {metrics['held_out']}")
        return path

    def _metrics(
        self, samples: SampleBuffer, held_out: SampleBuffer, network: LandmarkNetwork
    ) -> dict[str, object]:
        half, sampler = len(held_out) // 2, self.trainer.sampler
        found = measure(network, held_out, sampler, start=half)
        offset = float(network.log_sigma_offset)
        return {
            "steps": self.trainer.step_number,
            "finished": self._fraction() >= 1.0,
            "minutes": round(self.trainer.elapsed / 60, 2),
            "samples_this_session": samples.received,
            "device": torch.cuda.get_device_name() if self.device.type == "cuda" else "CPU",
            "log_sigma_offset": round(offset, 4),
            "region_offsets": {k: round(v, 4) for k, v in network.sigma_calibration.offsets().items()},
            "held_out": found.facts(),
            "spread_by_region": found.region_facts(),
            "hidden": measure_hidden(network, held_out, sampler, start=half).facts(),
            "start": self.trainer.origin.words,
            "settings": self._facts(),
        }

    def _facts(self) -> dict[str, object]:
        """The settings, and what the network has learnt from since its first weights."""
        mixed = [dataset.path.name for dataset in self.config.datasets]
        return self.config.facts() | origin_facts(self.trainer.origin.seen, mixed)
