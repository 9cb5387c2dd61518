"""ICT-FaceKit, and any head of blend shapes kept the same way: a folder of OBJ files, one per shape.

``generic_neutral_mesh.obj`` is the mean, ``identityNNN.obj`` the mean plus one standard deviation of a
component, and the other meshes, which ``vertex_indices.json`` names, the full expressions. The parts of
ICT-FaceKit's mesh are known by their vertex numbers, as its README lists them; in another mesh they are the
OBJ groups: ``skin``, ``left_eye`` and ``right_eye``, and if there are any ``upper_teeth``, ``lower_teeth``,
``tongue``, ``lashes``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.head_models.assembly import Source
from fitting.head_models.obj_file import ObjMesh, read_obj, read_obj_vertices
from fitting.head_traits import WEIGHTS
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]

NEUTRAL = "generic_neutral_mesh.obj"
VERTICES = 26_719
"""Of ICT-FaceKit's mesh."""

PARTS = (
    ("skin", 14_062),
    ("gums_and_tongue", 17_039),
    ("upper_teeth", 19_247),
    ("lower_teeth", 21_451),
    ("left_eye", 23_021),
    ("right_eye", 24_591),
    ("eye_covers", 25_351),
    ("lashes", VERTICES),
)
"""Each part of ICT-FaceKit and the vertex after its last; the skin goes on into mouth and eye sockets."""

OUTER_SKIN = 11_248
"""So many of the first vertices are face, head and neck."""

# Multi-PIE's 68 points, as ICT-FaceKit's README lists them.
LANDMARKS = (
    *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
    *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509),
    *(978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360),
    *(1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732),
    *(5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841),
    *(5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
)


def read_ict(folder: Path) -> Source:
    """Read a folder of OBJ files.

    Raises:
        InputError: a file is missing or damaged, or a shape has other vertices than the neutral mesh.
    """
    neutral = folder / NEUTRAL
    if not neutral.is_file():
        raise InputError(f"there is no {NEUTRAL} in this folder", where=str(folder))
    mesh = read_obj(neutral)
    names, identities = _expression_names(folder), sorted(folder.glob("identity*.obj"))
    if not identities or not names:
        raise InputError("there are no identity*.obj, or no expressions beside them", where=str(folder))
    part, part_names, outer = _parts(mesh, neutral)
    expression = _offsets([folder / f"{name}.obj" for name in names], mesh.vertices)
    eyes = [part_names.index(name) for name in ("left_eye", "right_eye") if name in part_names]
    # The rotation of the eyeballs is pose; the eyeLook shapes are to move the lids alone.
    expression[:, np.isin(part, eyes)] = 0.0
    return Source(
        path=str(folder),
        vertices=mesh.vertices,
        identity=_offsets(identities, mesh.vertices),
        expression=expression,
        expression_names=names,
        expression_range=WEIGHTS,
        quads=mesh.quads,
        quads_uv=mesh.quads_uv,
        uv=mesh.uv,
        part=part,
        part_names=part_names,
        outer_skin=outer,
        landmarks=_landmarks(len(mesh.vertices)),
    )


def _expression_names(folder: Path) -> tuple[str, ...]:
    listing = folder / "vertex_indices.json"
    if not listing.is_file():
        shapes = (path.stem for path in sorted(folder.glob("*.obj")))
        return tuple(name for name in shapes if name != Path(NEUTRAL).stem and name[:8] != "identity")
    try:
        names = json.loads(listing.read_text(encoding="utf-8"))["expressions"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("it does not name the expressions", where=str(listing)) from error
    if not isinstance(names, list) or not all(isinstance(name, str) and "/" not in name for name in names):
        raise InputError("its expressions are not names", where=str(listing))
    return tuple(names)


def _offsets(paths: list[Path], neutral: Array) -> Array:
    """(n, V, 3) what each mesh adds to the neutral one."""
    offsets = np.zeros((len(paths), *neutral.shape))
    for row, path in zip(offsets, paths, strict=True):
        vertices = read_obj_vertices(path)
        if vertices.shape != neutral.shape:
            raise InputError(
                f"it has {len(vertices)} vertices, the neutral mesh has {len(neutral)}", where=str(path)
            )
        row[:] = vertices - neutral
    return offsets


def _parts(mesh: ObjMesh, path: Path) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.int64]]:
    """Part index (V,), part names and outer skin."""
    count = len(mesh.vertices)
    if count == VERTICES:
        names, ends = zip(*PARTS, strict=True)
        return np.searchsorted(ends, np.arange(count), side="right"), names, np.arange(OUTER_SKIN)
    names = tuple(dict.fromkeys(str(name) for name in mesh.groups))
    if "skin" not in names:
        raise InputError(
            f"the mesh has {count} vertices, ICT-FaceKit's has {VERTICES}, and no group is named skin",
            where=str(path),
            fix="Name its groups skin, left_eye and right_eye",
        )
    part = np.zeros(count, np.int64)
    for index, name in enumerate(names):
        part[mesh.quads[mesh.groups == name]] = index
    return part, names, np.flatnonzero(part == names.index("skin"))


def _landmarks(count: int) -> SurfacePoints:
    return SurfacePoints.from_vertices(LANDMARKS) if count == VERTICES else SurfacePoints.unknown(68)
