"""The tables of the page: cameras, settings, versions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tomli_w

from detector.weights import default_weights
from fitting.reliability import ResidualStatistics
from pipeline.report.facts import Facts
from pipeline.report.files import Link, Pictures
from pipeline.stores.landmarks import FrameStatus
from pipeline.stores.performance import performance_version

_NOT_IN_THE_RESULT = {"shoot": {"output"}, "detect": {"device"}, "fit": {"device"}}
"""Settings that say where and on what the work is done, and change no result."""


@dataclass(frozen=True)
class CameraRow:
    """A camera of the shoot.

    Attributes:
        name: of it. images: where they are. size: of them.
        seen: in how many frames of how many it found a face.
        median_px, p95_px, median_sigma: residuals; empty where it is left out.
        calibrated_px: residual of its calibration, where that is known.
        note: what is to be known: that it moved, or is left out.
        out: whether it is left out.
        page: of its calibration.
    """

    name: str
    images: str
    size: str
    seen: str
    median_px: str
    p95_px: str
    median_sigma: str
    calibrated_px: str
    note: str
    out: bool
    page: Link | None


def camera_rows(facts: Facts, pictures: Pictures) -> list[CameraRow]:
    """A row for each camera of the shoot."""
    performance = facts.performance
    if performance.reliability is not None:
        statistics = performance.reliability.by_camera
    else:
        unknown = np.full_like(performance.residual_px, np.nan)
        statistics = ResidualStatistics.of(performance.residual_px, unknown, axis=1)
    table = dict(zip(performance.rig.names, statistics.table, strict=True))
    rows = []
    for marks in facts.marks:
        name = marks.camera
        source = facts.shoot.sources[name]
        median, p95, sigma, _ = table.get(name, np.full(4, np.nan))
        calibrated = performance.rig.residual_px.get(name, float("nan"))
        seen = int((marks.status == FrameStatus.OK).sum())
        drift = (line for line in facts.outcome.drift if line.startswith(f"Camera {name}:"))
        note = facts.left_out.get(name) or next(drift, "")
        rows.append(
            CameraRow(
                name=name,
                images=facts.shoot.settings.cameras[name].images,
                size=" x ".join(map(str, source.size)),
                seen=f"{seen} of {len(marks.frames)}",
                median_px=_figure(median),
                p95_px=_figure(p95),
                median_sigma=_figure(sigma),
                calibrated_px=_figure(calibrated),
                note=note.removeprefix(f"Camera {name}: "),
                out=name not in performance.rig.names,
                page=pictures.cameras.get(name),
            )
        )
    return rows


def settings_text(facts: Facts) -> str:
    """What the shoot file says beyond the defaults, as it is written there."""
    said = facts.shoot.settings.model_dump(
        exclude_defaults=True, exclude_none=True, by_alias=True, exclude=_NOT_IN_THE_RESULT
    )
    return tomli_w.dumps({table: keys for table, keys in said.items() if keys}).strip()


def versions(facts: Facts) -> list[tuple[str, str]]:
    """With what the result was made."""
    iterations = ", ".join(f"{stage} {count}" for stage, count in facts.performance.iterations.items())
    return [
        ("vultus", performance_version(facts.shoot.performance_file)),
        ("network", facts.shoot.settings.detect.weights or default_weights()),
        ("landmarks", f"{facts.performance.residual_px.shape[-1]} ({facts.info.layout})"),
        ("head model", f"{facts.info.name}, {len(facts.performance.identity)} identity coefficients"),
        ("cameras", facts.performance.rig.source),
        ("solver", f"iterations: {iterations}" if iterations else ""),
    ]


def _figure(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""
