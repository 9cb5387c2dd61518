"""What the registry knows of a format of camera files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from calibration.camera import Rig


@dataclass(frozen=True)
class ReadOptions:
    """What a person says about a file because the file does not say it.

    Attributes:
        units: "m", "cm" or "mm", the unit of its lengths; None where nothing is said.
        sizes: (width, height) in pixels of the images, by camera name; by :data:`EVERY_CAMERA` for all that
            are not named.
        rotation_order: which axis the rotations go around first, second and third, such as "ZXY" (.chan);
            None for the format's own.
    """

    units: str | None = None
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rotation_order: str | None = None


@dataclass(frozen=True)
class WriteOptions:
    """What a person asks of a file, of the formats that have such options.

    Attributes:
        rotation_order: as of :class:`ReadOptions`.
        overscan: how much larger the undistorted image is on each side, as a part of it (STMaps).
    """

    rotation_order: str | None = None
    overscan: float = 0.0


EVERY_CAMERA = "*"
NOTHING_SAID = ReadOptions()

Reader = Callable[[Path, ReadOptions], Rig]
Writer = Callable[[Rig, Path], None]


@dataclass(frozen=True)
class Format:
    """One format of camera files.

    Attributes:
        name: what a person calls it in `read_rig(path, name)`.
        summary: what it is, in one line.
        suffixes: of its files, in lower case with the dot; the format that is listed first is the one that a
            new file of that suffix is written in.
        folder: whether a rig can also be a folder of files.
        read: the reader, None where the format is only written.
        write: the writer, None where the format is only read.
        recognises: whether an existing file (or folder) of the right suffix looks like the format, from its
            first bytes and names alone; it never raises. None: by its suffix alone.
        write_as: the writer under options, for formats that have any; `write` is the one under none.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...] = ()
    folder: bool = False
    read: Reader | None = None
    write: Writer | None = None
    recognises: Callable[[Path], bool] | None = None
    write_as: Callable[[WriteOptions], Writer] | None = None

    def claims(self, path: Path) -> bool:
        """Whether the name of a file, existing or not, is one that the format uses."""
        if path.is_dir() or not path.suffix:
            return self.folder
        return path.suffix.lower() in self.suffixes
