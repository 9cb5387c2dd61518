"""The figures of a mesh evaluation as a table, as files, and as pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from calibration.whole_file import whole_file
from detector.evaluation.errors import cumulative_curve
from pipeline.drawing.curves import Axes, Curve, plot
from pipeline.drawing.error_map import error_map
from pipeline.drawing.tiles import label
from pipeline.mesh_evaluation import MILLIMETRES, MeshEvaluation, MeshFigures, MethodScore
from pipeline.overlays.sheet_and_movies import write_picture

CURVE_END = 7.0
"""Millimetres at which the cumulative error curve ends, as in NoW."""
MAP_END = 5.0
"""Millimetres at which the colours of the maps end."""
MAPS = 8
"""Error maps per method at most: of scans spread evenly over all."""


def table(evaluation: MeshEvaluation) -> Iterator[str]:
    """The figures as lines for a person."""
    protocol = evaluation.protocol
    size = "with scale" if protocol.scale else "without scale"
    part = "the whole scan" if protocol.whole else "the middle of the face"
    trim = f", {100 * protocol.trim:.0f} % trimmed" if protocol.trim else ""
    yield f"scan to mesh, mm: NoW's protocol, aligned {size}{trim}; scored on {part}"
    width = max(len(name) for name in evaluation.methods)
    yield f"{'':<{width}}   scans  median    mean     std   scale"
    for name, score in evaluation.methods.items():
        own = score.figures
        yield (
            f"{name:<{width}}  {len(score.scored):6d} {own.median:7.3f} {own.mean:7.3f} {own.std:7.3f}"
            f" {score.scale:7.4f}"
        )
        if score.vertex is not None:
            yield f"{'  same vertex':<{width}}         {_three(score.vertex)}"
    yield ""
    regions = {name: score.regions for name, score in evaluation.methods.items()}
    yield "mean by region" + "".join(f" {name:>{max(8, len(name))}}" for name in regions)
    for region in dict.fromkeys(region for rows in regions.values() for region in rows):
        cells = (
            f"{rows[region].mean:{max(8, len(name))}.3f}" if region in rows else " " * max(8, len(name))
            for name, rows in regions.items()
        )
        yield f"{region:<14}" + "".join(f" {cell}" for cell in cells)


def write_mesh_report(evaluation: MeshEvaluation, folder: Path) -> Path:
    """Write figures, a line per scan, the cumulative error curve and the error maps.

    Args:
        evaluation: what was measured.
        folder: made where absent.

    Returns:
        the file of figures, ``evaluation.json``.

    Raises:
        InputError: the folder cannot be written to.
    """
    path = folder / "evaluation.json"
    facts = {"scans": evaluation.scans, "protocol": asdict(evaluation.protocol)} | {
        "methods": {name: _facts(score) for name, score in evaluation.methods.items()}
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    _write_scans(evaluation, folder / "scans.csv")
    _write_curve(evaluation, folder)
    for name, score in evaluation.methods.items():
        _write_maps(name, score, folder / "maps")
    return path


def _three(figures: MeshFigures) -> str:
    return f"{figures.median:7.3f} {figures.mean:7.3f} {figures.std:7.3f}"


def _facts(score: MethodScore) -> dict[str, object]:
    return {
        "distance_mm": asdict(score.figures),
        "vertex_mm": asdict(score.vertex) if score.vertex is not None else None,
        "scale": score.scale,
        "regions_mm": {name: asdict(figures) for name, figures in score.regions.items()},
        "missing": list(score.missing),
    }


def _write_scans(evaluation: MeshEvaluation, path: Path) -> None:
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["method", "scan", "median_mm", "mean_mm", "std_mm", "scale"])
        for method, score in evaluation.methods.items():
            for scan, each in score.scored.items():
                own = MeshFigures.of(each.found.distance * MILLIMETRES)
                if own is not None:
                    figures = (f"{value:.4f}" for value in (own.median, own.mean, own.std))
                    writer.writerow([method, scan, *figures, f"{each.found.scale:.5f}"])


def _write_curve(evaluation: MeshEvaluation, folder: Path) -> None:
    at = np.linspace(0, CURVE_END, 141)
    curves: dict[str, Curve] = {
        name: (at, cumulative_curve(score.distance_mm, at)) for name, score in evaluation.methods.items()
    }
    with whole_file(folder / "cumulative_error.csv") as partial:
        rows = np.stack([at, *(values for _, values in curves.values())], axis=1)
        np.savetxt(partial, rows, "%.4f", ",", header=",".join(["mm", *curves]), comments="")
    axes = Axes("Cumulative error, scan to mesh", "mm", "% of the vertices", CURVE_END, 100.0)
    write_picture(folder / "cumulative_error.png", plot(curves, axes))


def _write_maps(method: str, score: MethodScore, folder: Path) -> None:
    names = list(score.scored)
    chosen = np.unique(np.linspace(0, len(names) - 1, MAPS).round().astype(int))
    for name in (names[k] for k in chosen):
        each = score.scored[name]
        if not len(each.scan.triangles):
            continue
        errors = each.found.distance * MILLIMETRES
        picture = error_map(each.canonical, each.scan.triangles, errors, MAP_END)
        own = MeshFigures.of(errors)
        text = f"{method} {name}" + (f": median {own.median:.2f} mm" if own is not None else "")
        write_picture(folder / f"{method}.{name}.png", label(picture, [text]))
