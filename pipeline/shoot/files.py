"""Where the shoot file of a shoot is, and where a new one goes."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from stat import S_IWGRP, S_IWOTH, S_IWUSR

from calibration.errors import InputError, UsageError
from pipeline.shoot.shoot import FILE_NAME, Shoot, read_shoot


def find_shoot(path: Path, current: Path = Path()) -> Shoot:
    """The shoot of a path: a shoot file, a folder with one, or a folder of images that one elsewhere names.

    Footage often lies where nobody may write. ``vultus init`` then writes to ``./<name of the folder>/`` in
    the current folder, and this finds that file by the folder of the footage.

    Args:
        path: of the shoot.
        current: the user's current folder, where that is not the process's own.

    Raises:
        InputError: there is none, or it makes no sense.
    """
    if path.is_file():
        return read_shoot(path)
    if not path.is_dir():
        raise InputError("There is no such shoot", where=str(path))
    named = current / beside(path)
    for file in (path / FILE_NAME, named / FILE_NAME):
        if file.is_file() and _is_for(file, path):
            return read_shoot(file)
    raise InputError(
        f"There is no {FILE_NAME} in this folder, nor one for it in {named}",
        where=str(path),
        fix=f"Run: vultus init {path}",
    )


def new_shoot_folder(footage: Path, into: Path | None = None) -> Path:
    """The folder for a new shoot file: ``into``, else the footage's own, else one named after it here.

    Raises:
        UsageError: neither of the latter can be written.
    """
    if into is not None:
        return into
    if _writable(footage):
        return footage
    folder = beside(footage)
    parent = folder if folder.exists() else folder.parent
    if folder.resolve() == footage.resolve() or not _writable(parent):
        raise UsageError(
            "Neither this folder nor the current one can be written",
            where=str(footage),
            fix="Say where the shoot file is to go with --into",
        )
    return folder


def beside(footage: Path) -> Path:
    """The folder of the footage's name in the current folder."""
    return Path(footage.resolve().name)


def _writable(folder: Path) -> bool:
    """Whether files may be made in a folder; a folder marked read-only is left alone even by root."""
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & (S_IWUSR | S_IWGRP | S_IWOTH))


def _is_for(file: Path, footage: Path) -> bool:
    """Whether a shoot file is for this footage; what does not parse is left for its reader to complain of."""
    try:
        root = tomllib.loads(file.read_text(encoding="utf-8")).get("shoot", {}).get("root", ".")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return True
    return file.parent == footage or (file.parent / str(root)).resolve() == footage.resolve()
