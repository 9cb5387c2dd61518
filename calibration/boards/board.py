"""What the calibration needs to know of a board, whatever its kind."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Ints = NDArray[np.int64]

# The searches of OpenCV fail on fewer pixels a side.
_SMALLEST_SIDE = 40


class Board(Protocol):
    """A flat board with N points that can be found in images.

    Axes of the board, seen from its front with the pattern upright: x to the right, y down, z into the
    board; the origin in the middle of the points.
    """

    @property
    def points(self) -> Array:
        """(N, 3) metres, z = 0."""

    @property
    def turned(self) -> Ints | None:
        """The order (N,) of the points on the board turned by 180 degrees in its plane, if it looks the same.

        Each camera then lists the points in either order, frame by frame, and only the others of the frame
        tell which: ``pixels`` and ``pixels[turned]`` are equally likely. None where every point is told
        from every other, by ids or by the colours of the squares; ``pixels`` is then the only order.
        """

    @property
    def mirrored(self) -> Ints | None:
        """The order (N,) of the points on the board's mirror image, if that looks the same.

        A mirrored image then shows the board as well as any other, so that only the other cameras can tell
        that it is mirrored. None where a mirrored board is not found at all, or is noticed when it is found.
        """

    def detect(self, image: Image) -> Array | None:
        """The points in a grey image (H, W): (N, 2) pixels with NaN rows where one is not seen.

        None if the board is not there, or so little of it that it says nothing of the camera.

        Raises:
            InputError: the image is not an 8-bit grey image.
        """

    def __str__(self) -> str:
        """The board in words, with its sizes: "9 x 6 inner corners, 10 mm squares"."""


def searchable(image: Image) -> bool:
    """Whether an image is large enough for a board to be seen in it.

    Raises:
        InputError: the image is not in 8-bit grey, (H, W).
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise InputError(f"the board is looked for in 8-bit grey images, not {image.dtype} {image.shape}")
    return bool(min(image.shape) >= _SMALLEST_SIDE)


def runs_mirrored(points: Array, pixels: Array) -> bool:
    """Whether the image shows the board's points the other way round, as a mirror does.

    Args:
        points: (N, 3) board points, z = 0.
        pixels: (N, 2), NaN rows where a point is not seen; three that are not in line, or the answer is no.
    """
    seen = np.isfinite(pixels).all(axis=1)
    if seen.sum() < 3:
        return False
    board, image = (values[seen] - values[seen].mean(axis=0) for values in (points[:, :2], pixels))
    return bool(np.linalg.det(board.T @ image) < 0)
