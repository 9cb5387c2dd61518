"""The project's own `cameras.json`: exact to the last bit, readable, with residuals and their source.

Version 1 knows the plain lens alone (k1 k2 p1 p2 k3). A rig with a rational or fisheye lens is written as
version 2, where the camera has a "model"; a vultus that does not know it refuses the version by name. Rigs of
plain lenses stay version 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import head, image_size, stated_unit
from calibration.whole_file import write_text

FORMAT = "vultus-cameras"
PLAIN_LENSES, ANY_LENSES = VERSIONS = (1, 2)
CONVENTION = (
    "OpenCV axes (x right, y down, z forward); x_cam = R @ x_world + t; world right-handed, Y up; "
    "pixel (0, 0) is the centre of the top-left pixel; dist is k1 k2 p1 p2 k3"
)
MODELS_CONVENTION = ", of a rational model k1 k2 p1 p2 k3 k4 k5 k6, of a fisheye model k1 k2 k3 k4 (OpenCV)"

_COEFFICIENTS = {"brown": (0, 4, 5), "rational": (8,), "fisheye": (4,)}


def write(rig: Rig, path: Path) -> None:
    """Write the rig in metres."""
    plain = all(camera.lens_model == "brown" for camera in rig)
    document = {
        "format": FORMAT,
        "version": PLAIN_LENSES if plain else ANY_LENSES,
        "units": "m",
        "convention": CONVENTION if plain else CONVENTION + MODELS_CONVENTION,
        "source": rig.source,
        "cameras": [_record(camera, rig.residual_px.get(camera.name)) for camera in rig],
        "notes": list(rig.notes),
    }
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def _record(camera: Camera, residual_px: float | None) -> dict[str, Any]:
    model = {} if camera.lens_model == "brown" else {"model": camera.lens_model}
    return {
        "name": camera.name,
        "width": camera.width,
        "height": camera.height,
        **model,
        "K": camera.K.tolist(),
        "dist": camera.coefficients.tolist(),
        "R": camera.R.tolist(),
        "t": camera.t.tolist(),
        "residual_px": residual_px,
    }


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read a rig whose units are m, cm or mm; a file without "format" is read by its fields.

    Cameras may be given without a place (neither R nor t), as lenses alone.

    Raises:
        InputError: naming the file, the camera and the field that is missing or wrong.
    """
    document = _document(path)
    scale = stated_unit(document.get("units"), options, str(path))
    records = document.get("cameras")
    if not isinstance(records, list) or not records:
        raise InputError("the file lists no cameras", where=str(path))
    cameras = tuple(_camera(record, scale, path, index) for index, record in enumerate(records))
    residuals = {
        r["name"]: r["residual_px"] for r in records if isinstance(r.get("residual_px"), int | float)
    }
    notes = document.get("notes") or ()
    source = document.get("source") or path.name
    if not isinstance(notes, list | tuple):
        raise InputError("notes must be a list of sentences", where=str(path))
    return Rig(cameras, str(source), residuals, tuple(str(note) for note in notes))


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"the file cannot be read as JSON ({error})", where=str(path)) from error
    if not isinstance(document, dict):
        raise InputError("the file holds no cameras: a JSON object is expected", where=str(path))
    if document.get("format", FORMAT) != FORMAT:
        raise InputError(f"the file says that its format is {document['format']!r}", where=str(path))
    if document.get("version", PLAIN_LENSES) not in VERSIONS:
        known = " and ".join(str(version) for version in VERSIONS)
        raise InputError(
            f"version {document['version']!r} of the cameras file is unknown; {known} are",
            where=str(path),
            fix="Read it with a newer vultus",
        )
    return document


def _camera(record: object, scale: float, path: Path, index: int) -> Camera:
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise InputError(f"entry {index + 1} of the cameras has no name", where=str(path))
    where = f"{path}: camera {record['name']}"
    width, height = image_size(record.get("width"), record.get("height"), where)
    # A file of lenses alone: its cameras stand nowhere, all at the world's origin.
    if "R" not in record and "t" not in record:
        record = {**record, "R": np.eye(3), "t": np.zeros(3)}
    missing = [key for key in ("K", "R", "t") if key not in record]
    if missing:
        raise InputError(f"{', '.join(missing)} is missing", where=where)
    try:
        arrays = {key: np.asarray(record.get(key, ()), dtype=np.float64) for key in ("K", "dist", "R", "t")}
    except (TypeError, ValueError) as error:
        raise InputError(f"K, dist, R and t must be numbers ({error})", where=where) from error
    fisheye = _is_fisheye(record.get("model", "brown"), arrays["dist"].size, where)
    t = arrays["t"] * scale
    return Camera(record["name"], width, height, arrays["K"], arrays["dist"], arrays["R"], t, fisheye=fisheye)


def _is_fisheye(model: object, coefficients: int, where: str) -> bool:
    """Whether a lens model is the fisheye one, if it is known and has that many coefficients."""
    if not isinstance(model, str) or model not in _COEFFICIENTS:
        known = ", ".join(_COEFFICIENTS)
        raise InputError(f"the lens model {model!r} is unknown; {known} are", where=where)
    if coefficients not in _COEFFICIENTS[model]:
        needed = " or ".join(str(count) for count in _COEFFICIENTS[model])
        raise InputError(f"dist has {coefficients} values; a {model} lens has {needed}", where=where)
    return model == "fisheye"


def recognises(path: Path) -> bool:
    """Whether a JSON file lists cameras."""
    return '"cameras"' in head(path)


_SUMMARY = "the cameras.json of vultus: exact, with residuals and notes"
RIG_FORMAT = Format("vultus", _SUMMARY, (".json",), read=read, write=write, recognises=recognises)
