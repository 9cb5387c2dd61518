"""Where a board and its caption go on the page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calibration.boards.drawing import Drawing
from calibration.boards.kinds import PrintableBoard
from calibration.errors import UsageError

PAGES = {
    "a4": (0.210, 0.297),
    "a3": (0.297, 0.420),
    "a2": (0.420, 0.594),
    "a1": (0.594, 0.841),
    "letter": (0.2159, 0.2794),
    "tabloid": (0.2794, 0.4318),
}
"""Width and height in metres of the pages that have names."""

MARGIN = 0.010
"""Metres of white that printers and the search for the board want around it."""

_TEXT = 0.0034
_LINE = 0.0045
_GAP = 0.004
_RULERS = (0.2, 0.1, 0.05, 0.02, 0.01)
# Width of an average letter, as a share of the size of the type.
_LETTER = 0.53


@dataclass(frozen=True)
class Ruler:
    """A line to check a print with: its left end (x, y) and its length in metres."""

    x: float
    y: float
    length: float


@dataclass(frozen=True)
class Sheet:
    """A page; all in metres from its top left corner, y down.

    Attributes:
        page: width and height.
        drawing: what is black on the board.
        corner: the drawing's top left.
        lines: the caption, each with its (x, y) at the left of its base line.
        text: size of the type.
        ruler: under the caption.
    """

    page: tuple[float, float]
    drawing: Drawing
    corner: tuple[float, float]
    lines: tuple[tuple[float, float, str], ...]
    text: float
    ruler: Ruler


def page_size(name: str) -> tuple[float, float]:
    """Width and height in metres of a page by its name, or of one given in millimetres as ``300x400``.

    Raises:
        UsageError: the page is unknown.
    """
    if name.lower() in PAGES:
        return PAGES[name.lower()]
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[xX*]\s*(\d+(?:\.\d+)?)\s*(?:mm)?\s*", name)
    if match is None or not min(float(match[1]), float(match[2])) > 0:
        raise UsageError(
            f"there is no page {name!r}",
            fix=f"Use one of: {', '.join(PAGES)}, or millimetres such as 300x400",
        )
    return float(match[1]) / 1000, float(match[2]) / 1000


def lay_out(board: PrintableBoard, page: tuple[float, float] | None, margin: float = MARGIN) -> Sheet:
    """A board in its true size on a page, which is turned if only so the board fits.

    Args:
        board: to print.
        page: width and height in metres; as large as the board needs where None.
        margin: metres of white around the board.

    Raises:
        UsageError: the board does not fit the page, or the margin is negative.
    """
    if not margin >= 0:
        raise UsageError(f"the margin measures {margin * 1000:g} mm", fix="Give 0 or more")
    drawing = board.drawing()
    width, height = drawing.size
    needed = (width + 2 * margin, height + margin + max(margin, _caption_height()))
    if page is None:
        page = needed
    elif not _fits(needed, page) and not _fits(needed, page[::-1]):
        raise UsageError(
            f"the board measures {_mm(drawing.size)} and with its margin and caption needs {_mm(needed)}; "
            f"the page has {_mm(page)}",
            fix="Use a larger page, such as --page a3, or a smaller board; a board is never scaled to fit",
        )
    elif not _fits(needed, page):
        page = page[::-1]
    corner = ((page[0] - width) / 2, margin)
    length = next((length for length in _RULERS if length <= page[0] - 2 * margin), _RULERS[-1])
    caption = (
        f"{board}; {_mm(drawing.size)} over all.",
        f"Print at 100 percent, not fitted to the page; this line is {length * 1000:g} mm long:",
    )
    base = margin + height + _GAP
    lines = tuple((margin, base + (index + 1) * _LINE, text) for index, text in enumerate(caption))
    text = min(_TEXT, (page[0] - 2 * margin) / (_LETTER * max(map(len, caption))))
    return Sheet(page, drawing, corner, lines, text, Ruler(margin, base + 3 * _LINE, length))


def _caption_height() -> float:
    return _GAP + 3 * _LINE + 0.006


def _fits(needed: tuple[float, float], page: tuple[float, float]) -> bool:
    return all(need <= have + 1e-6 for need, have in zip(needed, page, strict=True))


def _mm(size: tuple[float, float]) -> str:
    return f"{size[0] * 1000:.4g} x {size[1] * 1000:.4g} mm"
