"""Which calibration holds for a take: rigs that are valid for some takes, or for some hours of a day.

A shoot day has one file of rigs that all of its takes name; a shoot file can also list its rigs itself.
Nothing is guessed: exactly one rig has to be valid for a take, and the moment of a take is what its shoot
file says, never what the file system says of its images.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, ValidationError

from calibration.errors import InputError
from pipeline.shoot.hours import Hours
from pipeline.shoot.section import Section
from pipeline.shoot.settings import CalibrationSettings, CalibrationSource, RigSettings, first_problem

RIGS_FILE_NAME = "rigs.toml"
"""What it is called in the folder of a shoot day; any other name will do where a shoot file names it."""


class RigsFile(Section):
    """A file of rigs, such as ``rigs.toml`` in the folder of a shoot day.

    Attributes:
        root: the folder that paths are relative to; that of the file by default.
        output: the folder of calibrations that takes share, relative to the file.
        rigs: ``[[rigs]]``.
    """

    root: str = "."
    output: str = "calibrations"
    rigs: tuple[RigSettings, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Rigs:
    """The rigs of which a take has one.

    Attributes:
        file: where they are written. root: the folder that their paths are relative to.
        output: the folder of what is calibrated from their boards.
        each: the rigs.
    """

    file: Path
    root: Path
    output: Path
    each: tuple[RigSettings, ...]

    def __post_init__(self) -> None:
        names = [rig.name for rig in self.each]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise InputError(f"Two rigs are called {', '.join(doubled)}", where=str(self.file))
        for rig in self.each:
            self.hours(rig)

    def hours(self, rig: RigSettings) -> Hours:
        """When one of them is valid."""
        return Hours(rig.begin, rig.until, f"{self.file}, rig {rig.name}")

    def describe(self, rig: RigSettings) -> str:
        """One of them and when it is valid, in words."""
        return f"{rig.name} ({', '.join(self._validity(rig)) or 'always'})"

    def _validity(self, rig: RigSettings) -> Iterator[str]:
        if rig.takes:
            yield f"takes {' '.join(rig.takes)}"
        if self.hours(rig):
            yield str(self.hours(rig))


@dataclass(frozen=True)
class Take:
    """What of a shoot tells its rig.

    Attributes:
        name: of the shoot. date: when it was shot, as far as its file says; a day or a moment.
        file: the shoot file.
    """

    name: str
    date: date | None
    file: Path


@dataclass(frozen=True)
class RigChoice:
    """The rigs that are valid for a take: one, or several of one world.

    Attributes:
        rigs: of which they were chosen. valid: the chosen ones.
    """

    rigs: Rigs
    valid: tuple[RigSettings, ...]

    @property
    def name(self) -> str:
        """What the chosen rig is called."""
        return " + ".join(rig.name for rig in self.valid)

    def __str__(self) -> str:
        return f"rig {'; '.join(map(self.rigs.describe, self.valid))}, of {self.rigs.file}"

    @property
    def made(self) -> tuple[RigSettings, ...]:
        """Those that are calibrated from a board, once for all takes."""
        return tuple(rig for rig in self.valid if rig.source == "board")

    def source_of(self, rig: RigSettings) -> CalibrationSource:
        """One of them as a file of cameras, whose path is absolute, or as it is where it has none."""
        if rig.source == "board":
            file = self.folder(rig.name) / "cameras.json"
            return CalibrationSource(source="file", file=str(file), format="vultus")
        given = {name: getattr(rig, name) for name in CalibrationSource.model_fields}
        if rig.source == "file":
            given["file"] = str(self.rigs.root / Path(rig.file).expanduser())
        return CalibrationSource.model_validate(given)

    def folder(self, name: str) -> Path:
        """Where the calibration of a rig lies that takes share."""
        return self.rigs.output.resolve() / name

    @property
    def merged_file(self) -> Path:
        """The cameras of several rigs of one world, in one file."""
        return self.folder(self.name) / "cameras.json"

    def settings(self, own: CalibrationSettings) -> CalibrationSettings:
        """``[calibration]`` as if the take had named its rig itself; what is its own stays."""
        source = self.source_of(self.valid[0])
        if len(self.valid) > 1:
            source = CalibrationSource(source="file", file=str(self.merged_file), format="vultus")
        return CalibrationSettings.model_validate({**source.model_dump(), "distance": own.distance})


def read_rigs(file: Path) -> Rigs:
    """Read and check a file of rigs.

    Raises:
        InputError: it is missing, is not TOML, or has a key or value that makes no sense; it is named.
    """
    try:
        given = RigsFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The file of rigs cannot be read", where=str(file)) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"This is not TOML: {error}", where=str(file)) from error
    except ValidationError as error:
        raise InputError(first_problem(error, RigsFile), where=str(file)) from error
    return Rigs(file, (file.parent / given.root).resolve(), file.parent / given.output, given.rigs)


def choose(rigs: Rigs, take: Take) -> RigChoice:
    """The rig that is valid for a take.

    Raises:
        InputError: none is, or several that do not say that they share a world; or a rig is valid by date,
            and the take does not say when it was shot, or so that it cannot be compared.
    """
    valid = tuple(rig for rig in rigs.each if _matches(rig, take) and _in_its_hours(rigs, rig, take))
    if len(valid) == 1 or _share_a_world(valid):
        return RigChoice(rigs, valid)
    what = f"take {take.name}" + (f", shot {take.date}" if take.date is not None else "")
    if not valid:
        raise InputError(
            f"No rig is valid for {what}; there are: {'; '.join(map(rigs.describe, rigs.each))}",
            where=str(rigs.file),
            fix="Widen the takes or the hours of the one that is right",
        )
    raise InputError(
        f"Several rigs are valid for {what}: {'; '.join(map(rigs.describe, valid))}",
        where=str(rigs.file),
        fix="Narrow takes, from or until so that one is left. Rigs of different cameras that were calibrated "
        'in one world may be valid together: say the same world = "..." in each',
    )


def _matches(rig: RigSettings, take: Take) -> bool:
    return not rig.takes or any(fnmatchcase(take.name, pattern) for pattern in rig.takes)


def _in_its_hours(rigs: Rigs, rig: RigSettings, take: Take) -> bool:
    hours = rigs.hours(rig)
    if not hours:
        return True
    if take.date is None:
        raise InputError(
            f"Rig {rigs.describe(rig)} is valid by date, and the shoot does not say when it was shot",
            where=str(take.file),
            fix="Say so under [shoot]: date = 2026-11-20T10:15:00",
        )
    holds = hours.hold(take.date)
    if holds is None:
        raise InputError(
            f"Rig {rigs.describe(rig)} is valid for a part of {take.date}, and the shoot says the day alone",
            where=str(take.file),
            fix="Say the time too, under [shoot]: date = 2026-11-20T10:15:00",
        )
    return holds


def _share_a_world(valid: tuple[RigSettings, ...]) -> bool:
    """Whether several rigs say so; cameras that are found from the head have a world of their own."""
    worlds = {rig.world for rig in valid}
    return len(worlds) == 1 and "" not in worlds and all(rig.source != "head" for rig in valid)
