"""Measuring the speed of the detector, with images as a shoot has them."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from calibration.whole_file import whole_file
from detector.predictor import load_predictor
from detector.speed import ImageFile, Speed, SpeedPlan, measure_speed
from detector.weights import released_names
from fitting.head_model import load_head_model
from pipeline.devices import torch_device
from pipeline.frames.images import decode_image, read_bytes, read_image
from pipeline.progress import Progress, silent

FRAME = (1920, 1080)


@dataclass(frozen=True)
class DetectBench:
    """Speeds of networks on devices, measured side by side.

    Attributes:
        machine: what it ran on.
        rows: all measurements.
    """

    machine: dict[str, str | int]
    rows: tuple[Speed, ...]

    def write(self, path: Path) -> Path:
        """Write the numbers as JSON."""
        content = {"machine": self.machine, "rows": [row.facts() for row in self.rows]}
        with whole_file(path) as partial:
            partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return path


def bench_detect(
    plan: SpeedPlan,
    weights: Sequence[str] = (),
    devices: Sequence[str] = (),
    *,
    image: Path | None = None,
    progress: Progress = silent,
) -> DetectBench:
    """Measure networks on devices.

    Args:
        plan: batches and numbers of queries.
        weights: released names or files; all released ones if empty.
        devices: by name; the processor, and the GPU where there is one, if empty.
        image: a file to read; a frame with some detail is made if absent.
        progress: called after each measurement.

    Raises:
        InputError: weights or image are absent or damaged.
        UsageError: there is no such device.
    """
    weights = weights or released_names()
    chosen = [torch_device(name) for name in devices or _present()]
    model, rows = load_head_model(), list[Speed]()
    total = len(weights) * len(chosen) * len(plan)
    with _image_file(image) as path:
        read_image(path)
        file = ImageFile(lambda: read_bytes(path), lambda data: decode_image(data, path))
        for device in chosen:
            for name in weights:
                predictor = load_predictor(name, "ibug68", model, device=device)
                before = len(rows)
                rows += measure_speed(
                    predictor,
                    Path(name).stem,
                    file,
                    plan,
                    lambda done, _, text, before=before: progress(before + done, total, text),  # type: ignore[misc]
                )
    return DetectBench(_machine(chosen), tuple(rows))


def _present() -> list[str]:
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def _machine(devices: Sequence[torch.device]) -> dict[str, str | int]:
    facts: dict[str, str | int] = {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    names = [torch.cuda.get_device_name(device) for device in devices if device.type == "cuda"]
    return facts | {"gpu": ", ".join(names)} if names else facts


@contextmanager
def _image_file(path: Path | None) -> Iterator[Path]:
    """The file to read; without one, a JPEG with as much detail as a photograph."""
    if path is not None:
        yield path
        return
    width, height = FRAME
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, FRAME, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noisy = np.clip(picture + rng.integers(-6, 7, picture.shape), 0, 255).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frame.jpg"
        cv2.imwrite(str(file), noisy, [cv2.IMWRITE_JPEG_QUALITY, 92])
        yield file
