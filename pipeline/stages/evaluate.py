"""vultus evaluate: how far the fitted heads are from ground truth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration.camera import Rig
from calibration.errors import InputError
from calibration.formats import read_rig
from calibration.whole_file import whole_file
from fitting.evaluate import ErrorSummary, interocular_distance, reprojection_error, surface_error
from fitting.head_models.store import find_head_model
from fitting.posed import posed_vertices
from pipeline.meshes import skin_triangles
from pipeline.progress import Progress, silent
from pipeline.shoot.shoot import Shoot
from pipeline.stores.performance import read_performance
from pipeline.truth import Truth, read_truth
from pipeline.world_alignment import move_between

MILLIMETRES = 1000.0
MAX_POINTS = 1000
"""Points scored per frame, spread evenly over the region: more cost minutes and change no figure."""


@dataclass(frozen=True)
class Evaluation:
    """How far fitted heads are from the truth.

    Attributes:
        region: the part of the true surface that was scored.
        frames: how many frames were compared.
        world_mm: distances in the world of the cameras, mm.
        aligned_mm: distances after each frame was moved rigidly onto the truth, mm: the shape alone.
        interocular_mm: distance between the eyeballs' centres as fitted.
        true_interocular_mm: as it is; NaN where the truth does not say.
        reprojection_px: distances of seen and fitted landmarks, pixels.
    """

    region: str
    frames: int
    world_mm: ErrorSummary
    aligned_mm: ErrorSummary
    interocular_mm: float
    true_interocular_mm: float
    reprojection_px: ErrorSummary

    def lines(self) -> list[str]:
        """The figures as a person reads them."""
        eyes = f"{self.interocular_mm:.1f} mm"
        if np.isfinite(self.true_interocular_mm):
            eyes += f", in truth {self.true_interocular_mm:.1f} mm"
        return [
            f"surface, in the world   {_words(self.world_mm, 'mm')}",
            f"surface, aligned        {_words(self.aligned_mm, 'mm')}",
            f"scored                  {self.region}, {self.frames} frames, {self.world_mm.count} points",
            f"eyes apart              {eyes}",
            f"reprojection            {_words(self.reprojection_px, 'px')}",
        ]


def main(
    shoot: Shoot,
    truth: Path,
    *,
    truth_cameras: Path | None = None,
    region: str | None = None,
    units: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Compare the performance of a shoot with ground truth.

    Args:
        shoot: whose performance is fitted.
        truth: archive of the true surfaces; see :mod:`pipeline.truth`.
        truth_cameras: cameras of the world that the truth is in, where the shoot was calibrated in a world
            of its own; by default the ``cameras.json`` beside the archive, if there is one.
        region: of the true surface, to be scored.
        units: of the truth's lengths.
        progress: called after each frame.

    Returns:
        the file of figures.

    Raises:
        InputError: performance or truth are missing, or have no frame in common.
        UsageError: there is no such region or unit.
    """
    beside = truth_cameras or truth.parent / "cameras.json"
    true_rig = read_rig(beside) if truth_cameras is not None or beside.is_file() else None
    evaluation = evaluate(shoot, read_truth(truth, region=region, units=units), true_rig, progress)
    path = shoot.output / "evaluation.json"
    with whole_file(path) as partial:
        partial.write_text(json.dumps(asdict(evaluation), indent=1), encoding="utf-8")
    return path


def evaluate(
    shoot: Shoot, truth: Truth, true_rig: Rig | None = None, progress: Progress = silent
) -> Evaluation:
    """The figures of :func:`main`.

    The truth is first moved from the world of its cameras to that of the performance's; without ``true_rig``
    the two are taken to be one.

    Raises:
        InputError: there is no performance, or it has no frame in common with the truth.
    """
    performance, info = read_performance(shoot.performance_file)
    shared, fitted, true = np.intersect1d(performance.frames, truth.frames, return_indices=True)
    if not len(shared):
        raise InputError("The performance and the ground truth have no frame in common", where=shoot.name)
    to_world = move_between(true_rig, performance.rig) if true_rig is not None else np.asarray
    model = find_head_model(info.name)
    skin = skin_triangles(model)
    world, aligned = [], []
    for done, (position, row) in enumerate(zip(fitted, true, strict=True), start=1):
        vertices = posed_vertices(model, performance, int(position))
        points = to_world(truth.points[row, :: -(-truth.points.shape[1] // MAX_POINTS)])
        world.append(surface_error(points, vertices, skin, align=False) * MILLIMETRES)
        aligned.append(surface_error(points, vertices, skin, align=True) * MILLIMETRES)
        progress(done, len(shared), "evaluate")
    return Evaluation(
        region=truth.region,
        frames=len(shared),
        world_mm=ErrorSummary.of(world),
        aligned_mm=ErrorSummary.of(aligned),
        interocular_mm=interocular_distance(model, performance.identity) * MILLIMETRES,
        true_interocular_mm=float(np.mean(truth.interocular[true])) * MILLIMETRES,
        reprojection_px=reprojection_error(performance),
    )


def read_evaluation(path: Path) -> Evaluation:
    """The figures that :func:`main` wrote."""
    data = json.loads(path.read_text(encoding="utf-8"))
    summaries = {key: ErrorSummary(**value) for key, value in data.items() if isinstance(value, dict)}
    return Evaluation(**(data | summaries))


def _words(errors: ErrorSummary, unit: str) -> str:
    median, mean, most = (f"{value:.2f} {unit}" for value in (errors.median, errors.mean, errors.p90))
    return f"median {median}, mean {mean}, 90 % within {most}"
