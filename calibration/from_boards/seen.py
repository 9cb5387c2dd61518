"""What each camera saw of the board, in images that the others share and in images of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.poses import tells_pose

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Found = Mapping[str, Mapping[int, Array | None]]
"""Corners (N, 2) by camera and frame; None where the board was not found."""


@dataclass(frozen=True)
class Seen:
    """What one camera saw; M images that tell where the board is.

    Attributes:
        name: the camera.
        size: (width, height) in pixels.
        moments: (M,) what other images show the board at the same moment: the frame number, or a number that
            no other image has, for an image of the lens alone.
        frames: (M,) frame numbers.
        of_lens: (M,) whether the image is of the lens alone.
        pixels: (M, N, 2) corners, NaN where one is not seen.
        images: how many images there were, of the poses and of the lens.
        missing: frame numbers of the images of poses in which the board was not found.
        lens_missing: the same of the images of the lens.
        poor: frame numbers of images in which too few corners were seen, how many, and whether they are of
            the lens alone.
    """

    name: str
    size: tuple[int, int]
    moments: Ints
    frames: Ints
    of_lens: NDArray[np.bool_]
    pixels: Array
    images: tuple[int, int]
    missing: tuple[int, ...]
    lens_missing: tuple[int, ...]
    poor: tuple[tuple[int, int, bool], ...]


def what_was_seen(
    found: Found, lens_found: Found, sizes: Mapping[str, tuple[int, int]], points: Array
) -> list[Seen]:
    """What each camera saw, in the order of `found`.

    Args:
        found: in the images that the cameras share.
        lens_found: in images of each lens alone.
        sizes: (width, height) in pixels by camera.
        points: (N, 3) board points.
    """
    alone = min((frame for frames in found.values() for frame in frames), default=0)
    alone = min(alone, 0)
    seen = []
    for name in found:
        mine = [(frame, frame, False, corners) for frame, corners in found[name].items()]
        for frame, corners in lens_found.get(name, {}).items():
            alone -= 1
            mine.append((alone, frame, True, corners))
        seen.append(_seen(name, sizes[name], mine, points))
    return seen


def _seen(
    name: str, size: tuple[int, int], mine: list[tuple[int, int, bool, Array | None]], points: Array
) -> Seen:
    there = [(moment, frame, own, c) for moment, frame, own, c in mine if c is not None]
    good = [one for one in there if tells_pose(one[3], points)]
    poor = [one for one in there if not tells_pose(one[3], points)]
    own = sum(1 for _, _, of_lens, _ in mine if of_lens)
    return Seen(
        name,
        size,
        np.array([moment for moment, _, _, _ in good], dtype=np.int64),
        np.array([frame for _, frame, _, _ in good], dtype=np.int64),
        np.array([of_lens for _, _, of_lens, _ in good], dtype=bool),
        np.array([corners for _, _, _, corners in good]).reshape(-1, len(points), 2),
        (len(mine) - own, own),
        tuple(frame for _, frame, of_lens, corners in mine if corners is None and not of_lens),
        tuple(frame for _, frame, of_lens, corners in mine if corners is None and of_lens),
        tuple((f, int(np.isfinite(c).all(axis=-1).sum()), of_lens) for _, f, of_lens, c in poor),
    )
