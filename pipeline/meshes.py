"""Heads to be compared: scans and predictions from mesh files, archives, performances, and folders."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import trimesh
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError, VultusError
from fitting.head_model import HeadModel
from fitting.head_models.store import find_head_model
from fitting.posed import posed_vertices
from fitting.scan_distance import LANDMARKS_OF_IBUG68, FaceMesh
from pipeline.export.options import UNITS
from pipeline.stores.performance import read_performance

Array = NDArray[np.float64]
Triangles = NDArray[np.int64]

MESHES = (".obj", ".ply", ".stl", ".npz")
MARKS = (".txt", ".npy", ".pp")
"""Files of landmarks: rows of text, a NumPy array, points picked in MeshLab."""


@dataclass(frozen=True)
class MeshSource:
    """Where meshes come from.

    Attributes:
        path: a mesh file, a NumPy archive, a performance (.h5), or a folder of mesh files.
        units: of its lengths; by default what the file itself says, else millimetres.
        landmarks: a file of the landmarks of all its meshes; by default ``NAME.landmarks.txt`` (.npy, .pp)
            beside each, else what an archive names, else those of our own head where it is one.
    """

    path: Path
    units: str | None = None
    landmarks: Path | None = None

    def __post_init__(self) -> None:
        if self.units is not None and self.units not in UNITS:
            raise UsageError(f"There is no unit '{self.units}'", fix=f"Known are: {', '.join(UNITS)}")


def read_meshes(source: MeshSource) -> dict[str, FaceMesh]:
    """The meshes of a source by name; those of frames are named by their numbers.

    Raises:
        InputError: there are none, one cannot be read, or one has no landmarks.
    """
    path = source.path
    if path.suffix == ".h5":
        return _of_performance(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in MESHES)
        files = [file for file in files if not file.stem.endswith(".neutral")]
    else:
        files = [path]
    found: dict[str, FaceMesh] = {}
    for file in files:
        found |= _of_file(file, source)
    if not found:
        raise InputError(f"there are no meshes ({', '.join(MESHES)}) in this folder", where=str(path))
    return found


def named_sources(texts: Sequence[str], units: str | None) -> dict[str, MeshSource]:
    """Sources of texts such as ``take1/performance.h5`` or ``ours=take1/performance.h5``, by name.

    Raises:
        InputError: there is no such file or folder.
        UsageError: two have one name, or there is no such unit.
    """
    sources: dict[str, MeshSource] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        path = Path(rest if equals and not Path(text).exists() else text)
        if not path.exists():
            raise InputError("there is no such file or folder", where=str(path))
        name = name if equals and path != Path(text) else path.stem
        if name in sources:
            raise UsageError(f"two predictions are called {name}", fix="Name them: NAME=PATH")
        sources[name] = MeshSource(path, units)
    return sources


def skin_triangles(model: HeadModel) -> Triangles:
    """The triangles of the skin alone: a scored face is not to be matched by teeth or eyeballs behind it."""
    skin = np.zeros(len(model.mean), dtype=bool)
    skin[model.parts["skin"]] = True
    triangles = np.asarray(model.triangles, dtype=np.int64)
    return triangles[skin[triangles].all(axis=1)]


def seven_of(model: HeadModel, vertices: Array) -> Array:
    """NoW's landmarks (7, 3) on a head (V, 3) of a model."""
    marks = model.ibug68.subset(np.array(LANDMARKS_OF_IBUG68))
    return np.asarray(marks.evaluate(vertices), dtype=np.float64)


def _of_performance(path: Path) -> dict[str, FaceMesh]:
    performance, info = read_performance(path)
    model = find_head_model(info.name)
    triangles = skin_triangles(model)
    heads = (posed_vertices(model, performance, k) for k in range(len(performance.frames)))
    return {
        str(frame): FaceMesh(head, triangles, seven_of(model, head))
        for frame, head in zip(performance.frames.tolist(), heads, strict=True)
    }


