"""The sequences of a job: what they are called, and where they lie. Nothing of the footage is touched."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError, UsageError

SHOOT_FILE = "shoot.toml"
LIST = "@"
"""Before the name of a file with paths, one a line."""


@dataclass(frozen=True)
class SequencePath:
    """One shoot of a job.

    Attributes:
        name: unique in the job.
        path: absolute.
    """

    name: str
    path: str


def name_sequences(paths: Iterable[Path | str], current: Path) -> tuple[SequencePath, ...]:
    """Name shoots by their folders: by the last one where that is enough, else with some of those above.

    Args:
        paths: of folders or shoot files; one that is given twice is one. They need not exist.
        current: the folder that relative ones are relative to.
    """
    places = list(dict.fromkeys(_place(path, current) for path in paths))
    lengths = dict.fromkeys(places, 1)
    while True:
        names = {place: "/".join(_parts(place)[-length:]) for place, length in lengths.items()}
        counts = Counter(names.values())
        longer = [p for p in places if counts[names[p]] > 1 and lengths[p] < len(_parts(p))]
        if not longer:
            return tuple(SequencePath(names[place], str(place)) for place in places)
        for place in longer:
            lengths[place] += 1


def read_list(file: Path) -> list[Path]:
    """The paths in a text file, one a line; empty lines and those that begin with # are passed over.

    Raises:
        InputError: it cannot be read.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The list of shoots cannot be read ({error})", where=str(file)) from error
    return [Path(line).expanduser() for line in lines if line and not line.startswith("#")]


def read_arguments(arguments: Iterable[str]) -> list[Path]:
    """Paths of shoots as the command line has them: ``@list.txt`` stands for the paths in a text file.

    Raises:
        InputError: a list cannot be read.
        UsageError: nothing is left.
    """
    paths: list[Path] = []
    for argument in arguments:
        paths += read_list(Path(argument[1:])) if argument.startswith(LIST) else [Path(argument)]
    if not paths:
        raise UsageError("No shoot is named", fix="Name folders of shoots, or a list of them: @shoots.txt")
    return paths


def job_name(arguments: Sequence[str], sequences: Sequence[SequencePath]) -> str:
    """A name for a job that the same command always gets, and others do not.

    One list of shoots lends the job its name; otherwise the folder that the shoots have in common does, with
    some letters that stand for the paths.

    Args:
        arguments: as on the command line.
        sequences: that they name.
    """
    if len(arguments) == 1 and arguments[0].startswith(LIST):
        return Path(arguments[0]).stem
    paths = sorted(each.path for each in sequences)
    common = Path(os.path.commonpath(paths)).name or "job"
    return f"{common}-{hashlib.sha256(chr(10).join(paths).encode()).hexdigest()[:6]}"


def _place(path: Path | str, current: Path) -> Path:
    place = Path(os.path.normpath(current / path))
    return place.parent if place.name == SHOOT_FILE else place


def _parts(place: Path) -> tuple[str, ...]:
    """The folders of a path, without the root; a shoot file of another name goes by its stem."""
    parts = (*place.parts[:-1], place.stem if place.suffix == ".toml" else place.name)
    return tuple(part for part in parts if part.strip("/")) or ("shoot",)
