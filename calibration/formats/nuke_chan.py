"""Nuke's .chan: a line per frame, `frame tx ty tz rx ry rz vfov`, a file per camera.

The camera looks down -z with y up; rotations are degrees in Nuke's default order ZXY (around z first, then x,
then y: `Ry @ Rx @ Rz`), and `vfov` is the vertical field of view in degrees. The file says nothing of the
image size, the unit, the aspect of the pixels, the principal point and the lens, so that reading it takes the
size from the person and the rest as square pixels, centred, without distortion; and writing a camera that is
otherwise loses what the log then says. Source: Blender's manual, "Nuke Animation (chan)"; Nuke's Axis node.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError, UsageError
from calibration.formats.conventions import (
    camera_matrix,
    from_graphics,
    from_image_centre,
    pose_from_centre,
    to_graphics,
    to_image_centre,
)
from calibration.formats.entry import Format, ReadOptions
from calibration.formats.fields import assumed_unit, file_stem, given_size
from calibration.formats.numbers import number
from calibration.whole_file import write_text

log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Order = Literal["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"]

ROTATION_ORDER = "ZXY"
FIRST_FRAME = 1001

_COLUMNS = ("frame", "tx", "ty", "tz", "rx", "ry", "rz", "vfov")
_NARROWEST = 1e-3
"""Degrees, of a field of view that a lens can have."""
_STILL = 1e-6
"""Scene units and degrees between frames of a camera that stands still."""


def read(path: Path, options: ReadOptions) -> Rig:
    """Read a file, or all .chan files of a folder by their names; a camera is called as its file.

    Args:
        path: the file or folder.
        options: the unit (metres where nothing is said), the image size of each camera, the rotation order.

    Raises:
        InputError: naming the file and what is wrong in it: a size that is not given, a camera that moves.
        UsageError: if the rotation order is none.
    """
    paths = sorted(path.glob("*.chan")) if path.is_dir() else [path]
    if not paths:
        raise InputError("the folder holds no .chan files", where=str(path))
    rotation_order = options.rotation_order or ROTATION_ORDER
    order = _order(rotation_order)
    scale, notes = assumed_unit(options, str(path))
    cameras = tuple(_camera(one, options, scale, order) for one in paths)
    note = (
        "A .chan file holds no lens: square pixels, a centred principal point and no distortion are assumed; "
        f"rotations are read in the order {rotation_order.upper()}."
    )
    return Rig(cameras, path.name, notes=(note, *notes))


def _camera(path: Path, options: ReadOptions, scale: float, order: Order) -> Camera:
    rows = _rows(path)
    moved = np.abs(rows[:, 1:] - rows[0, 1:]).max(axis=1)
    if moved.max() > _STILL:
        frame = rows[np.argmax(moved > _STILL), 0]
        raise InputError(
            f"the camera moves (frame {frame:g} differs from frame {rows[0, 0]:g}); "
            "only cameras that stand still are read",
            where=str(path),
        )
    width, height = given_size(path.stem, options, str(path))
    vfov = rows[0, 7]
    if not _NARROWEST <= vfov < 180:
        raise InputError(f"the vertical field of view is {vfov:g} degrees", where=str(path))
    focal = height / 2 / np.tan(np.radians(vfov) / 2)
    K = camera_matrix(focal, from_image_centre((0, 0), (width, height)))
    turn = Rotation.from_euler(order, _in_order(rows[0, 4:7], order), degrees=True)
    R = from_graphics(turn.as_matrix())
    t = pose_from_centre(R, rows[0, 1:4] * scale)
    return Camera(path.stem, width, height, K, R=R, t=t)


def _rows(path: Path) -> Array:
    """The numbers (F, 8) of a file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"the file cannot be read as text ({error})", where=str(path)) from error
    rows = []
    for index, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{path}: line {index}"
        if len(words) == len(_COLUMNS) - 1:
            raise InputError("no field of view: the file is an object's, not a camera's", where=where)
        if len(words) != len(_COLUMNS):
            raise InputError(f"{len(words)} columns; expected are {' '.join(_COLUMNS)}", where=where)
        rows.append([number(word, label, where) for word, label in zip(words, _COLUMNS, strict=True)])
    if not rows:
        raise InputError("the file holds no frames", where=str(path))
    return np.array(rows)


def _order(rotation_order: str) -> Order:
    """The order for scipy, whose lower case means fixed axes, as in Nuke."""
    if sorted(rotation_order.upper()) != ["X", "Y", "Z"]:
        raise UsageError(
            f"there is no rotation order {rotation_order!r}", fix="Write X, Y and Z once each, such as ZXY"
        )
    return cast(Order, rotation_order.lower())


def _in_order(angles: Array, order: str) -> Array:
    """rx ry rz in the order of the rotations."""
    return np.array([angles["xyz".index(axis)] for axis in order])


def write(rig: Rig, path: Path, rotation_order: str = ROTATION_ORDER) -> None:
    """Write a folder with a file per camera, or one file if `path` is one and the rig has one camera.

    Lengths are metres. What a .chan file cannot hold is told in the log, a warning per camera.

    Raises:
        UsageError: if several cameras are to go into one file, or the rotation order is none.
    """
    order = _order(rotation_order)
    single = path.suffix.lower() == ".chan"
    if single and len(rig) != 1:
        raise UsageError(
            f"one .chan file holds one camera, and the rig has {len(rig)}",
            where=str(path),
            fix="Name a folder instead",
        )
    for camera in rig:
        lost = losses(camera)
        if lost:
            log.warning("Camera %s: the .chan file loses %s", camera.name, ", ".join(lost))
        write_text(path if single else path / f"{file_stem(camera.name)}.chan", _line(camera, order))


def losses(camera: Camera) -> list[str]:
    """What of a camera a .chan file cannot hold, in words."""
    lost = []
    if np.any(camera.distortion) or camera.fisheye:
        lost.append(f"the {camera.lens_model} lens distortion (write an STMap beside it)")
    offset = to_image_centre(camera.principal, camera.size)
    if np.abs(offset).max() > 0.01:
        lost.append(f"the principal point, {offset[0]:.1f} and {offset[1]:.1f} px from the centre")
    ratio = camera.focal[0] / camera.focal[1]
    if abs(ratio - 1) > 1e-6:
        lost.append(f"the horizontal focal length, {ratio:.5f} of the vertical")
    return lost


def _line(camera: Camera, order: Order) -> str:
    turned = Rotation.from_matrix(to_graphics(camera.R)).as_euler(order, degrees=True)
    angles = [turned[order.index(axis)] for axis in "xyz"]
    vfov = 2 * np.degrees(np.arctan(camera.height / 2 / camera.focal[1]))
    return f"{FIRST_FRAME} " + " ".join(f"{value:.12g}" for value in (*camera.centre, *angles, vfov)) + "\n"


RIG_FORMAT = Format(
    "chan",
    "Nuke's .chan, a file per camera: pose and vertical field of view",
    (".chan",),
    folder=True,
    read=read,
    write=write,
    write_as=lambda options: partial(write, rotation_order=options.rotation_order or ROTATION_ORDER),
    recognises=lambda path: not path.is_dir() or any(path.glob("*.chan")),
)
