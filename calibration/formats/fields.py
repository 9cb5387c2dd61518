"""What the readers and writers of rigs share: units, sizes, and files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

from calibration.errors import InputError

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def metres_per_unit(units: object, where: str) -> float:
    """The length of a named unit in metres; an InputError names the known ones."""
    if not isinstance(units, str) or units not in METRES:
        said = "does not say its units" if units is None else f"has units {units!r}, which are unknown"
        raise InputError(f"the file {said}", where=where, fix=f"Set units to one of: {', '.join(METRES)}")
    return METRES[units]


def image_size(width: object, height: object, where: str) -> tuple[int, int]:
    """A camera's image size; it is part of the camera, so that a missing one is an InputError."""
    sides = []
    for label, value in (("width", width), ("height", height)):
        if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value) or value <= 0:
            said = "is missing" if value is None else f"is {value!r}"
            raise InputError(
                f"the image {label} {said}; the size of a camera's images is never guessed",
                where=where,
                fix=f"Give the {label} in pixels",
            )
        sides.append(int(value))
    return sides[0], sides[1]


def replace_text(path: Path, text: str) -> None:
    """Write a text file so that it is whole or absent, whenever the process ends."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
