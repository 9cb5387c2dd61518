"""A board as the lines of a shoot file that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w


def board_table(kind: str, keys: Mapping[str, Any]) -> str:
    """The table ``[calibration.board]`` without its images.

    Args:
        kind: one of :data:`calibration.boards.kinds.KINDS`.
        keys: columns, rows, and what else is said; None counts as not said.
    """
    said = {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in keys.items()
        if value is not None
    }
    return tomli_w.dumps({"calibration": {"source": "board", "board": {"kind": kind, **said}}})
