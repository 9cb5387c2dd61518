"""What to tell a person whose board was not found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import Board
from calibration.boards.recognition import recognised

Image = NDArray[np.uint8]
View = Callable[[], Image] | NDArray[Any]

_LOOKED_AT = 3


def advice(images: Mapping[int, View], board: Board) -> str:
    """Why the board was found in few or none of a camera's images, as a sentence without its full stop.

    Args:
        images: by frame, grey images, functions that load them, or points found elsewhere.
        board: what was looked for.
    """
    views = list(images.values())
    some = {round(share * (len(views) - 1)) for share in np.linspace(0.2, 0.8, _LOOKED_AT)} if views else ()
    loaded = [view() if callable(view) else view for view in (views[index] for index in sorted(some))]
    greys = [image for image in loaded if image.dtype == np.uint8 and image.ndim == 2]
    usual = f"Check that the board has {board}, or film it again"
    found = sum(board.detect(image) is not None for image in greys)
    if 2 * found >= len(greys):
        return usual
    flipped = [np.ascontiguousarray(image[:, ::-1]) for image in greys]
    if board.mirrored is None and any(board.detect(image) is not None for image in flipped):
        return "The images are mirrored: flip them back, or turn mirroring off in the camera"
    if all(image.std() < 1 for image in greys):
        return "The images are empty: all of their pixels are alike"
    there = recognised(greys)
    if there is None or str(there) == str(board):
        return usual
    return f"Looked for was {board}; the images show another board: {there}"
