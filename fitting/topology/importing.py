"""From a user's files to a registered topology."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from calibration.errors import InputError, UsageError
from fitting.head_model import HeadModel
from fitting.head_models.landmark_file import read_landmarks
from fitting.head_models.obj_file import read_obj
from fitting.surface import SurfacePoints
from fitting.topology.placing import LENGTHS
from fitting.topology.registration import Registered, register_mesh
from fitting.topology.shapes import ShapeSet, read_shapes
from fitting.topology.store import Topology, check_name

Progress = Callable[[int, int, str], None]


def import_topology(
    path: Path,
    name: str,
    head: HeadModel,
    *,
    shapes: Path | None = None,
    weights: tuple[float, float] = (0.0, 1.0),
    landmarks: Path | None = None,
    unit: str | None = None,
    progress: Progress | None = None,
) -> Topology:
    """Read a neutral and its blend shapes, and register them to our head.

    Args:
        path: OBJ of the neutral. name: what it shall be called. head: ours.
        shapes: folder of OBJ files of the same vertices. weights: the range of their weights.
        landmarks: a file as :mod:`fitting.head_models.landmark_file` reads.
        unit: of the files; found where it is not said.
        progress: called with (done, total, label).

    Raises:
        UsageError: the name or the unit cannot be one.
        InputError: a file is missing or damaged, or the mesh does not come to lie on our head.
    """
    check_name(name)
    if unit is not None and unit not in LENGTHS:
        raise UsageError(f"{unit!r} is no unit", fix=f"Use one of {', '.join(LENGTHS)}")
    mesh = read_obj(path, polygons=True)
    marks: SurfacePoints | None = None
    if landmarks is not None:
        marks = read_landmarks(landmarks, mesh.quads, len(mesh.vertices))
    read = None if shapes is None else read_shapes(shapes, mesh.vertices, weights)
    try:
        found = register_mesh(mesh, head, landmarks=marks, unit=unit, progress=progress)
    except InputError as error:
        raise InputError(error.what, where=error.where or str(path), fix=error.fix) from error
    return Topology(
        name=name,
        source=path.name,
        unit=found.unit,
        scale=found.scale,
        faces=mesh.quads,
        faces_uv=mesh.quads_uv,
        uv=mesh.uv,
        groups=mesh.groups,
        neutral=found.neutral,
        identity=found.identity,
        eyes=found.eyes,
        binding=found.binding,
        shapes=None if read is None else _on_our_head(read, found),
        covered=found.covered,
    )


def _on_our_head(shapes: ShapeSet, found: Registered) -> ShapeSet:
    """In metres and canonical axes."""
    deltas = found.scale * shapes.deltas @ found.turn.T
    return ShapeSet(shapes.names, deltas, shapes.low, shapes.high)
