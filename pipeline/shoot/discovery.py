"""Looking at the folders of a shoot to find out what they are.

A folder of numbered images, one sequence of several in a folder, or a movie is one *take of one camera*. What
its path is called tells the rest: words such as *board* or *calibration* make it images of a board,
words such as *images* say nothing, and what is left names the camera. So ``images/left`` and ``left/frames``
are both the camera ``left``, and ``board/left`` or ``left_board`` its board.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from calibration.errors import InputError
from pipeline.frames.movies import MOVIE_SUFFIXES
from pipeline.frames.sources import image_sequences

BOARD_WORDS = re.compile(
    r"[._ -]*(checker\w*|chess\w*|charuco|april\w*|circle\w*|calibration|calib|intrinsics?|board)[._ -]*",
    re.I,
)
LENS_WORDS = re.compile(r"[._ -]*intrinsics?[._ -]*", re.I)
PLAIN_WORDS = frozenset(
    {"images", "image", "frames", "footage", "shot", "shoot", "capture", "movies", "video"}
)
IGNORED = frozenset({"truth", "results", "export", "overlay"})
MAX_DEPTH = 4


@dataclass(frozen=True)
class Discovery:
    """What a folder holds.

    Attributes:
        cameras: images of each camera, as paths relative to the folder.
        boards: images of a board of each camera, likewise.
        lenses: further images of a board, for the lens of a camera alone.
        rig: a file of cameras, likewise; None where there is none.
    """

    cameras: dict[str, str]
    boards: dict[str, str]
    rig: str | None
    lenses: dict[str, str] = field(default_factory=dict)


def discover(folder: Path) -> Discovery:
    """Find the cameras, board images and known cameras of a shoot.

    Raises:
        InputError: there are no images, or two folders seem to be the same camera.
    """
    if not folder.is_dir():
        raise InputError("There is no such folder", where=str(folder))
    cameras: dict[str, str] = {}
    boards: dict[str, str] = {}
    lenses: dict[str, str] = {}
    for take in _takes(folder):
        target = lenses if LENS_WORDS.search(take) else boards if BOARD_WORDS.search(take) else cameras
        name = _camera_name(take)
        if name in target:
            raise InputError(
                f"{target[name]} and {take} both look like camera '{name}'",
                where=str(folder),
                fix="Point vultus at the folder of one take, or write shoot.toml by hand",
            )
        target[name] = take
    if not cameras:
        raise InputError(
            "There are no cameras: no folder of numbered images and no movie",
            where=str(folder),
            fix="Keep the images of each camera in a folder of its own, such as images/left/left.1001.jpg",
        )
    # Images of a lens alone place cameras too, where there are no others.
    lenses = {name: lenses[name] for name in cameras if name in lenses}
    boards = {name: boards[name] for name in cameras if name in boards} or lenses
    lenses = {name: path for name, path in lenses.items() if name in boards and boards[name] != path}
    return Discovery(cameras, boards, _rig_file(folder, measure_only=bool(boards)), lenses)


def _takes(folder: Path) -> Iterator[str]:
    """Relative paths of image folders, of patterns where a folder holds several sequences, and of movies."""
    for current, folders, files in os.walk(folder):
        here = Path(current)
        depth = len(here.relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f.lower() not in IGNORED)
        if depth >= MAX_DEPTH:
            folders.clear()
        relative = here.relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        sequences = [s for s in image_sequences(here) if len(s) > 1] if files else []
        if len(sequences) == 1 and prefix:
            yield relative
        else:
            yield from (f"{prefix}{s.basename()}{'#' * s.zfill()}{s.extension()}" for s in sequences)
        yield from (prefix + f for f in sorted(files) if Path(f).suffix.lower() in MOVIE_SUFFIXES)


def _camera_name(take: str) -> str:
    """The words of a path that name the camera."""
    parts = take.split("/")
    if Path(parts[-1]).suffix:  # a movie or a pattern
        parts[-1] = re.sub(r"[._ -]*#+$", "", Path(parts[-1]).stem)
    words = [BOARD_WORDS.sub("", part) for part in parts if part.lower() not in PLAIN_WORDS]
    return "_".join(word for word in words if word) or "camera"


def _rig_file(folder: Path, *, measure_only: bool) -> str | None:
    """The file of known cameras; where a board can be used, true cameras are left for measuring."""
    candidates = [folder / "cameras.json", *sorted(folder.glob("*/cameras.json"))]
    unwanted = ("results", "truth") if measure_only else ("results",)
    given = (path for path in candidates if path.is_file() and path.parent.name not in unwanted)
    return next((path.relative_to(folder).as_posix() for path in given), None)
