"""A look at the images of a board: what board is there, and how much of it is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards.advice import advice
from calibration.boards.board import Board
from calibration.errors import InputError
from pipeline.board_footage import spread
from pipeline.drawing.picture_file import write_picture
from pipeline.frames.images import UnreadableImageError
from pipeline.frames.sources import open_source

Grey = NDArray[np.uint8]


def grey_images(path: Path, count: int) -> dict[int, Grey]:
    """Some of the images of a folder, pattern or movie, evenly spread, by frame number.

    Raises:
        InputError: there are none, or none is readable.
    """
    source = open_source(path)
    greys: dict[int, Grey] = {}
    for frame in sorted(spread(source.frames, max(1, count))):
        try:
            greys[frame] = np.asarray(cv2.cvtColor(source.read(frame), cv2.COLOR_RGB2GRAY), np.uint8)
        except UnreadableImageError:
            continue
    if not greys:
        raise InputError("none of the images is readable", where=str(path))
    return greys


def look(images: Mapping[int, Grey], board: Board, pictures: Path | None = None) -> Iterator[str]:
    """How much of the board is found in each image, a line each; last, in how many, and why not in more.

    Args:
        images: grey, by frame number.
        board: what to look for.
        pictures: folder for pictures of what was found.
    """
    total, found = len(board.points), 0
    for frame, image in images.items():
        pixels = board.detect(image)
        seen = 0 if pixels is None else int(np.isfinite(pixels).all(axis=1).sum())
        found += pixels is not None
        yield f"{frame}: {seen} of {total} points" if seen else f"{frame}: not found"
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            write_picture(pictures / f"{frame}.jpg", points_picture(image, pixels))
    yield f"Found in {found} of {len(images)} images"
    if not found:
        yield f"{advice(images, board)}."


def points_picture(image: Grey, pixels: NDArray[np.float64] | None) -> Grey:
    """The image (H, W, 3) with the points (N, 2) on it from blue to red, and a line through them."""
    picture = np.repeat(image[..., None] // 2 + 60, 3, axis=2)
    if pixels is None:
        return picture
    radius = max(2, image.shape[1] // 300)
    last = None
    for index, point in enumerate(pixels):
        if not np.isfinite(point).all():
            last = None
            continue
        share = index / max(1, len(pixels) - 1)
        colour = (round(255 * share), round(255 * (1 - abs(2 * share - 1))), round(255 * (1 - share)))
        here = (round(float(point[0])), round(float(point[1])))
        if last is not None:
            cv2.line(picture, last, here, colour, 1, cv2.LINE_AA)
        cv2.circle(picture, here, radius, colour, -1, cv2.LINE_AA)
        last = here
    return picture
