"""Where a head model has the 68 landmarks of iBUG, from a file of the user.

A CSV of two columns, ``landmark`` (0 to 67) and ``vertex``; or FLAME's own embeddings: ``lmk_face_idx`` and
``lmk_b_coords`` (51 points, iBUG's 17 to 67, or all 68), as pickle, .npy or .npz.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.head_models.restricted_pickle import read_pickle, unpickle
from fitting.surface import SurfacePoints

LANDMARKS = 68
_KEYS = (
    ("lmk_face_idx", "lmk_b_coords"),
    ("full_lmk_faces_idx", "full_lmk_bary_coords"),
    ("static_lmk_faces_idx", "static_lmk_bary_coords"),
)


def read_landmarks(path: Path, quads: NDArray[np.int64], vertices: int) -> SurfacePoints:
    """The 68 points on a model's surface; NaN weights where the file says nothing.

    Args:
        path: of the file. quads: (Q, 4) the model's faces, in the order that an embedding counts in.
        vertices: how many the model has.

    Raises:
        InputError: the file is of no known form, or names what the model does not have.
    """
    if path.suffix.lower() in (".csv", ".txt"):
        return _from_table(path, vertices)
    embedding = _read_embedding(path)
    for face_key, weight_key in _KEYS:
        if face_key in embedding and weight_key in embedding:
            return _embedded(embedding[face_key], embedding[weight_key], quads, path)
    raise InputError("it is no landmark embedding: it has no lmk_face_idx", where=str(path))


def _from_table(path: Path, vertices: int) -> SurfacePoints:
    found = SurfacePoints.unknown(LANDMARKS)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the landmarks cannot be read ({error})", where=str(path)) from error
    for number, row in enumerate(rows, start=1):
        try:
            landmark, vertex = (int(cell) for cell in row)
        except ValueError as error:
            if number == 1:
                continue  # the heading
            raise InputError(
                f"line {number} is not a landmark and a vertex: {row}", where=str(path)
            ) from error
        if not (0 <= landmark < LANDMARKS and 0 <= vertex < vertices):
            raise InputError(
                f"line {number}: landmarks are 0 to {LANDMARKS - 1}, vertices 0 to {vertices - 1}",
                where=str(path),
            )
        found.vertices[landmark], found.weights[landmark] = vertex, (1.0, 0.0, 0.0)
    return found


def _read_embedding(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix.lower() == ".npz":
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        content = _read_npy(path) if path.suffix.lower() == ".npy" else read_pickle(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"the landmarks cannot be read ({error})", where=str(path)) from error
    if isinstance(content, np.ndarray) and content.dtype == object and content.size == 1:
        content = content.item()
    if not isinstance(content, Mapping):
        raise InputError("it is no landmark embedding", where=str(path))
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): content[key] for key in content}


def _read_npy(path: Path) -> Any:
    """The pickled object of an .npy file, read without running anything."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        _, _, code = read_header(file)
        if code.kind != "O":
            raise InputError("it is no landmark embedding", where=str(path))
        return unpickle(file, str(path))


def _embedded(faces: object, weights: object, quads: NDArray[np.int64], path: Path) -> SurfacePoints:
    face = np.asarray(faces).reshape(-1).astype(np.int64)
    barycentric = np.asarray(weights, np.float64).reshape(-1, 3)
    first = LANDMARKS - len(face)
    if first not in (0, 17) or len(barycentric) != len(face):
        raise InputError(f"it has {len(face)} landmarks; 51 or {LANDMARKS} are expected", where=str(path))
    if face.min() < 0 or face.max() >= len(quads):
        raise InputError(f"it names face {face.max()}, the model has {len(quads)}", where=str(path))
    found = SurfacePoints.unknown(LANDMARKS)
    found.vertices[first:], found.weights[first:] = quads[face, :3], barycentric
    return found
