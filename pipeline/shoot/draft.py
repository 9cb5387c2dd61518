"""Writing a first shoot file by looking at the footage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from pipeline.frames.images import UnreadableImageError
from pipeline.frames.movies import Movie
from pipeline.frames.ranges import format_frames
from pipeline.frames.sources import FrameSource, open_source
from pipeline.shoot.board_guess import ASSUMED_MM, BoardGuess, guess_board
from pipeline.shoot.discovery import Discovery, discover
from pipeline.shoot.files import new_shoot_folder
from pipeline.shoot.rigs import RIGS_FILE_NAME
from pipeline.shoot.shoot import FILE_NAME
from pipeline.shoot.template import Draft, shoot_text, uses_board

Grey = NDArray[np.uint8]

_BOARD_IMAGES_PER_CAMERA = 2
_DEFAULT_FPS = 24.0


@dataclass(frozen=True)
class NewShoot:
    """What was written.

    Attributes:
        file: the shoot file.
        found: what was found, a sentence each.
        checks: what a person has to check, a sentence each.
    """

    file: Path
    found: tuple[str, ...]
    checks: tuple[str, ...]


def write_shoot_file(footage: Path, *, into: Path | None = None, force: bool = False) -> NewShoot:
    """Look at a folder of footage and write a shoot file to review.

    Args:
        footage: the folder of the shoot.
        into: the folder for the file; by default the footage's own, or one of its name in the current folder
            where the footage cannot be written.
        force: replace an existing file.

    Raises:
        InputError: there are no cameras in the folder.
        UsageError: the file exists, or cannot be written anywhere.
    """
    found = discover(footage)
    folder = new_shoot_folder(footage, into)
    file = folder / FILE_NAME
    if file.exists() and not force:
        raise UsageError("The shoot file exists already", where=str(file), fix="Use --force to replace it")
    sources = {name: open_source(footage / path) for name, path in found.cameras.items()}
    rates = [source.fps for source in sources.values() if isinstance(source, Movie) and source.fps > 0]
    draft = Draft(
        name=footage.resolve().name,
        root="." if folder.resolve() == footage.resolve() else str(footage.resolve()),
        frames=format_frames(sorted(set[int]().union(*(source.frames for source in sources.values())))),
        movies=any(isinstance(source, Movie) for source in sources.values()),
        fps=rates[0] if rates else _DEFAULT_FPS,
        found=found,
        board=_board(footage, found.boards) if uses_board(found) else None,
        rigs=_rigs_of_the_day(footage, found),
    )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(shoot_text(draft), encoding="utf-8")
    return NewShoot(file, tuple(_describe(draft, sources)), tuple(_checks(draft, sources)))


def _rigs_of_the_day(footage: Path, found: Discovery) -> str:
    """The file of rigs beside the folder of a take, for a take that has no calibration of its own."""
    there = (footage.resolve().parent / RIGS_FILE_NAME).is_file()
    return f"../{RIGS_FILE_NAME}" if there and found.rig is None and not found.boards else ""


def _board(footage: Path, boards: dict[str, str]) -> BoardGuess | None:
    images: list[Grey] = []
    for path in boards.values():
        source = open_source(footage / path)
        step = max(1, len(source.frames) // _BOARD_IMAGES_PER_CAMERA)
        images += islice(_readable(source, source.frames[::step]), _BOARD_IMAGES_PER_CAMERA)
    return guess_board(images)


def _readable(source: FrameSource, frames: tuple[int, ...]) -> Iterator[Grey]:
    for frame in frames:
        try:
            yield np.asarray(cv2.cvtColor(source.read(frame), cv2.COLOR_RGB2GRAY), np.uint8)
        except UnreadableImageError:
            continue


def _describe(draft: Draft, sources: dict[str, FrameSource]) -> Iterator[str]:
    for name, source in sources.items():
        width, height = source.size
        frames = format_frames(source.frames)
        yield f"camera {name}: {draft.found.cameras[name]}, frames {frames}, {width} x {height}"
    if uses_board(draft.found):
        what = draft.board.what if draft.board else "checkerboard of an unknown number of inner corners"
        yield f"calibration: {what}, for {', '.join(draft.found.boards)}"
        if draft.found.lenses:
            yield f"calibration: further images for the lenses of {', '.join(draft.found.lenses)}"
    elif draft.rigs or draft.found.rig:
        yield f"calibration: {draft.rigs or draft.found.rig}"


def _checks(draft: Draft, sources: dict[str, FrameSource]) -> Iterator[str]:
    if uses_board(draft.found):
        measured = draft.board.measured if draft.board else "square_mm"
        yield (
            f"{measured} = {ASSUMED_MM:g} is assumed: images do not tell the size of the board, "
            "and every length in the results scales with it"
        )
        if draft.board is None:
            yield "kind, columns and rows: the board was not recognised; see vultus board detect --help"
        for name in sorted(set(sources) - set(draft.found.boards)):
            yield f"camera {name} has no images of the board"
    elif draft.rigs:
        yield f"{draft.rigs}: one of its rigs has to be valid for {draft.name}"
    elif draft.found.rig is None:
        yield (
            "calibration: neither a cameras.json nor images of a board were found, so the cameras are "
            "found from the head, and every length in the results is that of an average head"
        )
    origin = "what the movie says" if draft.movies else "assumed: images do not tell it"
    yield f"fps = {draft.fps:g} is {origin}"
    if len({source.frames for source in sources.values()}) > 1:
        yield "the cameras have different frames: those that only one camera has are left out of the fit"
