"""The records of a sparse model of COLMAP, cameras and images, out of and into its text and binary files.

The parser is our own, and not pycolmap's: tried with pycolmap 4.2, a `cameras.bin` that is cut off is read
without a word, with made-up parameters, and other cut files end in `unordered_map::at` or `std::bad_alloc`,
which tells a person nothing. It would also be a heavy dependency for two short files. The tests read what we
write by pycolmap. Layouts: COLMAP's documentation, "Output Format".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from calibration.errors import InputError
from calibration.formats.colmap_models import (
    Lens,
    lens_of,
    model_name,
    model_number,
    parameter_count,
)

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class CameraRecord:
    """A line of `cameras.txt`: what COLMAP calls a camera is a lens, without a place."""

    number: int
    model: str
    width: int
    height: int
    parameters: tuple[float, ...]

    def lens(self, where: str) -> Lens:
        """The lens in the conventions of vultus; an InputError where it has none such."""
        return lens_of(self.model, self.width, self.height, self.parameters, f"{where}: camera {self.number}")


@dataclass(frozen=True)
class ImageRecord:
    """A line of `images.txt`: world to camera, the quaternion scalar first."""

    number: int
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]
    camera: int
    name: str


def read_cameras_text(path: Path) -> list[CameraRecord]:
    """The records of a `cameras.txt`."""
    records = []
    for where, line in _lines(path):
        parts = line.split()
        if len(parts) < 5:
            raise InputError("a camera has at least a number, a model, a size and a parameter", where=where)
        number, width, height = (_number(int, part, where) for part in (parts[0], *parts[2:4]))
        parameters = tuple(_number(float, part, where) for part in parts[4:])
        records.append(CameraRecord(number, parts[1], width, height, parameters))
    return _all_of(path, records)


def read_images_text(path: Path) -> list[ImageRecord]:
    """The records of an `images.txt`, where each image has a second line of its points (it may be empty)."""
    records = []
    lines = _lines(path, with_empty=True)
    for where, line in lines:
        if not line:
            continue
        parts = line.split(maxsplit=9)
        if len(parts) != 10:
            raise InputError(f"an image has 10 fields, not {len(parts)}", where=where)
        pose = tuple(_number(float, part, where) for part in parts[1:8])
        number, camera = (_number(int, part, where) for part in (parts[0], parts[8]))
        records.append(ImageRecord(number, pose[:4], pose[4:], camera, parts[9]))
        next(lines, None)
    return _all_of(path, records)


def _lines(path: Path, *, with_empty: bool = False) -> Iterator[tuple[str, str]]:
    """The lines that are no comments, each with where it stands."""
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.startswith("#") and (with_empty or line.strip()):
            yield f"{path}, line {number}", line.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"the file cannot be read ({error})", where=str(path)) from error


Record = TypeVar("Record", CameraRecord, ImageRecord)


def _all_of(path: Path, records: list[Record]) -> list[Record]:
    """The records, unless the file's own count of them says that it was cut off."""
    said = re.search(r"^# Number of (?:cameras|images): (\d+)", _text(path), re.MULTILINE)
    if said and int(said[1]) != len(records):
        raise InputError(f"the file announces {said[1]} entries and has {len(records)}", where=str(path))
    return records


def _number(kind: Callable[[str], Number], text: str, where: str) -> Number:
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a number of the right kind", where=where) from error


class _Bytes:
    """A binary file, read from its start to its end; an InputError where it is too short."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        try:
            self._data = path.read_bytes()
        except OSError as error:
            raise InputError(f"the file cannot be read ({error})", where=str(path)) from error

    def take(self, layout: str) -> tuple[Any, ...]:
        """The values of a little-endian struct layout."""
        start = self.skip(struct.calcsize("<" + layout))
        return struct.unpack_from("<" + layout, self._data, start)

    def text(self) -> str:
        """A zero-terminated string."""
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise self._cut()
        raw = self._data[self._at : end]
        self._at = end + 1
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("the name of an image is no text", where=str(self._path)) from error

    def skip(self, count: int) -> int:
        """Go over `count` bytes and return where they start."""
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise self._cut()
        return start

    def finish(self) -> None:
        """An InputError if anything is left over."""
        if self._at != len(self._data):
            raise InputError("the file goes on after its last entry", where=str(self._path))

    def _cut(self) -> InputError:
        return InputError("the file ends before its last entry", where=str(self._path), fix="Copy it again")


def read_cameras_binary(path: Path) -> list[CameraRecord]:
    """The records of a `cameras.bin`."""
    data, records = _Bytes(path), []
    for _ in range(data.take("Q")[0]):
        number, model, width, height = data.take("IiQQ")
        name = model_name(model)
        count = parameter_count(name, f"{path}: camera {number}")
        records.append(CameraRecord(number, name, width, height, data.take(f"{count}d")))
    data.finish()
    return records


def read_images_binary(path: Path) -> list[ImageRecord]:
    """The records of an `images.bin`; the points of each image are gone over."""
    data, records = _Bytes(path), []
    for _ in range(data.take("Q")[0]):
        number, *pose, camera = data.take("I7dI")
        name = data.text()
        data.skip(24 * data.take("Q")[0])
        records.append(ImageRecord(number, tuple(pose[:4]), tuple(pose[4:]), camera, name))
    data.finish()
    return records


def cameras_text(records: list[CameraRecord]) -> str:
    """The text of a `cameras.txt`, with all digits of the numbers."""
    lines = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]", f"# Number of cameras: {len(records)}"]
    for one in records:
        parameters = " ".join(repr(value) for value in one.parameters)
        lines.append(f"{one.number} {one.model} {one.width} {one.height} {parameters}")
    return "\n".join(lines) + "\n"


def images_text(records: list[ImageRecord]) -> str:
    """The text of an `images.txt` without points."""
    lines = [
        "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME",
        "# POINTS2D[] as (X, Y, POINT3D_ID)",
        f"# Number of images: {len(records)}, mean observations per image: 0",
    ]
    for one in records:
        pose = " ".join(repr(value) for value in (*one.quaternion, *one.translation))
        lines += [f"{one.number} {pose} {one.camera} {one.name}", ""]
    return "\n".join(lines) + "\n"


def cameras_binary(records: list[CameraRecord]) -> bytes:
    """The bytes of a `cameras.bin`."""
    out = struct.pack("<Q", len(records))
    for one in records:
        out += struct.pack("<IiQQ", one.number, model_number(one.model), one.width, one.height)
        out += struct.pack(f"<{len(one.parameters)}d", *one.parameters)
    return out


def images_binary(records: list[ImageRecord]) -> bytes:
    """The bytes of an `images.bin` without points."""
    out = struct.pack("<Q", len(records))
    for one in records:
        out += struct.pack("<I7dI", one.number, *one.quaternion, *one.translation, one.camera)
        out += one.name.encode("utf-8") + b"\0" + struct.pack("<Q", 0)
    return out
