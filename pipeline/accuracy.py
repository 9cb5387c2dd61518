"""How accurate the fit is on landmarks whose truth is known: the tables of vultus bench accuracy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from calibration.whole_file import whole_file
from detector.layouts import layout
from fitting.alignment import align
from fitting.cameras.modes import CameraMode, CameraPlan, fit_with_cameras
from fitting.evaluate import Array, ErrorSummary
from fitting.head_model import HeadModel
from fitting.model_arrays import mean_head, outer_triangles
from fitting.options import FitOptions, FitWeights
from fitting.posed import posed_vertices
from fitting.rehearsal import Noise, Rehearsal, even_noise, gross_outliers, mixed_noise, rehearse, studio
from fitting.spread import scattered
from fitting.surface import SurfacePoints
from pipeline.progress import Progress, silent

MILLIMETRES = 1e3
NOISE = 1.0

TRUSTING = FitOptions(
    weights=FitWeights(identity=1e-4, expression=1e-3, joints=1e-2, temporal=0.0, intersect=0.0),
    robust="none",
    systematic=0.0,
    sigma_floor=0.0,
    landmark_spread=0.0,
    tolerance=0.01,
)
"""Landmarks are as exact as their sigmas say, and the priors say next to nothing."""

INDEPENDENT = FitOptions(systematic=0.0, sigma_floor=0.0, landmark_spread=0.0)
"""The errors of landmarks are independent and as large as their sigmas say, as those of a rehearsal are."""


@dataclass(frozen=True)
class Case:
    """One line of a table.

    Attributes:
        table: which. name: of the line.
        cameras: how many. landmarks: a layout, or a number of points spread over the skin.
        noise: of the landmarks. options: of the fit. known: what is known of the cameras.
    """

    table: str
    name: str
    cameras: int
    landmarks: str
    noise: Noise
    options: FitOptions = field(default_factory=FitOptions)
    known: CameraMode = CameraMode.KNOWN


@dataclass(frozen=True)
class Line:
    """What was measured.

    Attributes:
        table, name: see :class:`Case`. cameras, landmarks: how many.
        world_mm: distances of the face's vertices, in the world and unaligned.
        aligned_mm: the same after each frame was moved rigidly onto the truth, without scale.
        converged: whether the solver reached its gate for each person.
    """

    table: str
    name: str
    cameras: int
    landmarks: int
    world_mm: ErrorSummary
    aligned_mm: ErrorSummary
    converged: bool

    def cells(self) -> tuple[str, ...]:
        """The line as a person reads it, under :data:`HEADINGS`."""
        errors = (self.world_mm.median, self.world_mm.mean, self.world_mm.p90, self.aligned_mm.median)
        gate = "" if self.converged else "not at its gate"
        figures = (f"{value:.3f}" for value in errors)
        return (self.table, self.name, str(self.cameras), str(self.landmarks), *figures, gate)


HEADINGS = ("table", "case", "cameras", "landmarks", "median mm", "mean mm", "90 % mm", "aligned mm", "")


def cases() -> list[Case]:
    """All lines of all tables."""
    even, exact = even_noise(NOISE), even_noise(0.0)
    wild = gross_outliers(NOISE, 0.1, 100.0)
    told, untold = (mixed_noise(0.3, 6.0, stated=stated) for stated in (True, False))
    layouts, counts = ("ibug68", "dense320", "dense703", "5000"), (17, 8, 3, 1)
    return [
        Case("exact landmarks", "next to no priors", 8, "dense703", exact, TRUSTING),
        Case("exact landmarks", "default weights", 8, "dense703", exact),
        *(Case("cameras", "1 px noise", count, "dense703", even) for count in counts),
        *(Case("density", "1 px noise", 3, name, even) for name in layouts),
        Case("sigma", "0.3 to 6 px, sigma known", 3, "dense320", told, INDEPENDENT),
        Case("sigma", "0.3 to 6 px, one sigma for all", 3, "dense320", untold, INDEPENDENT),
        Case("outliers", "none", 3, "dense320", even),
        Case("outliers", "10 % within 100 px, robust", 3, "dense320", wild),
        Case("outliers", "10 % within 100 px, no kernel", 3, "dense320", wild, FitOptions(robust="none")),
        Case("unknown cameras", "all known", 8, "dense320", even),
        Case("unknown cameras", "lenses known", 8, "dense320", even, known=CameraMode.POSES),
        Case("unknown cameras", "nothing known", 8, "dense320", even, known=CameraMode.UNKNOWN),
    ]


def tables(chosen: Sequence[Case] | None = None) -> list[str]:
    """The names of the tables of these cases, or of all."""
    return list(dict.fromkeys(case.table for case in (cases() if chosen is None else chosen)))


def measure(
    model: HeadModel, chosen: Sequence[Case], frames: int, people: int = 1, progress: Progress = silent
) -> Iterator[Line]:
    """Fit each case to rehearsals, and compare the results with the truth.

    Args:
        model: the head model.
        chosen: the cases.
        frames: of each rehearsal. people: rehearsals of each case, each of another person.
        progress: called before each fit.
    """
    total = len(chosen) * people
    for number, case in enumerate(chosen):
        world, aligned, converged, points = [], [], True, _points(model, case.landmarks)
        for person in range(people):
            progress(number * people + person, total, f"{case.table}: {case.name}")
            truth = rehearse(model, points, studio(case.cameras), frames, person)
            plan = CameraPlan(case.known)
            found = fit_with_cameras(model, truth.seen(case.noise, person), truth.rig, plan, case.options)
            fitted = np.stack([posed_vertices(model, found, frame) for frame in range(frames)])
            errors = _errors(truth, fitted, model)
            world.append(errors[0])
            aligned.append(errors[1])
            converged &= found.converged
        summaries = (ErrorSummary.of(world), ErrorSummary.of(aligned))
        yield Line(case.table, case.name, case.cameras, len(points), *summaries, converged)
    progress(total, total, "done")


def write_lines(path: Path, lines: Sequence[Line]) -> Path:
    """Write the figures as JSON."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps([asdict(line) for line in lines], indent=1), encoding="utf-8")
    return path


def _errors(truth: Rehearsal, fitted: Array, model: HeadModel) -> tuple[Array, Array]:
    """(F, N) millimetres of the face's vertices, in the world and rigidly aligned."""
    face = model.region("face")
    true, found = truth.vertices[:, face], fitted[:, face]
    moved = [
        align(here, there[None], np.ones((1, len(face)))).apply(here)[0]
        for here, there in zip(found, true, strict=True)
    ]
    apart = [np.linalg.norm(each - true, axis=-1) * MILLIMETRES for each in (found, np.stack(moved))]
    return apart[0], apart[1]


def _points(model: HeadModel, name: str) -> SurfacePoints:
    if not name.isdigit():
        return layout(name, model).points
    return scattered(mean_head(model), outer_triangles(model), int(name))
