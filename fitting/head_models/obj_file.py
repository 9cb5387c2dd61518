"""Wavefront OBJ as head models come in it: vertices and faces in exactly the order of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.polygons import filled


@dataclass(frozen=True, eq=False)
class ObjMesh:
    """A mesh of quads; a triangle is a quad whose last corner is there twice.

    Attributes:
        vertices: (V, 3) in the file's unit. uv: (N, 2), v up; one row of zeros where the file has none.
        quads, quads_uv: (Q, 4) indices into both; wider, and filled in the same way, where faces have more
            corners.
        groups: (Q,) name of the group that each face stands in, or of the object in a file without groups;
            empty before the first.
    """

    vertices: NDArray[np.float64]
    uv: NDArray[np.float64]
    quads: NDArray[np.int64]
    quads_uv: NDArray[np.int64]
    groups: NDArray[np.str_]


def read_obj(path: Path, *, polygons: bool = False) -> ObjMesh:
    """Read a mesh.

    Args:
        path: of the file. polygons: whether faces may have more than four corners.

    Raises:
        InputError: the file cannot be read, or is no OBJ of such faces.
    """
    lines = _lines(path)
    faces = [_face(line, path) for line in lines if line.startswith("f ")]
    vertices, uv = _numbers(lines, "v ", 3, path), _numbers(lines, "vt ", 2, path)
    if not faces:
        raise InputError("the mesh has no faces", where=str(path))
    widest = max(map(len, faces))
    if widest > 4 and not polygons:
        raise InputError(f"a face has {widest} corners; triangles and quads are read", where=str(path))
    table = np.stack([filled([[corner[k] for corner in face] for face in faces]) for k in (0, 1)], axis=-1)
    # a negative index counts back from the end
    place = np.where(table < 0, table + np.array([len(vertices), len(uv)]), table - 1)
    if not len(uv):
        uv, place[..., 1] = np.zeros((1, 2)), 0
    if place.min() < 0 or place[..., 0].max() >= len(vertices) or place[..., 1].max() >= len(uv):
        raise InputError("a face names a vertex that is not there", where=str(path))
    return ObjMesh(vertices, uv, place[..., 0], place[..., 1], _groups(lines))


def read_obj_vertices(path: Path) -> NDArray[np.float64]:
    """Only the vertices (V, 3) of a mesh.

    Raises:
        InputError: the file cannot be read, or has none.
    """
    return _numbers(_lines(path), "v ", 3, path)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"the mesh cannot be read ({error.strerror})", where=str(path)) from error


def _numbers(lines: Sequence[str], head: str, width: int, path: Path) -> NDArray[np.float64]:
    rows = [line.split(maxsplit=width + 1)[1 : width + 1] for line in lines if line.startswith(head)]
    try:
        table = np.array(rows, np.float64).reshape(-1, width)
    except ValueError as error:
        raise InputError(f"a line of {head.strip()} is not {width} numbers", where=str(path)) from error
    if not np.isfinite(table).all() or (head == "v " and not len(table)):
        raise InputError("it has no vertices, or some that are no numbers", where=str(path))
    return table


def _groups(lines: Sequence[str]) -> NDArray[np.str_]:
    """The group of each face; objects stand for groups where the file has none."""
    head = "g " if any(line.startswith("g ") for line in lines) else "o "
    groups, group = list[str](), ""
    for line in lines:
        if line.startswith("f "):
            groups.append(group)
        elif line.startswith(head):
            group = line[2:].strip()
    return np.array(groups)


def _face(line: str, path: Path) -> list[tuple[int, int]]:
    try:
        corners = [_corner(corner) for corner in line.split()[1:]]
    except ValueError as error:
        raise InputError(f"this is no face: {line.strip()!r}", where=str(path)) from error
    if len(corners) < 3:
        raise InputError(f"a face has {len(corners)} corners", where=str(path), fix="Is the file whole?")
    return corners


def _corner(text: str) -> tuple[int, int]:
    parts = text.split("/")
    return int(parts[0]), int(parts[1]) if len(parts) > 1 and parts[1] else 1
