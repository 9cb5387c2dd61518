"""The cameras of a performance for other programs, in any of the formats of cameras."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from calibration.camera import Rig
from calibration.errors import UsageError
from calibration.formats import FORMATS, Format, write_rig

OURS = "vultus"


def check_camera_formats(names: Iterable[str]) -> None:
    """Refuse formats that cannot be written.

    Raises:
        UsageError: naming the format and those that there are.
    """
    written = [format.name for format in FORMATS.values() if format.write is not None]
    for name in names:
        if name not in written:
            raise UsageError(
                f"cameras cannot be exported as {name!r}", fix=f"Known are: {', '.join(sorted(written))}"
            )


def export_cameras(names: Iterable[str], rig: Rig, folder: Path) -> list[Path]:
    """Write the cameras in each format and return the files.

    Ours is `cameras.json`; others are `cameras_FORMAT` with the format's suffix, or a folder of that name.

    Raises:
        UsageError: a format cannot be written, or cannot hold these cameras.
        InputError: the folder cannot be written to.
    """
    files: list[Path] = []
    for name in names:
        path = write_rig(rig, folder / _place(FORMATS[name]), name)
        files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return files


def _place(format: Format) -> str:
    """The name of the file or folder of a format."""
    if format.name == OURS:
        return "cameras.json"
    return f"cameras_{format.name}{'' if format.folder else format.suffixes[0]}"
