"""The checkerboard: its points, and its corners in an image in an order that all cameras agree on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

# Boards are searched for in a copy of at most this many pixels a side; corners are refined in full.
_SEARCH_SIDE = 1600
_CLASSIC_FLAGS = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FILTER_QUADS
# The subpixel window reaches this share of a square, so that it never sees the next corner.
_WINDOW_SHARE = 0.33
# Corners of a true board lie on a perspective grid but for the lens; a share of a square is allowed.
_GRID_TOLERANCE = 0.35


@dataclass(frozen=True)
class Board:
    """A flat checkerboard.

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
        """(N, 3) inner corners in metres, row by row, z = 0, the middle of the board at the origin.

        So a board whose corners are listed backwards is the same board turned by 180 degrees about z.
        """
        columns, rows = self.corners
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        grid = np.stack((x.ravel(), y.ravel(), np.zeros(x.size)), axis=-1).astype(np.float64)
        return np.asarray((grid - grid.mean(axis=0)) * self.square)

    def __str__(self) -> str:
        return f"{self.corners[0]} x {self.corners[1]} inner corners, {self.square * 1000:g} mm squares"


def detect_corners(image: Image, board: Board) -> Array | None:
    """Find the inner corners of the board in an image, to a fraction of a pixel.

    The corners run row by row, with rows to the right of columns as on the board (never mirrored). Where
    the board's colours tell its two ends apart (an odd sum of corners) the first inner square is dark;
    where they do not, either end may come first.

    Args:
        image: (H, W) grey image.
        board: what to look for.

    Returns:
        (N, 2) pixels, or None if the board is not there as a whole.

    Raises:
        InputError: if the image is not an 8-bit grey image.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise InputError(f"the board is looked for in 8-bit grey images, not {image.dtype} {image.shape}")
    scale = min(1.0, _SEARCH_SIDE / max(image.shape))
    found = _search(_shrunk(image, scale), board)
    if found is None:
        return None
    corners = _refine(image, (found + 0.5) / scale - 0.5, board)
    if not _on_grid(corners, board):
        return None
    return _first_square_dark(image, unmirrored(corners, board), board)


def unmirrored(corners: Array, board: Board) -> Array:
    """The corners (N, 2) as on a board seen from its front: columns lie clockwise of rows in the image."""
    grid = corners.reshape(board.corners[1], board.corners[0], 2)
    along, down = _directions(grid)
    mirrored = along[0] * down[1] - along[1] * down[0] < 0
    return (grid[:, ::-1] if mirrored else grid).reshape(-1, 2)


def _shrunk(image: Image, scale: float) -> Image:
    if scale == 1.0:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _search(image: Image, board: Board) -> Array | None:
    found, corners = cv2.findChessboardCorners(image, board.corners, flags=_CLASSIC_FLAGS)
    if not found:
        # The sector-based search stands blur and noise better, but needs contrast.
        stretched = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(4, 4)).apply(image)
        found, corners = cv2.findChessboardCornersSB(
            stretched, board.corners, flags=cv2.CALIB_CB_NORMALIZE_IMAGE
        )
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) if found else None


def _refine(image: Image, corners: Array, board: Board) -> Array:
    grid = corners.reshape(board.corners[1], board.corners[0], 2)
    spacing = min(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1))
    window = int(np.clip(_WINDOW_SHARE * spacing, 2, 25))
    start = np.ascontiguousarray(corners[:, None], dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 60, 1e-4)
    refined = cv2.cornerSubPix(image, start, (window, window), (-1, -1), criteria)
    return np.asarray(refined, dtype=np.float64).reshape(-1, 2)


def _on_grid(corners: Array, board: Board) -> bool:
    """Whether the corners lie near a perspective view of the board."""
    homography, _ = cv2.findHomography(board.points[:, :2], corners)
    if homography is None:
        return False
    mapped = cv2.perspectiveTransform(board.points[None, :, :2], homography)[0]
    grid = corners.reshape(board.corners[1], board.corners[0], 2)
    spacing = min(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1))
    return bool(np.linalg.norm(mapped - corners, axis=-1).max() < _GRID_TOLERANCE * spacing)


def _directions(grid: Array) -> tuple[Array, Array]:
    """Mean steps in the image (2,) along a row and down a column of the (rows, columns, 2) grid."""
    return np.diff(grid, axis=1).mean(axis=(0, 1)), np.diff(grid, axis=0).mean(axis=(0, 1))


def _first_square_dark(image: Image, corners: Array, board: Board) -> Array:
    columns, rows = board.corners
    if (columns + rows) % 2 == 0:
        return corners
    grid = corners.reshape(rows, columns, 2)
    middles = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    smooth = cv2.blur(image, (3, 3))
    shape = np.array(image.shape)[::-1] - 1
    x, y = np.moveaxis(np.clip(np.rint(middles), 0, shape).astype(int), -1, 0)
    signs = (-1.0) ** np.add.outer(np.arange(rows - 1), np.arange(columns - 1))
    return corners[::-1].copy() if (signs * smooth[y, x]).sum() > 0 else corners
