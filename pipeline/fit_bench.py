"""Measuring the speed of the fit: both solvers on the same synthetic landmarks."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from calibration.whole_file import whole_file
from detector.layouts import layout
from fitting.fit import fit_performance
from fitting.head_model import HeadModel, load_head_model
from fitting.options import FitOptions
from fitting.rehearsal import Rehearsal, even_noise, rehearse, studio
from fitting.surface import SurfacePoints
from pipeline.accuracy import INDEPENDENT
from pipeline.devices import torch_device
from pipeline.progress import Progress, silent

HEADINGS = (
    "solver",
    "frames",
    "cameras",
    "landmarks",
    "iterations",
    "seconds",
    "CPU s",
    "landmarks/s",
    "peak MB",
    "energy",
    "error mm",
)
W22 = ("W22", "520", "17", "703", "", "540", "", f"{520 * 17 * 703 / 540:.0f}", "", "", "")
"""What the paper states: 520 frames, 17 cameras and 703 landmarks in nine minutes (section 4.3)."""

_NOISE = 1.0
_BETWEEN_LOOKS = 0.01
_MEMORY = Path("/proc/self/statm")


@dataclass(frozen=True)
class FitSpeed:
    """One fit.

    Attributes:
        solver: by name. frames, cameras, landmarks: how many.
        iterations: of all stages together. converged: whether the gate was reached.
        seconds: from landmarks to performance. cpu_seconds: of all cores together.
        peak_mb: memory at its highest, beyond what was in use before.
        energy: in nats, at the end. error_mm: median distance of the face's vertices from the truth.
    """

    solver: str
    frames: int
    cameras: int
    landmarks: int
    iterations: int
    converged: bool
    seconds: float
    cpu_seconds: float
    peak_mb: float
    energy: float
    error_mm: float

    @property
    def landmarks_per_second(self) -> float:
        """Frames times cameras times landmarks, per second."""
        return self.frames * self.cameras * self.landmarks / self.seconds

    def cells(self) -> tuple[str, ...]:
        """As :data:`HEADINGS` name them."""
        sizes = (str(size) for size in (self.frames, self.cameras, self.landmarks, self.iterations))
        times = (f"{self.seconds:.1f}", f"{self.cpu_seconds:.1f}", f"{self.landmarks_per_second:.0f}")
        return (
            self.solver,
            *sizes,
            *times,
            f"{self.peak_mb:.0f}",
            f"{self.energy:.1f}",
            f"{self.error_mm:.3f}",
        )


def bench_fit(
    frames: int,
    cameras: int,
    landmarks: str,
    solvers: Sequence[str],
    *,
    device: str = "cpu",
    progress: Progress = silent,
) -> list[FitSpeed]:
    """Fit the same performance with each solver.

    Args:
        frames, cameras: how many. landmarks: a layout. solvers: by name.
        device: by name. progress: called as solvers go on.

    Raises:
        UsageError: there is no such layout or device.
    """
    model = load_head_model(torch_device(device))
    points: SurfacePoints = layout(landmarks, model).points
    truth = rehearse(model, points, studio(cameras), frames)
    return [_measure(model, truth, solver, progress) for solver in solvers]


def write_speeds(path: Path, speeds: Sequence[FitSpeed]) -> Path:
    """Write the figures as JSON, with the machine's threads."""
    content = {"threads": torch.get_num_threads(), "rows": [asdict(speed) for speed in speeds]}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def _measure(model: HeadModel, truth: Rehearsal, solver: str, progress: Progress) -> FitSpeed:
    seen = truth.seen(even_noise(_NOISE))
    options = FitOptions(**(vars(INDEPENDENT) | {"solver": solver}))
    with _Peak() as peak:
        began, busy = time.perf_counter(), time.process_time()
        found = fit_performance(
            model,
            seen,
            truth.rig,
            options,
            lambda done, total, text: progress(done, total, f"{solver}: {text}"),
        )
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - busy
    errors = truth.vertex_errors(model, found, model.region("face"))
    return FitSpeed(
        solver,
        *seen.shape,
        iterations=sum(found.iterations.values()),
        converged=found.converged,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_mb=peak.bytes / 2**20,
        energy=found.energies["total"],
        error_mm=1e3 * float(np.median(errors)),
    )


class _Peak:
    """The most memory that the process used while this was open, beyond what it used before."""

    def __init__(self) -> None:
        self.bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Peak:
        self._before = _resident_bytes()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_BETWEEN_LOOKS):
            self.bytes = max(self.bytes, _resident_bytes() - self._before)


def _resident_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    if not _MEMORY.exists():
        return 0
    return int(_MEMORY.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
