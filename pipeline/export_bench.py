"""Measuring the exports: one made-up take in every format."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from calibration.whole_file import write_text
from fitting.head_model import HeadModel, load_head_model
from fitting.performance import FrameStatus, Performance
from fitting.rehearsal import rehearse, studio
from pipeline.export import ExportOptions, export
from pipeline.progress import Progress, silent, span

HEADINGS = ("format", "frames", "vertices", "files", "seconds", "CPU s", "ms/frame", "MB", "kB/frame")


@dataclass(frozen=True)
class ExportSpeed:
    """One format.

    Attributes:
        format: its name. frames, vertices: of the take. files: that were written.
        seconds: from the performance to the last file. cpu_seconds: of all cores together.
        megabytes: of all files, 10^6 bytes.
    """

    format: str
    frames: int
    vertices: int
    files: int
    seconds: float
    cpu_seconds: float
    megabytes: float

    def cells(self) -> tuple[str, ...]:
        """As :data:`HEADINGS` name them."""
        return (
            self.format,
            *(str(count) for count in (self.frames, self.vertices, self.files)),
            f"{self.seconds:.2f}",
            f"{self.cpu_seconds:.2f}",
            f"{1e3 * self.seconds / self.frames:.1f}",
            f"{self.megabytes:.2f}",
            f"{1e3 * self.megabytes / self.frames:.1f}",
        )


def bench_export(
    frames: int, formats: Sequence[str], options: ExportOptions, progress: Progress = silent
) -> list[ExportSpeed]:
    """Write a take in some formats, each into a temporary folder.

    Args:
        frames: of the take. formats: keys of :data:`pipeline.export.EXPORTERS`. options: of the exports.
        progress: called as formats go on.

    Raises:
        UsageError: a format is not known.
        MissingDependencyError: a library that a format needs is absent.
    """
    model = load_head_model()
    performance = made_up(model, frames)
    # the first export of a process also loads libraries
    warm = made_up(model, 1)
    rows = []
    for position, name in enumerate(formats):
        with TemporaryDirectory() as scratch:
            export(name, warm, model, Path(scratch), options=options)
            share = span(progress, position / len(formats), (position + 1) / len(formats))
            chosen = replace(options, progress=share)
            rows.append(_measure(name, performance, model, Path(scratch) / "take", chosen))
    return rows


def made_up(model: HeadModel, frames: int) -> Performance:
    """A person of the head model's own, who speaks and turns before four cameras."""
    take = rehearse(model, model.ibug68, studio(4), frames)
    return Performance(
        frames=take.observations.frames,
        identity=take.identity,
        expression=take.expression,
        pose=take.pose,
        rig=take.rig,
        energies={},
        residual_px=np.zeros(take.observations.shape, np.float32),
        converged=True,
        fps=take.observations.fps,
        status=np.full(frames, FrameStatus.FITTED, np.int8),
    )


def write_figures(path: Path, rows: Sequence[ExportSpeed]) -> Path:
    """Write the figures as JSON."""
    write_text(path, json.dumps([asdict(row) for row in rows], indent=1))
    return path


def _measure(
    name: str, performance: Performance, model: HeadModel, folder: Path, options: ExportOptions
) -> ExportSpeed:
    began, busy = time.perf_counter(), time.process_time()
    files = export(name, performance, model, folder, options=options)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - busy
    size = sum(file.stat().st_size for file in files)
    count, vertices = len(performance.frames), len(model.mean)
    return ExportSpeed(name, count, vertices, len(files), seconds, cpu_seconds, size / 1e6)
