"""Wavefront OBJ as head models come in it: vertices and faces in exactly the order of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError


@dataclass(frozen=True, eq=False)
class ObjMesh:
    """A mesh of quads; a triangle is a quad whose last corner is there twice.

    Attributes:
        vertices: (V, 3) in the file's unit. uv: (N, 2), v up; one row of zeros where the file has none.
        quads, quads_uv: (Q, 4) indices into both.
        groups: (Q,) name of the group that each face stands in; empty before the first.
    """

    vertices: NDArray[np.float64]
    uv: NDArray[np.float64]
    quads: NDArray[np.int64]
    quads_uv: NDArray[np.int64]
    groups: NDArray[np.str_]


def read_obj(path: Path) -> ObjMesh:
    """Read a mesh.

    Raises:
        InputError: the file cannot be read, or is no OBJ of triangles and quads.
    """
    lines = _lines(path)
    corners, groups, group = list[list[tuple[int, int]]](), list[str](), ""
    for line in lines:
        if line.startswith("f "):
            corners.append(_face(line, path))
            groups.append(group)
        elif line.startswith("g "):
            group = line[2:].strip()
    vertices, uv = _numbers(lines, "v ", 3, path), _numbers(lines, "vt ", 2, path)
    if not corners:
        raise InputError("the mesh has no faces", where=str(path))
    table = np.array(corners, np.int64)
    # a negative index counts back from the end
    place = np.where(table < 0, table + np.array([len(vertices), len(uv)]), table - 1)
    if not len(uv):
        uv, place[..., 1] = np.zeros((1, 2)), 0
    if place.min() < 0 or place[..., 0].max() >= len(vertices) or place[..., 1].max() >= len(uv):
        raise InputError("a face names a vertex that is not there", where=str(path))
    return ObjMesh(vertices, uv, place[..., 0], place[..., 1], np.array(groups))


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


def _face(line: str, path: Path) -> list[tuple[int, int]]:
    try:
        corners = [_corner(corner) for corner in line.split()[1:]]
    except ValueError as error:
        raise InputError(f"this is no face: {line.strip()!r}", where=str(path)) from error
    if not 3 <= len(corners) <= 4:
        raise InputError(f"a face has {len(corners)} corners; triangles and quads are read", where=str(path))
    return [*corners, corners[2]] if len(corners) == 3 else corners


def _corner(text: str) -> tuple[int, int]:
    parts = text.split("/")
    return int(parts[0]), int(parts[1]) if len(parts) > 1 and parts[1] else 1
