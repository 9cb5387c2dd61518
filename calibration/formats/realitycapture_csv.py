"""RealityCapture's (RealityScan's) "Internal/External camera parameters" CSV, a line per image.

The conventions are those of :mod:`calibration.formats.realitycapture`. The export does not say which lens
model it was made with; a line with k1 alone may come from the division model and is noted.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import assumed_unit, cameras_with_sizes, given_size, head
from calibration.formats.image_names import camera_names, one_pose_each
from calibration.formats.numbers import number
from calibration.formats.realitycapture import (
    Z_UP_NOTE,
    RealityCaptureCamera,
    angles_of,
    from_camera,
    rotation_of,
)
from calibration.whole_file import write_text

_PLACE = ("x", "y", "alt")
_ANGLES = ("heading", "pitch", "roll")
_NEEDED = ("name", *_PLACE, *_ANGLES, "f")
_LENS = ("k1", "k2", "k3", "k4", "t1", "t2")
_COLUMNS = (*_NEEDED, "px", "py", *_LENS)


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read the cameras; columns beyond name, place, angles and f may be absent and are zero then.

    The sizes of the images are not in the file: `options.sizes` has to have them. Cameras without are left
    out and noted, unless none has one.

    Raises:
        InputError: naming the line and the column that is missing or no number, or the camera without size.
    """
    unit, notes = assumed_unit(options, str(path))
    rows = _rows(path)
    names = camera_names([row["name"] for row, _ in rows])
    kept, left_out = cameras_with_sizes(names, options)
    used = [(name, row, where) for name, (row, where) in zip(names, rows, strict=True) if name in kept]
    views = [_view(row, name, options, unit, where) for name, row, where in used]
    cameras = one_pose_each(views, [row["name"] for _, row, _ in used], str(path))
    only_k1 = [c.name for c in cameras if c.distortion[0] and not np.any(c.distortion[1:])]
    if only_k1:
        listed = ", ".join(only_k1)
        notes = (*notes, f"Only k1 is given for {listed}: right for the Brown models, wrong for Division.")
    return Rig(cameras, path.name, notes=(*notes, *left_out, Z_UP_NOTE))


def _rows(path: Path) -> list[tuple[dict[str, str], str]]:
    """The fields of each line by column, each with where it stands."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        table = [(line, row) for line, row in enumerate(csv.reader(lines), start=1) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"the file cannot be read as CSV ({error})", where=str(path)) from error
    table = [(line, row) for line, row in table if not row[0].startswith("#cameras")]
    if not table:
        raise InputError("the file is empty", where=str(path))
    columns = [name.strip().lstrip("#").lower() for name in table[0][1]]
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise InputError(
            f"the columns {', '.join(missing)} are missing",
            where=str(path),
            fix='Export "Internal/External camera parameters"',
        )
    if len(table) == 1:
        raise InputError("the file lists no cameras", where=str(path))
    rows = []
    for line, row in table[1:]:
        where = f"{path}, line {line}"
        if len(row) != len(columns):
            raise InputError(f"the line has {len(row)} fields, its header {len(columns)}", where=where)
        rows.append((dict(zip(columns, row, strict=True)), where))
    return rows


def _view(row: dict[str, str], name: str, options: ReadOptions, unit: float, where: str) -> Camera:
    values = {column: number(row.get(column, "0"), column, where) for column in _COLUMNS[1:]}
    one = RealityCaptureCamera(
        rotation_of([values[column] for column in _ANGLES]),
        np.array([values[column] for column in _PLACE]),
        values["f"],
        np.array([values["px"], values["py"]]),
        np.array([values[column] for column in _LENS]),
    )
    return one.to_camera(name, given_size(name, options, where), unit, where)


def write(rig: Rig, path: Path) -> None:
    """Write a line for each camera, whose image is called after it; in metres.

    Raises:
        UsageError: a lens is not one that RealityCapture knows.
    """
    lines = ["#" + ",".join(_COLUMNS)]
    for camera in rig:
        one = from_camera(camera)
        values = (*one.centre, *angles_of(one.R), one.focal, *one.principal, *one.distortion)
        lines.append(",".join([f"{camera.name}.jpg", *(repr(float(value)) for value in values)]))
    write_text(path, "\n".join(lines) + "\n")


def recognises(path: Path) -> bool:
    """Whether a CSV has a heading, a pitch and a roll."""
    return all(column in head(path).lower() for column in _ANGLES)


RIG_FORMAT = Format(
    "realitycapture",
    "RealityCapture's internal/external camera parameters (CSV)",
    (".csv",),
    read=read,
    write=write,
    recognises=recognises,
)
