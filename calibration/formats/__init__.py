"""Rigs in and out of files: the registry of formats.

To add a format, write a module with `read(path, options) -> Rig`, `write(rig, path) -> None` (either may be
absent) and a `RIG_FORMAT` that describes it, and list that below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from calibration.camera import Rig
from calibration.errors import InputError, UsageError, VultusError
from calibration.formats import (
    anipose_toml,
    colmap,
    kalibr,
    metashape,
    nuke_chan,
    opencv,
    realitycapture_csv,
    realitycapture_xmp,
    stmap,
    usd_cameras,
    vultus_json,
)
from calibration.formats.entry import EVERY_CAMERA, Format, Reader, ReadOptions, WriteOptions, Writer

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        vultus_json.RIG_FORMAT,
        metashape.RIG_FORMAT,
        opencv.RIG_FORMAT,
        colmap.RIG_FORMAT,
        colmap.TEXT_RIG_FORMAT,
        realitycapture_csv.RIG_FORMAT,
        realitycapture_xmp.RIG_FORMAT,
        kalibr.RIG_FORMAT,
        anipose_toml.RIG_FORMAT,
        nuke_chan.RIG_FORMAT,
        usd_cameras.RIG_FORMAT,
        stmap.RIG_FORMAT,
    )
}
"""The formats by name; where several share a suffix, a new file is written in the first of them."""

__all__ = [
    "EVERY_CAMERA",
    "FORMATS",
    "Format",
    "ReadOptions",
    "WriteOptions",
    "read_rig",
    "recognise",
    "write_rig",
]


def read_rig(
    path: Path | str,
    format: str | None = None,
    *,
    units: str | None = None,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    rotation_order: str | None = None,
) -> Rig:
    """Read the cameras of a rig.

    Args:
        path: a file, or a folder for formats with a file per camera.
        format: a name in :data:`FORMATS`; by default the file's name and its first bytes tell.
        units: "m", "cm" or "mm", for files that do not say their unit of length.
        sizes: (width, height) in pixels by camera name, for formats that do not carry the image size; by "*"
            for all cameras that are not named.
        rotation_order: such as "ZXY", for a file of Euler angles in another order than its format's own.

    Raises:
        UsageError: if the format is unknown or is only written.
        InputError: if the file is missing, is not of the format, or leaves out what a camera needs.
    """
    path = Path(path)
    reader = _reader(format) if format is not None else None
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path))
    reader = reader or _reader(recognise(path).name)
    try:
        return reader(path, ReadOptions(units, dict(sizes or {}), rotation_order))
    except VultusError as error:
        raise _naming(path, error) from error


def write_rig(
    rig: Rig, path: Path | str, format: str | None = None, options: WriteOptions | None = None
) -> Path:
    """Write the cameras of a rig and return the path.

    Args:
        rig: the cameras.
        path: the file, or the folder for formats with a file per camera.
        format: a name in :data:`FORMATS`; by default the suffix tells (none: a folder, "opencv").
        options: for the formats that have some.

    Raises:
        UsageError: if the format is unknown or is only read, or the suffix tells nothing.
        InputError: if the file cannot be written.
    """
    path = Path(path)
    entry = _known(format) if format is not None else _by_suffix(path)
    _writer(entry, options or WriteOptions())(rig, path)
    return path


def recognise(path: Path) -> Format:
    """The format of an existing file or folder, by its name and its first bytes.

    Raises:
        InputError: if it looks like none of the formats that can be read.
    """
    claimed = [format for format in FORMATS.values() if format.read is not None and format.claims(path)]
    if not claimed:
        raise _untold("its name does not tell the format of the cameras", path, _readable())
    alone = len(claimed) == 1 and not path.is_dir()
    for format in claimed:
        if alone or format.recognises is None or format.recognises(path):
            return format
    raise _untold("cannot be read as any format of cameras that has such a name", path, claimed)


def _naming(path: Path, error: VultusError) -> VultusError:
    """The error of a camera or rig that does not know which file it came from, with the file."""
    if str(path) in error.where:
        return error
    place = "" if error.where in ("", path.name) else f": {error.where}"
    return type(error)(error.what, where=f"{path}{place}", fix=error.fix)


def _reader(name: str) -> Reader:
    reader = _known(name).read
    if reader is None:
        raise UsageError(f"{name} is only written, not read", fix=f"Read are: {_list(_readable())}")
    return reader


def _writer(format: Format, options: WriteOptions) -> Writer:
    if format.write is None:
        raise UsageError(f"{format.name} is only read, not written", fix=f"Written are: {_list(_writable())}")
    if options == WriteOptions():
        return format.write
    if format.write_as is None:
        raise UsageError(f"{format.name} is written in one way, without options")
    return format.write_as(options)


def _by_suffix(path: Path) -> Format:
    for format in _writable():
        if format.claims(path):
            return format
    what = f"the suffix {path.suffix!r} does not tell the format of the cameras"
    raise UsageError(what, where=str(path), fix=f"Name one of: {_list(_writable())}")


def _known(name: str) -> Format:
    if name not in FORMATS:
        raise UsageError(f"camera format {name!r} is unknown", fix=f"Known are: {_list(FORMATS.values())}")
    return FORMATS[name]


def _readable() -> list[Format]:
    return [format for format in FORMATS.values() if format.read is not None]


def _writable() -> list[Format]:
    return [format for format in FORMATS.values() if format.write is not None]


def _list(formats: Iterable[Format]) -> str:
    return ", ".join(format.name for format in formats)


def _untold(what: str, path: Path, formats: Iterable[Format]) -> InputError:
    return InputError(what, where=str(path), fix=f"Name its format, one of: {_list(formats)}")
