"""The calibration TOML that Anipose and Pose2Sim share: a table per camera, world to camera.

Rotations are Rodrigues vectors. Translations are in the unit of the board: metres in Pose2Sim, and in Anipose
whatever its user measured the squares in, mostly millimetres. The two are told apart by what only Pose2Sim
writes (`fisheye = false`, sizes as floating point numbers); a person who knows better says the unit. What we
write says `units` in `[metadata]`, and both read it.
Sources: aniposelib's `cameras.py`, Pose2Sim's `Calib_*.toml`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.entry import Format, ReadOptions
from calibration.formats.fields import metres_per_unit, stated_unit
from calibration.formats.numbers import numbers, size_pair
from calibration.whole_file import write_text

Array = NDArray[np.float64]

_FIELDS = frozenset({"size", "matrix", "distortions", "rotation", "translation"})


def read(path: Path, options: ReadOptions) -> Rig:
    """Read a file of either program.

    Raises:
        InputError: naming the file and the camera and field that is missing or wrong.
    """
    document = _document(path)
    tables = {
        key: table
        for key, table in document.items()
        if key != "metadata" and isinstance(table, dict) and _FIELDS & table.keys()
    }
    if not tables:
        raise InputError("the file holds no cameras", where=str(path))
    scale, notes = _unit(document.get("metadata"), tables, options, str(path))
    cameras = tuple(_camera(key, table, scale, path) for key, table in tables.items())
    residuals = {}
    for camera, table in zip(cameras, tables.values(), strict=True):
        if "error" in table:
            residuals[camera.name] = float(numbers(table["error"], (), "error", f"{path}: {camera.name}"))
    return Rig(cameras, path.name, residuals, notes)


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"the file cannot be read as TOML ({error})", where=str(path)) from error


def _unit(
    metadata: object, tables: dict[str, Any], options: ReadOptions, where: str
) -> tuple[float, tuple[str, ...]]:
    """Metres per unit of the translations, and a note where the unit is taken for granted."""
    stated = metadata.get("units") if isinstance(metadata, dict) else None
    if stated is not None or options.units is not None:
        return stated_unit(stated, options, where), ()
    theirs, units = ("Pose2Sim", "m") if any(map(_is_pose2sim, tables.values())) else ("Anipose", "mm")
    note = f"The file does not say its units: it looks like {theirs}'s and was taken for {units}."
    return metres_per_unit(units, where), (f"{note} Give units if they are others.",)


def _is_pose2sim(table: dict[str, Any]) -> bool:
    size = table.get("size")
    floats = isinstance(size, list) and any(isinstance(side, float) for side in size)
    return table.get("fisheye") is False or floats


def _camera(key: str, table: dict[str, Any], scale: float, path: Path) -> Camera:
    name = str(table.get("name") or key)
    where = f"{path}: camera {name}"
    width, height = size_pair(table.get("size"), where)
    K = numbers(table.get("matrix"), (3, 3), "matrix", where)
    lens = numbers(table.get("distortions", []), (-1,), "distortions", where)
    turn = numbers(table.get("rotation"), (3,), "rotation", where)
    t = numbers(table.get("translation"), (3,), "translation", where) * scale
    # Vectors of OpenCV that are longer than ours (thin prism) are ours when the rest of them is zero.
    lens = lens if np.any(lens[8:]) else lens[:8]
    R = Rotation.from_rotvec(turn).as_matrix()
    return Camera(name, width, height, K, lens, R, t, table.get("fisheye") is True)


def write(rig: Rig, path: Path) -> None:
    """Write the rig in metres, for both programs."""
    document: dict[str, Any] = {}
    for index, camera in enumerate(rig):
        table = {
            "name": camera.name,
            "size": [camera.width, camera.height],
            "matrix": camera.K.tolist(),
            "distortions": camera.coefficients.tolist(),
            "rotation": Rotation.from_matrix(camera.R).as_rotvec().tolist(),
            "translation": camera.t.tolist(),
            "fisheye": camera.fisheye,
        }
        if camera.name in rig.residual_px:
            table["error"] = float(rig.residual_px[camera.name])
        document[f"cam_{index}"] = table
    errors = list(rig.residual_px.values())
    error = float(np.mean(errors)) if errors else 0.0
    document["metadata"] = {"units": "m", "adjusted": False, "error": error}
    write_text(path, tomli_w.dumps(document))


RIG_FORMAT = Format(
    "anipose",
    "Anipose's and Pose2Sim's calibration TOML",
    (".toml",),
    read=read,
    write=write,
)
