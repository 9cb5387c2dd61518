"""Tables of plain text, for a terminal or a report."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+|inf)( ?(%|px|mm|m))?")
_NOTHING = ("", "-", ".", "?", "nan")


def text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells in columns, a line per row; texts are at the left of their columns, numbers at the right.

    Args:
        rows: of equally many cells, the first of them the headings. Cells without a value ("", "-", ".", "?"
            or "nan") leave their column one of numbers.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numbers = [_holds_numbers(column[1:]) for column in columns]
    return [
        "  ".join(
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in rows
    ]


def _holds_numbers(cells: Sequence[str]) -> bool:
    there = [cell for cell in cells if cell not in _NOTHING]
    return bool(there) and all(_NUMBER.fullmatch(cell) for cell in there)
