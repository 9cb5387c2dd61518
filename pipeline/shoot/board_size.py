"""Finding out how many corners a checkerboard has, where nobody said."""

from __future__ import annotations

from collections.abc import Iterable

import cv2

from pipeline.frames.images import Image

COMMON_SIZES = (
    (9, 6),
    (8, 6),
    (7, 6),
    (10, 7),
    (11, 8),
    (12, 9),
    (9, 7),
    (8, 5),
    (7, 5),
    (6, 5),
    (6, 4),
    (13, 9),
    (14, 10),
)
"""Inner corners (columns, rows) of boards that people print, the most usual first."""

_MAX_WIDTH = 1280


def guess_board_size(images: Iterable[Image]) -> tuple[int, int] | None:
    """The number of inner corners (columns, rows) found in most of a few images; None where none is found.

    Args:
        images: (H, W, 3) sRGB, a handful.
    """
    greys = [_small_grey(image) for image in images]
    enough = max(1, (len(greys) + 1) // 2)
    best, best_count = None, 0
    for size in COMMON_SIZES:
        count = sum(bool(cv2.findChessboardCornersSB(grey, size)[0]) for grey in greys)
        if count > best_count:
            best, best_count = size, count
        if count >= enough:
            break
    return best


def _small_grey(image: Image) -> cv2.typing.MatLike:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _MAX_WIDTH / grey.shape[1])
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
