"""Rigs in and out of files: one registry of readers, one of writers.

To add a format, write a module with `read(path) -> Rig` and `write(rig, path) -> None` and list it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import opencv_yaml, vultus_json

Reader = Callable[[Path], Rig]
Writer = Callable[[Rig, Path], None]

READERS: dict[str, Reader] = {"vultus": vultus_json.read, "opencv": opencv_yaml.read}
WRITERS: dict[str, Writer] = {"vultus": vultus_json.write, "opencv": opencv_yaml.write}

_SUFFIXES = {".json": "vultus", ".yml": "opencv", ".yaml": "opencv"}


def read_rig(path: Path | str, format: str | None = None) -> Rig:
    """Read the cameras of a rig.

    Args:
        path: a file, or a folder for formats with a file per camera.
        format: a name in :data:`READERS`; by default the suffix tells (a folder is "opencv").

    Raises:
        UsageError: if the format is unknown or the suffix tells nothing.
        InputError: if the file is missing, is not of the format, or leaves out what a camera needs.
    """
    path = Path(path)
    reader = READERS[_format_name(path, format, READERS)]
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path))
    return reader(path)


def write_rig(rig: Rig, path: Path | str, format: str | None = None) -> Path:
    """Write the cameras of a rig and return the path.

    Args:
        rig: the cameras.
        path: the file, or the folder for formats with a file per camera.
        format: a name in :data:`WRITERS`; by default the suffix tells (none: a folder, "opencv").

    Raises:
        UsageError: if the format is unknown or the suffix tells nothing.
    """
    path = Path(path)
    writer = WRITERS[_format_name(path, format, WRITERS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer(rig, path)
    return path


def _format_name(path: Path, format: str | None, known: Iterable[str]) -> str:
    if format is None:
        format = "opencv" if path.is_dir() or not path.suffix else _SUFFIXES.get(path.suffix.lower())
    if format is None:
        raise UsageError(
            f"the suffix {path.suffix!r} does not tell the format of the cameras",
            where=str(path),
            fix=f"Name one of: {', '.join(known)}",
        )
    if format not in known:
        raise UsageError(f"camera format {format!r} is unknown", fix=f"Known are: {', '.join(known)}")
    return format
