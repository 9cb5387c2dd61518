"""The checkerboard: its points, and its corners in an image in an order that all cameras agree on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import runs_mirrored, searchable
from calibration.boards.corners import WINDOW_SHARE, refined_corners
from calibration.boards.drawing import Drawing, checker_boxes
from calibration.errors import UsageError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Ints = NDArray[np.int64]

# Boards are searched for in a copy of at most this many pixels a side; corners are refined in full.
_SEARCH_SIDE = 1600
_CLASSIC_FLAGS = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FILTER_QUADS
# How far the two squares beside a corner may differ in length or direction, as a share of a square.
_GRID_TOLERANCE = 0.35
# The share of neighbouring squares that must differ the right way; glare may hide some.
_ALTERNATING = 0.8


@dataclass(frozen=True)
class Checkerboard:
    """A flat checkerboard, which is found only where all of it is seen.

    The points run row by row. Where the sum of the corners is odd, the colours tell the board's two ends
    apart, and the first inner square is dark; where it is even, either end may come first.

    Attributes:
        corners: (columns, rows) of inner corners, which must differ: a board that looks the same when
            turned by 90 degrees has no order of corners.
        square: side of a square in metres.

    Raises:
        UsageError: if there is no such board.
    """

    corners: tuple[int, int]
    square: float

    def __post_init__(self) -> None:
        columns, rows = self.corners
        if min(columns, rows) < 3 or columns == rows:
            raise UsageError(
                f"a board of {columns} x {rows} inner corners cannot be used",
                fix="Use at least 3 inner corners a side, and sides that differ",
            )
        if not self.square > 0:
            raise UsageError(f"the board's squares measure {self.square} m", fix="Give their side in metres")

    @property
    def points(self) -> Array:
        """(N, 3) inner corners in metres, row by row, z = 0, the middle of the board at the origin."""
        columns, rows = self.corners
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        grid = np.stack((x.ravel(), y.ravel(), np.zeros(x.size)), axis=-1).astype(np.float64)
        return np.asarray((grid - grid.mean(axis=0)) * self.square)

    @property
    def turned(self) -> Ints | None:
        """The reverse order where the colours do not tell the two ends apart; see :class:`Board`."""
        return self._order()[::-1, ::-1].ravel() if sum(self.corners) % 2 == 0 else None

    @property
    def mirrored(self) -> Ints:
        """The order on the mirror image: that of the two which keeps the colours, if one does."""
        order = self._order()
        return (order[:, ::-1] if self.corners[0] % 2 == 0 else order[::-1]).ravel()

    def _order(self) -> Ints:
        return np.arange(self.corners[0] * self.corners[1], dtype=np.int64).reshape(self.corners[::-1])

    def __str__(self) -> str:
        return f"{self.corners[0]} x {self.corners[1]} inner corners, {self.square * 1000:g} mm squares"

    def detect(self, image: Image) -> Array | None:
        """All inner corners (N, 2) in pixels, or None if the board is not there as a whole.

        Raises:
            InputError: if the image is not an 8-bit grey image.
        """
        if not searchable(image):
            return None
        scale = min(1.0, _SEARCH_SIDE / max(image.shape))
        found = _search(_shrunk(image, scale), self.corners)
        if found is None:
            return None
        found = (found + 0.5) / scale - 0.5
        corners = refined_corners(image, found, WINDOW_SHARE * self._square_px(found))
        grid = corners.reshape(*self.corners[::-1], 2)
        if not self._on_grid(corners) or not alternates(image, grid) or _goes_on(image, grid):
            return None
        # The search lists the corners from any of the four ends; two of them belong to a mirrored board.
        if runs_mirrored(self.points, corners):
            corners = corners.reshape(*self.corners[::-1], 2)[:, ::-1].reshape(-1, 2)
        return self._first_square_dark(image, corners)

    def drawing(self) -> Drawing:
        """What to print: the first square is dark."""
        columns, rows = self.corners[0] + 1, self.corners[1] + 1
        return Drawing((columns * self.square, rows * self.square), checker_boxes(columns, rows, self.square))

    def _square_px(self, corners: Array) -> float:
        """The shortest side of a square in the image."""
        grid = corners.reshape(*self.corners[::-1], 2)
        return float(min(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1)))

    def _on_grid(self, corners: Array) -> bool:
        """Whether every corner lies about midway between its neighbours, whatever the lens."""
        grid = corners.reshape(*self.corners[::-1], 2)
        return all(_evenness(grid, axis) < _GRID_TOLERANCE for axis in (0, 1))

    def _first_square_dark(self, image: Image, corners: Array) -> Array:
        """The corners from the end whose first inner square is dark; as they are where both ends' are."""
        if self.turned is not None:
            return corners
        squares = _squares(image, corners.reshape(*self.corners[::-1], 2))
        return corners[::-1].copy() if (_signs(squares) * squares).sum() > 0 else corners


