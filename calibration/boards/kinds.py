"""The kinds of boards by name, and what has to be said of each."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from calibration.boards.aprilgrid import AprilGrid
from calibration.boards.board import Board
from calibration.boards.charuco import Charuco
from calibration.boards.checkerboard import Checkerboard
from calibration.boards.circles import CircleGrid
from calibration.boards.drawing import Drawing
from calibration.errors import UsageError


class PrintableBoard(Board, Protocol):
    """A board that can be printed."""

    def drawing(self) -> Drawing:
        """What is black on it; the middle of the drawing is the origin of the points."""


@dataclass(frozen=True)
class Kind:
    """A kind of board.

    Attributes:
        what: what it is, and what its columns and rows count, in one line.
        needed: the keys that have to be said besides columns and rows.
        optional: the keys that may be said.
        build: the board from all of them; lengths are in millimetres, as their names say.
        example: a board of the kind that does its work and fits A4, as columns, rows and the other keys.
    """

    what: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    build: Callable[..., PrintableBoard]
    example: Mapping[str, Any]


def _checkerboard(columns: int, rows: int, square_mm: float) -> Checkerboard:
    return Checkerboard((columns, rows), square_mm / 1000)


def _charuco(
    columns: int, rows: int, square_mm: float, marker_mm: float, dictionary: str, legacy: bool = False
) -> Charuco:
    return Charuco((columns, rows), square_mm / 1000, marker_mm / 1000, dictionary, legacy)


def _aprilgrid(columns: int, rows: int, tag_mm: float, tag_spacing: float = 0.3) -> AprilGrid:
    return AprilGrid((columns, rows), tag_mm / 1000, tag_spacing)


def _circles(columns: int, rows: int, spacing_mm: float, diameter_mm: float) -> CircleGrid:
    return CircleGrid((columns, rows), spacing_mm / 1000, diameter_mm / 1000)


def _asymmetric(columns: int, rows: int, spacing_mm: float, diameter_mm: float) -> CircleGrid:
    return CircleGrid((columns, rows), spacing_mm / 1000, diameter_mm / 1000, asymmetric=True)


KINDS: dict[str, Kind] = {
    "checkerboard": Kind(
        "columns and rows of inner corners",
        ("square_mm",),
        (),
        _checkerboard,
        {"columns": 9, "rows": 6, "square_mm": 25},
    ),
    "charuco": Kind(
        "columns and rows of squares, with markers in the white ones; any part of it will do",
        ("square_mm", "marker_mm", "dictionary"),
        ("legacy",),
        _charuco,
        {"columns": 8, "rows": 11, "square_mm": 22, "marker_mm": 16, "dictionary": "5X5_100"},
    ),
    "aprilgrid": Kind(
        "columns and rows of 36h11 tags as Kalibr prints them; any part of it will do",
        ("tag_mm",),
        ("tag_spacing",),
        _aprilgrid,
        {"columns": 6, "rows": 6, "tag_mm": 23, "tag_spacing": 0.3},
    ),
    "circles": Kind(
        "columns and rows of dark circles",
        ("spacing_mm", "diameter_mm"),
        (),
        _circles,
        {"columns": 9, "rows": 7, "spacing_mm": 24, "diameter_mm": 14},
    ),
    "asymmetric-circles": Kind(
        "dark circles, every second row shifted; columns count those of one row, "
        "spacing_mm is from row to row",
        ("spacing_mm", "diameter_mm"),
        (),
        _asymmetric,
        {"columns": 4, "rows": 11, "spacing_mm": 20, "diameter_mm": 15},
    ),
}

_SMALLEST_MM, _LARGEST_MM = 0.2, 5000.0


def known_kind(kind: str) -> Kind:
    """A kind by its name.

    Raises:
        UsageError: there is none of that name; the known ones are listed.
    """
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"Did you mean {close[0]}? The kinds are" if close else "The kinds are"
        raise UsageError(f"there is no kind of board {kind!r}", fix=f"{hint}: {', '.join(KINDS)}")
    return KINDS[kind]


def make_board(kind: str, columns: int, rows: int, keys: Mapping[str, Any]) -> PrintableBoard:
    """The board that a person describes.

    Args:
        kind: one of :data:`KINDS`.
        columns: across, of what the kind counts.
        rows: down.
        keys: what else is said; None counts as not said.

    Raises:
        UsageError: the kind is unknown, a key is missing or another kind's, a length is hardly in
            millimetres, or there is no such board.
    """
    known = known_kind(kind)
    said = {key: value for key, value in keys.items() if value is not None}
    for key in said:
        if key not in known.needed + known.optional:
            raise UsageError(
                f"a board of kind {kind!r} has no {key}",
                fix=f"Its keys are columns, rows, {', '.join(known.needed + known.optional)}",
            )
    missing = [key for key in known.needed if key not in said]
    if missing:
        raise UsageError(f"a board of kind {kind!r} needs {' and '.join(missing)}")
    _require_millimetres(said)
    return known.build(columns, rows, **said)


def _require_millimetres(keys: Mapping[str, Any]) -> None:
    """A length in metres or micrometres would pass, and end far from its cause: in lenses that are unsure."""
    for key, value in keys.items():
        if not key.endswith("_mm") or _SMALLEST_MM <= value <= _LARGEST_MM:
            continue
        unit, factor = ("metres", 1000) if value < _SMALLEST_MM else ("micrometres", 0.001)
        meant = f"; if {unit} were meant, {key} = {value * factor:g}" if value > 0 else ""
        raise UsageError(
            f"{key} = {value:g} is no length of a board in millimetres",
            fix=f"Give millimetres, {_SMALLEST_MM:g} to {_LARGEST_MM:g}{meant}",
        )
