"""What board is in some images, as far as images tell, in the words of a shoot file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.boards.recognition import recognised

ASSUMED_MM = 10.0
"""What a square, or the side of a tag, is taken to measure: images do not tell."""


@dataclass(frozen=True)
class BoardGuess:
    """A board as it would stand in a shoot file.

    Attributes:
        what: it in words, without its lengths.
        kind: one of :data:`calibration.boards.kinds.KINDS`.
        keys: columns, rows and what else belongs to the kind; lengths assume :data:`ASSUMED_MM`.
        measured: the key of the length to measure on the real board; the other lengths go with it.
    """

    what: str
    kind: str
    keys: dict[str, Any]
    measured: str


def guess_board(images: Sequence[NDArray[np.uint8]]) -> BoardGuess | None:
    """The checkerboard, ChArUco board or AprilGrid in most of a few grey images (H, W), if there is one."""
    there = recognised(images)
    if there is None:
        return None
    keys: dict[str, Any] = {"columns": there.columns, "rows": there.rows}
    measured = "tag_mm" if there.kind == "aprilgrid" else "square_mm"
    keys[measured] = ASSUMED_MM
    if there.kind == "aprilgrid":
        keys["tag_spacing"] = there.ratio
    if there.kind == "charuco":
        keys |= {"marker_mm": round(there.ratio * ASSUMED_MM, 2), "dictionary": there.dictionary}
        keys |= {"legacy": True} if there.legacy else {}
    return BoardGuess(str(there), there.kind, keys, measured)
