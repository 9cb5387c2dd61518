"""Bring a head model of others in: from the user's folder or file to what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.errors import InputError, UsageError
from fitting.head_model import load_head_model
from fitting.head_models.assembly import UNITS, Source, assemble
from fitting.head_models.flame import read_flame
from fitting.head_models.ict import NEUTRAL, read_ict
from fitting.head_models.landmark_file import read_landmarks
from fitting.head_models.registration import Registration, register
from fitting.head_models.shape_fit import Progress
from fitting.head_models.store import ImportedHead, check_name

_FLAME_FILES = (".pkl", ".npz")


def import_head(
    path: Path, name: str, *, unit: str | None = None, landmarks: Path | None = None
) -> ImportedHead:
    """Read a head model from a folder of OBJ files (ICT-FaceKit), or from a file (FLAME).

    Args:
        path: of the folder or file. name: what it shall be called.
        unit: of its lengths; what makes the eyes a human's distance apart where it is not said.
        landmarks: a file of the 68 landmarks, see :mod:`fitting.head_models.landmark_file`.

    Raises:
        UsageError: the name or the unit cannot be one.
        InputError: the files are missing, damaged or of another kind.
    """
    check_name(name)
    if unit is not None and unit not in UNITS:
        raise UsageError(f"{unit!r} is no unit", fix=f"Use one of {', '.join(UNITS)}")
    source = _read(path)
    if landmarks is not None:
        found = read_landmarks(landmarks, source.quads, len(source.vertices))
        source = replace(source, landmarks=found)
    assets, traits = assemble(source, name, unit)
    return ImportedHead(assets, traits, str(path.name), {})


def registered_head(
    head: ImportedHead, progress: Progress | None = None
) -> tuple[ImportedHead, Registration]:
    """The head model with a query for each vertex, and how well that went.

    Raises:
        InputError: it does not come to lie on the canonical head.
    """
    found = register(head.model(), load_head_model(), progress)
    traits = replace(head.traits, canonical=found.canonical, registered=found.registered)
    figures = {key: float(np.round(value, 4)) for key, value in found.figures().items()}
    return replace(head, traits=traits, registration=figures), found


def _read(path: Path) -> Source:
    if path.is_dir():
        inside = path / "FaceXModel"  # the folder of ICT-FaceKit's repository that holds the meshes
        return read_ict(inside if not (path / NEUTRAL).is_file() and inside.is_dir() else path)
    if path.is_file() and path.suffix.lower() in _FLAME_FILES:
        return read_flame(path)
    raise InputError(
        "this is no head model",
        where=str(path),
        fix=f"Give ICT-FaceKit's folder of OBJ files, or FLAME's file ({' or '.join(_FLAME_FILES)})",
    )