def _of_file(path: Path, source: MeshSource) -> dict[str, FaceMesh]:
    if path.suffix.lower() == ".npz":
        return _of_archive(path, source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the reader's own, over corners without texture
            mesh: Any = trimesh.load(path, process=False, maintain_order=True)
        vertices = np.asarray(mesh.vertices, np.float64)
        triangles = np.asarray(getattr(mesh, "faces", np.zeros((0, 3))), np.int64)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError("The file is not a readable mesh", where=str(path)) from error
    scale = 1 / UNITS[source.units or _unit_of_obj(path) or "mm"]
    return {_name_of(path): _mesh(vertices * scale, triangles, _marks(path, source, scale), str(path))}


def _of_archive(path: Path, source: MeshSource) -> dict[str, FaceMesh]:
    """Meshes of one topology: vertices (V, 3) or (F, V, 3), faces (T, 3), frames (F,), landmarks68 or 7."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            data: Mapping[str, Any] = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError("The file is not a readable NumPy archive", where=str(path)) from error
    if "vertices" not in data:
        raise InputError("The archive has no vertices", where=str(path))
    scale = 1 / UNITS[source.units or str(data.get("units", "mm"))]
    vertices = np.asarray(data["vertices"], np.float64).reshape(-1, *data["vertices"].shape[-2:]) * scale
    triangles = np.asarray(data.get("faces", data.get("triangles", np.zeros((0, 3)))), np.int64)
    single = [path.stem] if len(vertices) == 1 else range(len(vertices))
    names = [str(name) for name in data.get("frames", single)]
    marks = _marks(path, source, scale)
    if marks is None:
        marks = _seven(data["landmarks68"] if "landmarks68" in data else data.get("landmarks7"), str(path))
    rows = zip(names, vertices, strict=True)
    return {name: _mesh(head, triangles, marks, f"{path}, {name}") for name, head in rows}


def _mesh(vertices: Array, triangles: Triangles, marks: Array | None, where: str) -> FaceMesh:
    if marks is None:
        model = find_head_model("makehuman")
        if len(vertices) != len(model.mean):
            raise InputError(
                "The mesh has no landmarks",
                where=where,
                fix="Put NAME.landmarks.txt beside it: seven rows, the corners of the eyes from the actor's "
                "right to left, the base of the nose, the right and left corner of the mouth",
            )
        return FaceMesh(vertices, skin_triangles(model), seven_of(model, vertices))
    try:
        places = vertices[marks.astype(np.int64)] if marks.ndim == 1 else marks
        return FaceMesh(vertices, triangles, places)
    except VultusError as error:
        raise InputError(error.what, where=where, fix=error.fix) from error
    except IndexError as error:
        raise InputError("a landmark is on no vertex of the mesh", where=where) from error


def _marks(path: Path, source: MeshSource, scale: float) -> Array | None:
    """Landmarks from a file: (7, 3) metres, or (7,) vertex numbers; None where there is no file."""
    beside = [path.with_name(f"{path.stem}.landmarks{ending}") for ending in MARKS]
    file = source.landmarks or next((each for each in beside if each.is_file()), None)
    if file is None:
        return None
    try:
        marks = _seven(_read_marks(file), str(file))
    except (OSError, ValueError, TypeError, ElementTree.ParseError) as error:
        raise InputError("The file is no list of landmarks", where=str(file)) from error
    return marks * scale if marks is not None and marks.ndim == 2 else marks


def _read_marks(file: Path) -> Array:
    if file.suffix == ".pp":
        points = ElementTree.parse(file).getroot().iter("point")
        return np.array([[float(point.get(axis, "nan")) for axis in "xyz"] for point in points])
    loaded = np.load(file, allow_pickle=False) if file.suffix == ".npy" else np.loadtxt(file, delimiter=None)
    return np.asarray(loaded, dtype=np.float64)


def _seven(marks: object, where: str) -> Array | None:
    """NoW's seven of seven or of 68."""
    if marks is None:
        return None
    rows = np.asarray(marks, dtype=np.float64)
    if len(rows) == 68:
        rows = rows[list(LANDMARKS_OF_IBUG68)]
    if len(rows) != len(LANDMARKS_OF_IBUG68):
        raise InputError(f"7 or 68 landmarks are wanted, there are {len(rows)}", where=where)
    return rows


def _unit_of_obj(path: Path) -> str | None:
    """The unit that our own OBJ files name in their header."""
    if path.suffix.lower() != ".obj":
        return None
    with path.open(encoding="utf-8", errors="replace") as file:
        found = re.search(r"^# units: (m|cm|mm)\b", file.read(400), re.MULTILINE)
    return found[1] if found else None


def _name_of(path: Path) -> str:
    """The frame number that the name ends with, or the whole name."""
    number = re.search(r"(?:^|\.)(\d+)$", path.stem)
    return str(int(number[1])) if number else path.stem
