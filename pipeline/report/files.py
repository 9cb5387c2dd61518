"""The files that the page links to, as addresses relative to the folder of the results."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipeline.board_report import REPORT, RIG_PICTURE, camera_picture
from pipeline.shoot.shoot import Shoot

_FEW = 3
_SUFFIXES = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Link:
    """A file or folder: what it is called, its address, and what is to be said of it."""

    name: str
    address: str
    note: str = ""


@dataclass(frozen=True)
class Pictures:
    """What there is to look at.

    Attributes:
        sheet: the contact sheet; None where no overlays were drawn.
        movies: one for each camera.
        rig: the page of a calibration; None where there is none.
        report: its text.
        cameras: a page for each calibrated camera, by name.
    """

    sheet: Link | None
    movies: tuple[Link, ...]
    rig: Link | None
    report: Link | None
    cameras: dict[str, Link]


def find_pictures(shoot: Shoot) -> Pictures:
    """The overlays, and the pictures of the calibration, the shoot's own or the one that takes share."""
    folders = [shoot.calibration_folder]
    if shoot.rig_choice is not None:
        own = shoot.calibration_folder.name
        folders += [shoot.rig_choice.folder(rig.name) / own for rig in shoot.rig_choice.made]
    folder = next((each for each in folders if (each / REPORT).is_file()), folders[0])
    movies = (_link(shoot, shoot.overlay_folder / f"{name}.mp4", name) for name in shoot.camera_names)
    pages = {name: _link(shoot, folder / camera_picture(name), name) for name in shoot.camera_names}
    return Pictures(
        sheet=_link(shoot, shoot.overlay_folder / "sheet.jpg", "contact sheet"),
        movies=tuple(movie for movie in movies if movie is not None),
        rig=_link(shoot, folder / RIG_PICTURE, "calibration"),
        report=_link(shoot, folder / REPORT, "report"),
        cameras={name: page for name, page in pages.items() if page is not None},
    )


def find_exports(shoot: Shoot) -> list[Link]:
    """The files of each format; of many in a folder, the folder."""
    links = []
    for entry in sorted(shoot.export_folder.glob("*")):
        files = sorted(each for each in entry.rglob("*") if each.is_file()) if entry.is_dir() else [entry]
        if len(files) <= _FEW:
            links += [_with_size(shoot, file, [file]) for file in files]
        else:
            links.append(_with_size(shoot, entry, files))
    return links


def listing(shoot: Shoot) -> list[tuple[str, int]]:
    """Name and size of each file that the page speaks of, to notice what has changed since."""
    folders = (shoot.overlay_folder, shoot.export_folder, shoot.calibration_folder)
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
    return [(file.relative_to(shoot.output).as_posix(), file.stat().st_size) for file in files]


def size_words(count: int) -> str:
    """A number of bytes as a person reads it."""
    value, place = float(count), 0
    while value >= 1000 and place + 1 < len(_SUFFIXES):
        value, place = value / 1000, place + 1
    return (
        f"{value:.0f} {_SUFFIXES[place]}" if place == 0 or value >= 10 else f"{value:.1f} {_SUFFIXES[place]}"
    )


def _with_size(shoot: Shoot, path: Path, files: list[Path]) -> Link:
    note = size_words(sum(file.stat().st_size for file in files))
    if path not in files:
        note = f"{len(files)} files, {note}"
    return Link(path.relative_to(shoot.export_folder).as_posix(), _address(shoot, path), note)


def _link(shoot: Shoot, path: Path, name: str) -> Link | None:
    return Link(name, _address(shoot, path)) if path.is_file() else None


def _address(shoot: Shoot, path: Path) -> str:
    return quote(Path(os.path.relpath(path, shoot.output)).as_posix())
