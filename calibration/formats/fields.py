"""What the readers of rigs share: units, sizes, and the first bytes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calibration.errors import InputError, UsageError
from calibration.formats.entry import EVERY_CAMERA, ReadOptions

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}

_LARGEST_SIDE = 1_000_000
_HEAD_BYTES = 1 << 16


def metres_per_unit(units: object, where: str) -> float:
    """The length of a named unit in metres; an InputError names the known ones."""
    if not isinstance(units, str) or units not in METRES:
        said = "does not say its units" if units is None else f"has units {units!r}, which are unknown"
        raise InputError(f"the file {said}", where=where, fix=f"Set units to one of: {', '.join(METRES)}")
    return METRES[units]


def stated_unit(units: object, options: ReadOptions, where: str) -> float:
    """Metres per unit of a file that should say its units; where it does not, a person has to.

    Raises:
        InputError: nobody says them, they are unknown, or the file and the person differ.
    """
    if units is not None and options.units not in (None, units):
        raise InputError(
            f"the file has units {units!r}, but {options.units!r} were asked for",
            where=where,
            fix="Leave the units to the file",
        )
    return metres_per_unit(options.units if units is None else units, where)


def assumed_unit(options: ReadOptions, where: str) -> tuple[float, tuple[str, ...]]:
    """The unit of a format that has none: the one that a person gives, else metres.

    Returns:
        metres per unit, and the notes for the rig: one that says so where the unit was taken for granted.
    """
    if options.units is not None:
        return metres_per_unit(options.units, where), ()
    note = "The file has no unit of length: its numbers were taken for metres. Give units if they are not."
    return 1.0, (note,)


def image_size(width: object, height: object, where: str) -> tuple[int, int]:
    """A camera's image size; it is part of the camera, so that a missing one is an InputError."""
    sides = []
    for label, value in (("width", width), ("height", height)):
        if not isinstance(value, int | float) or isinstance(value, bool) or not _is_count(value):
            said = "is missing" if value is None else f"is {value!r}"
            raise InputError(
                f"the image {label} {said}; the size of a camera's images is never guessed",
                where=where,
                fix=f"Give the {label} in pixels",
            )
        sides.append(int(value))
    return sides[0], sides[1]


def _is_count(value: float) -> bool:
    return 0 < value <= _LARGEST_SIDE and float(value).is_integer()


def given_size(name: str, options: ReadOptions, where: str) -> tuple[int, int]:
    """The image size of a camera whose format does not carry it, as a person (or the shoot) gives it."""
    size = options.sizes.get(name, options.sizes.get(EVERY_CAMERA))
    if size is None:
        known = f"; sizes were given for {', '.join(sorted(options.sizes))}" if options.sizes else ""
        raise InputError(
            f"the format does not carry the size of the images of camera {name}, and none was given{known}",
            where=where,
            fix=f"Give the width and height of the images of {name} in pixels (--size {name}=1920x1080)",
        )
    return image_size(*size, where)


def cameras_with_sizes(names: Sequence[str], options: ReadOptions) -> tuple[list[str], tuple[str, ...]]:
    """The cameras to read from a file of many, whose image sizes it does not carry.

    Returns:
        the names that a size is given for, and the notes for the rig: one that names those left out. Where no
        size fits any camera all are returned, for :func:`given_size` to say what is missing.
    """
    cameras = list(dict.fromkeys(names))
    known = [name for name in cameras if name in options.sizes]
    if not known or EVERY_CAMERA in options.sizes or len(known) == len(cameras):
        return cameras, ()
    left_out = ", ".join(name for name in cameras if name not in options.sizes)
    return known, (f"Left out, as the size of their images is not known: {left_out}.",)


def head(path: Path) -> str:
    """The beginning of a file as text, for recognising it; empty for a folder or an unreadable file."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def file_stem(camera: str) -> str:
    """A camera's name as that of a file; a UsageError where it cannot be one."""
    if not camera or camera in (".", "..") or any(character in camera for character in "/\\:\0\n"):
        raise UsageError(
            f"the camera's name {camera!r} cannot be the name of a file", fix="Rename the camera"
        )
    return camera