def alternates(image: Image, grid: Array) -> bool:
    """Whether the squares between corners (rows, columns, 2) are dark and light in turn."""
    squares = _squares(image, grid)
    signed = _signs(squares) * squares
    # Two neighbours have opposite signs, so that their sum is their contrast.
    contrasts = np.concatenate(((signed[1:] + signed[:-1]).ravel(), (signed[:, 1:] + signed[:, :-1]).ravel()))
    return bool(max((contrasts > 0).mean(), (contrasts < 0).mean()) > _ALTERNATING)


def _goes_on(image: Image, grid: Array) -> bool:
    """Whether the board goes on beyond its outer squares, so that the grid (rows, columns, 2) is a part."""
    contrast = np.abs(np.diff(_squares(image, grid), axis=0)).mean()
    ends = (grid, grid[::-1], grid.swapaxes(0, 1), grid.swapaxes(0, 1)[::-1])
    return any(_alternate_beyond(image, end, contrast) for end in ends)


def _alternate_beyond(image: Image, grid: Array, contrast: float) -> bool:
    """Whether there are dark and light squares in turn two squares above the first row of corners."""
    beyond = grid[0] + 1.5 * (grid[0] - grid[1])
    middles = (beyond[1:] + beyond[:-1]) / 2
    inside = ((middles > 0) & (middles < np.array(image.shape)[::-1] - 1)).all(axis=1)
    x, y = np.clip(np.rint(middles), 0, np.array(image.shape)[::-1] - 1).astype(int).T
    steps = np.diff(cv2.blur(image, (3, 3))[y, x].astype(np.float64)) * (-1.0) ** np.arange(len(middles) - 1)
    steps = steps[inside[1:] & inside[:-1]]
    if len(steps) < 2:
        return False
    return bool(abs(np.median(steps)) > contrast / 2 and max((steps > 0).mean(), (steps < 0).mean()) == 1)


def _squares(image: Image, grid: Array) -> Array:
    """How light the squares between the corners are, (rows - 1, columns - 1)."""
    middles = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    smooth = cv2.blur(image, (3, 3))
    x, y = np.moveaxis(np.clip(np.rint(middles), 0, np.array(image.shape)[::-1] - 1).astype(int), -1, 0)
    return np.asarray(smooth[y, x], dtype=np.float64)


def _signs(squares: Array) -> Array:
    """1 and -1 in turn, 1 first."""
    return np.asarray((-1.0) ** np.add.outer(*(np.arange(side) for side in squares.shape)))


def _evenness(grid: Array, axis: int) -> float:
    """The largest difference of two steps in a row of the grid, as a share of their mean length."""
    steps = np.diff(grid, axis=axis)
    length = np.linalg.norm(steps, axis=-1)
    before, after = np.delete(length, -1, axis=axis), np.delete(length, 0, axis=axis)
    return float((2 * np.linalg.norm(np.diff(steps, axis=axis), axis=-1) / (before + after)).max())


def _shrunk(image: Image, scale: float) -> Image:
    if scale == 1.0:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _search(image: Image, corners: tuple[int, int]) -> Array | None:
    found, seen = cv2.findChessboardCorners(image, corners, flags=_CLASSIC_FLAGS)
    if not found:
        # The sector-based search stands blur and noise better, but needs contrast.
        stretched = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(4, 4)).apply(image)
        found, seen = cv2.findChessboardCornersSB(stretched, corners, flags=cv2.CALIB_CB_NORMALIZE_IMAGE)
    return np.asarray(seen, dtype=np.float64).reshape(-1, 2) if found else None
