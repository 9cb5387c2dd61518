"""Predicted heads against scans: distances by NoW's protocol, over all scans and by region of the head."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.head_regions import REGIONS, region_indices
from detector.region import QUERY_SCALE
from fitting.alignment import align
from fitting.head_model import load_head_model
from fitting.scan_distance import FaceMesh, ScanDistance, ScanProtocol, scan_distance
from pipeline.meshes import MeshSource, read_meshes, seven_of
from pipeline.progress import Progress, silent

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

MILLIMETRES = 1e3


@dataclass(frozen=True)
class MeshFigures:
    """Distances in mm over the vertices of all scans together."""

    median: float
    mean: float
    std: float
    count: int

    @classmethod
    def of(cls, millimetres: Array) -> MeshFigures | None:
        """The figures of what was measured; None if nothing was."""
        known = millimetres[np.isfinite(millimetres)]
        if not len(known):
            return None
        return cls(float(np.median(known)), float(known.mean()), float(known.std()), len(known))


@dataclass(frozen=True, eq=False)
class Scored:
    """One prediction against one scan with V vertices.

    Attributes:
        scan: the scan. canonical: (V, 3) metres, its vertices on the canonical head, about.
        region: (V,) indices into :data:`detector.head_regions.REGIONS`.
        found: the distances.
    """

    scan: FaceMesh
    canonical: Array
    region: NDArray[np.int64]
    found: ScanDistance


@dataclass(frozen=True, eq=False)
class MethodScore:
    """One source of predictions against all scans.

    Attributes:
        scored: by the name of the scan. missing: scans that it has no prediction for.
    """

    scored: dict[str, Scored]
    missing: tuple[str, ...]

    @property
    def distance_mm(self) -> Array:
        """(N,) all that was scored."""
        return _finite([each.found.distance for each in self.scored.values()]) * MILLIMETRES

    @property
    def figures(self) -> MeshFigures:
        """Over all scans."""
        found = MeshFigures.of(self.distance_mm)
        if found is None:
            raise InputError("there is nothing to measure")
        return found

    @property
    def vertex(self) -> MeshFigures | None:
        """Of the distances between vertices of the same number; None where the topologies differ."""
        rows = [each.found.vertex for each in self.scored.values() if each.found.vertex is not None]
        return MeshFigures.of(_finite(rows) * MILLIMETRES) if rows else None

    @property
    def scale(self) -> float:
        """By how much the predictions grew, on average."""
        return float(np.mean([each.found.scale for each in self.scored.values()]))

    @property
    def regions(self) -> dict[str, MeshFigures]:
        """By region, those that have scored vertices."""
        rows = {
            name: _finite([s.found.distance[s.region == k] for s in self.scored.values()]) * MILLIMETRES
            for k, name in enumerate(REGIONS)
        }
        figures = {name: MeshFigures.of(values) for name, values in rows.items()}
        return {name: each for name, each in figures.items() if each is not None}


@dataclass(frozen=True, eq=False)
class MeshEvaluation:
    """All methods, by name, and how they were measured."""

    scans: str
    protocol: ScanProtocol
    methods: dict[str, MethodScore] = field(default_factory=dict)


def evaluate_meshes(
    predictions: Mapping[str, MeshSource],
    scans: MeshSource,
    protocol: ScanProtocol,
    progress: Progress = silent,
) -> MeshEvaluation:
    """Measure predictions against scans of the same names or frame numbers.

    A single prediction and a single scan belong together whatever they are called.

    Args:
        predictions: by the name of the method.
        scans: what is true.
        protocol: how to measure.
        progress: called after each scan of each method.

    Raises:
        InputError: a file cannot be read, or a method has no prediction of any scan.
    """
    truth = read_meshes(scans)
    places = {name: _place(scan) for name, scan in truth.items()}
    result = MeshEvaluation(str(scans.path), protocol)
    total = len(predictions) * len(truth)
    for number, (method, source) in enumerate(predictions.items()):
        given = read_meshes(source)
        if len(given) == len(truth) == 1:
            given = dict(zip(truth, given.values(), strict=True))
        shared = [name for name in truth if name in given]
        if not shared:
            raise InputError(
                "No prediction has the name or frame number of a scan",
                where=str(source.path),
                fix=f"Predictions: {', '.join(list(given)[:3])}; scans: {', '.join(list(truth)[:3])}",
            )
        missing = tuple(name for name in truth if name not in given)
        if missing:
            log.warning("%s has no prediction of %d of %d scans", method, len(missing), len(truth))
        scored = {}
        for done, name in enumerate(shared, start=1):
            found = scan_distance(truth[name], given[name], protocol)
            scored[name] = Scored(truth[name], *places[name], found)
            progress(number * len(truth) + done, total, "evaluate")
        result.methods[method] = MethodScore(scored, missing)
    return result


def _place(scan: FaceMesh) -> tuple[Array, NDArray[np.int64]]:
    """A scan's vertices on the canonical head, by its landmarks, and their regions."""
    model = load_head_model()
    marks = seven_of(model, model.mean.double().numpy())
    motion = align(scan.landmarks, marks[None], np.ones((1, len(marks))), with_scale=True)
    canonical = motion.apply(scan.vertices)[0]
    queries = torch.as_tensor(canonical / QUERY_SCALE, dtype=torch.float32)
    return canonical, region_indices(queries).numpy()


def _finite(rows: list[Array]) -> Array:
    together = np.concatenate(rows) if rows else np.zeros(0)
    return np.asarray(together[np.isfinite(together)])
