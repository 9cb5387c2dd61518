"""The ChArUco board: a checkerboard with a marker in each white square, of which any part will do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import searchable
from calibration.boards.corners import WINDOW_SHARE, refined_corners
from calibration.boards.drawing import Drawing, bit_boxes
from calibration.boards.markers import DICTIONARIES, dictionary
from calibration.boards.partial import trusted
from calibration.errors import UsageError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Charuco:
    """A ChArUco board as OpenCV defines it.

    The points are the inner corners of the squares, row by row from the top left.

    Attributes:
        squares: (columns, rows) of squares, as such boards are named; the inner corners are one less a side.
        square: side of a square in metres.
        marker: side of a marker in metres.
        dictionary: of the markers, such as ``5X5_100``.
        legacy: whether the board was made by an OpenCV before 4.6 and has an even number of rows: its top
            left square is then white and holds the first marker.

    Raises:
        UsageError: if there is no such board.
    """

    squares: tuple[int, int]
    square: float
    marker: float
    dictionary: str = "5X5_100"
    legacy: bool = False

    turned = None
    mirrored = None

    def __post_init__(self) -> None:
        columns, rows = self.squares
        if min(columns, rows) < 3:
            raise UsageError(
                f"a ChArUco board of {columns} x {rows} squares cannot be used",
                fix="Use at least 3 squares a side",
            )
        if not 0 < self.marker < self.square:
            raise UsageError(
                f"markers of {self.marker * 1000:g} mm do not fit into squares of {self.square * 1000:g} mm",
                fix="Markers take up some three quarters of their square",
            )
        size = len(dictionary(self.dictionary).bytesList)
        if columns * rows // 2 > size:
            bits = self.dictionary.partition("_")[0]
            larger = [name for name, count in DICTIONARIES.items() if count >= columns * rows // 2]
            same = [name for name in larger if name.startswith(bits)]
            raise UsageError(
                f"the board needs {columns * rows // 2} markers but {self.dictionary} has {size}",
                fix=f"Use one of: {', '.join(same or larger)}",
            )

    @cached_property
    def _board(self) -> cv2.aruco.CharucoBoard:
        board = cv2.aruco.CharucoBoard(self.squares, self.square, self.marker, dictionary(self.dictionary))
        board.setLegacyPattern(self.legacy)
        return board

    @property
    def points(self) -> Array:
        """(N, 3) inner corners in metres, row by row, z = 0, the middle of the board at the origin."""
        corners = np.asarray(self._board.getChessboardCorners(), dtype=np.float64)
        return corners - np.array([*self.squares, 0]) * self.square / 2

    def __str__(self) -> str:
        columns, rows = self.squares
        return (
            f"ChArUco {columns} x {rows} squares of {self.square * 1000:g} mm with {self.dictionary} markers "
            f"of {self.marker * 1000:g} mm{', legacy pattern' if self.legacy else ''}"
        )

    def detect(self, image: Image) -> Array | None:
        """The corners between markers that were read: (N, 2) pixels, NaN where none was; None if too few.

        Raises:
            InputError: if the image is not an 8-bit grey image.
        """
        if not searchable(image):
            return None
        # A detector holds state while it works: one each, for images are looked at in several threads.
        seen, ids, _, _ = cv2.aruco.CharucoDetector(self._board).detectBoard(image)
        if ids is None or len(ids) < 2:
            return None
        corners = np.asarray(seen, dtype=np.float64).reshape(-1, 2)
        pixels = np.full((len(self.points), 2), np.nan)
        pixels[ids.ravel()] = refined_corners(image, corners, self._clear_share() * _nearest(corners))
        return trusted(self.points, pixels)

    def _clear_share(self) -> float:
        """How much of a square is free of markers around a corner."""
        return min(WINDOW_SHARE, (1 - self.marker / self.square) / 2)

    def drawing(self) -> Drawing:
        """What to print."""
        columns, rows = self.squares
        markers = np.array(self._board.getObjPoints(), dtype=np.float64)[:, 0, :2]
        with_marker = {(int(x), int(y)) for x, y in np.floor(markers / self.square)}
        dark = [
            (column * self.square, row * self.square, self.square, self.square)
            for row in range(rows)
            for column in range(columns)
            if (column, row) not in with_marker
        ]
        bits = [
            bit_boxes(self._cells(int(marker)), x, y, self.marker)
            for marker, (x, y) in zip(np.ravel(self._board.getIds()), markers, strict=True)
        ]
        return Drawing((columns * self.square, rows * self.square), np.concatenate([np.array(dark), *bits]))

    def _cells(self, marker: int) -> NDArray[np.bool_]:
        """The cells of a marker with its border, True where black."""
        known = dictionary(self.dictionary)
        side = known.markerSize + 2
        return np.asarray(np.asarray(cv2.aruco.generateImageMarker(known, marker, side)) == 0)


def _nearest(corners: Array) -> float:
    """The smallest distance in pixels between two of the corners."""
    apart = np.linalg.norm(corners[:, None] - corners, axis=-1)
    return float(apart[apart > 0].min())
