"""vultus evaluate: how far the fitted heads are from ground truth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig
from calibration.whole_file import whole_file
from fitting.cameras.modes import has_own_world
from fitting.evaluate import (
    ErrorSummary,
    interocular_distance,
    reprojection_error,
    scaled_surface_error,
    surface_error,
)
from fitting.head_models.store import find_head_model
from fitting.posed import posed_vertices
from pipeline.meshes import skin_triangles
from pipeline.progress import Progress, silent
from pipeline.shoot.shoot import Shoot
from pipeline.stores.performance import read_performance
from pipeline.truth import Truth, read_truth
from pipeline.world_alignment import WorldMove, centred, move_between

MILLIMETRES = 1000.0
MAX_POINTS = 500
"""Points scored per frame, spread evenly over the region: more cost minutes and change no figure."""
SAME_WORLD = WorldMove(np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class Evaluation:
    """How far fitted heads are from the truth.

    Attributes:
        region: the part of the true surface that was scored.
        frames: how many frames were compared.
        world_mm: distances in the world of the cameras, mm; None where that world is the fitted head's own,
            since the cameras were found from the head.
        aligned_mm: distances after each frame was moved rigidly onto the truth, mm: shape and size.
        scaled_mm: the same where the fitted head was also scaled, mm: the shape alone.
        size: of the fitted head, by that scaling; 1 is the true one, 1.1 a tenth too large.
        interocular_mm: distance between the eyeballs' centres as fitted.
        true_interocular_mm: as it is; NaN where the truth does not say.
        reprojection_px: distances of seen and fitted landmarks, pixels.
    """

    region: str
    frames: int
    world_mm: ErrorSummary | None
    aligned_mm: ErrorSummary
    scaled_mm: ErrorSummary
    size: float
    interocular_mm: float
    true_interocular_mm: float
    reprojection_px: ErrorSummary

    def lines(self) -> list[str]:
        """The figures as a person reads them."""
        eyes = f"{self.interocular_mm:.1f} mm"
        if np.isfinite(self.true_interocular_mm):
            eyes += f", in truth {self.true_interocular_mm:.1f} mm"
        world = "not compared: the cameras were found from the head, and their world is its own"
        if self.world_mm is not None:
            world = _words(self.world_mm, "mm")
        return [
            f"surface, in the world   {world}",
            f"surface, aligned        {_words(self.aligned_mm, 'mm')}",
            f"the same, scaled too    {_words(self.scaled_mm, 'mm')}",
            f"size of the head        {_size_words(self.size)}",
            f"scored                  {self.region}, {self.frames} frames, {self.aligned_mm.count} points",
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
    the two are taken to be one. Where the performance's cameras were found from the head, the truth is turned
    as the cameras say, and laid on the middle of the fitted face.

    Raises:
        InputError: there is no performance, or it has no frame in common with the truth.
        UsageError: the performance's world is its own, and there are no cameras of the truth.
    """
    performance, info = read_performance(shoot.performance_file)
    shared, fitted, true = np.intersect1d(performance.frames, truth.frames, return_indices=True)
    if not len(shared):
        raise InputError("The performance and the ground truth have no frame in common", where=shoot.name)
    own, to_world = has_own_world(performance.rig), _to_world(true_rig, performance.rig)
    model = find_head_model(info.name)
    skin, face = skin_triangles(model), model.region("face")
    world, aligned, scaled, sizes = [], [], [], []
    for done, (position, row) in enumerate(zip(fitted, true, strict=True), start=1):
        vertices = posed_vertices(model, performance, int(position))
        points = truth.points[row, :: -(-truth.points.shape[1] // MAX_POINTS)]
        points = (centred(to_world, points, vertices[face]) if own else to_world)(points)
        if not own:
            world.append(surface_error(points, vertices, skin, align=False) * MILLIMETRES)
        aligned.append(surface_error(points, vertices, skin, align=True) * MILLIMETRES)
        errors, size = scaled_surface_error(points, vertices, skin)
        scaled.append(errors * MILLIMETRES)
        sizes.append(size)
        progress(done, len(shared), "evaluate")
    return Evaluation(
        region=truth.region,
        frames=len(shared),
        world_mm=None if own else ErrorSummary.of(world),
        aligned_mm=ErrorSummary.of(aligned),
        scaled_mm=ErrorSummary.of(scaled),
        size=float(np.median(sizes)),
        interocular_mm=interocular_distance(model, performance.identity) * MILLIMETRES,
        true_interocular_mm=float(np.mean(truth.interocular[true])) * MILLIMETRES,
        reprojection_px=reprojection_error(performance),
    )


def _to_world(true_rig: Rig | None, rig: Rig) -> WorldMove:
    if true_rig is not None:
        return move_between(true_rig, rig)
    if has_own_world(rig):
        raise UsageError(
            "the cameras were found from the head, and nothing says how their world lies to the truth's",
            fix="Give the truth's cameras with --truth-cameras, or put a cameras.json beside the truth",
        )
    return SAME_WORLD


def read_evaluation(path: Path) -> Evaluation:
    """The figures that :func:`main` wrote."""
    data = json.loads(path.read_text(encoding="utf-8"))
    summaries = {key: ErrorSummary(**value) for key, value in data.items() if isinstance(value, dict)}
    return Evaluation(**(data | summaries))


def _size_words(size: float) -> str:
    percent = 100 * (size - 1)
    return f"{abs(percent):.1f} % too {'large' if percent > 0 else 'small'}"


def _words(errors: ErrorSummary, unit: str) -> str:
    median, mean, most = (f"{value:.2f} {unit}" for value in (errors.median, errors.mean, errors.p90))
    return f"median {median}, mean {mean}, 90 % within {most}"
