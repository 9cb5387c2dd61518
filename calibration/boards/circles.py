"""Grids of dark circles, which are found only where all of the grid is seen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import runs_mirrored, searchable
from calibration.boards.drawing import Drawing
from calibration.boards.ellipses import disc_centres
from calibration.boards.partial import trusted
from calibration.errors import UsageError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Ints = NDArray[np.int64]

_SEARCH_SIDE = 1600
_SMALLEST_PX = 3.0
# Among more blobs than this for each circle the search takes too long.
_MOST_BLOBS = 4


@dataclass(frozen=True)
class CircleGrid:
    """A grid of dark circles on white; the points are their centres, row by row.

    Attributes:
        circles: (columns, rows); the columns of an asymmetric grid are the circles in one row.
        spacing: metres between neighbours of a row and of a column; in an asymmetric grid between a row and
            the next, which is half of what lies between neighbours in a row (OpenCV's measure of it).
        diameter: of a circle in metres. The middle of a circle's image is not the image of its middle; the
            difference grows with the circle, and is taken out.
        asymmetric: every second row is shifted by half a step; the rows are odd in number.

    Raises:
        UsageError: if there is no such grid.
    """

    circles: tuple[int, int]
    spacing: float
    diameter: float
    asymmetric: bool = False

    def __post_init__(self) -> None:
        columns, rows = self.circles
        width = 2 * columns if self.asymmetric else columns
        if min(columns, rows) < 3 or width == rows:
            raise UsageError(
                f"a grid of {columns} x {rows} circles cannot be used",
                fix="Use at least 3 circles a side, and sides that differ in length",
            )
        if self.asymmetric and rows % 2 == 0:
            raise UsageError(
                f"an asymmetric grid of {rows} rows looks the same upside down",
                fix="Use an odd number of rows, such as 4 x 11",
            )
        nearest = self.spacing * (np.sqrt(2) if self.asymmetric else 1)
        if not 0 < self.diameter < 0.95 * nearest:
            raise UsageError(
                f"circles of {self.diameter * 1000:g} mm cannot lie {nearest * 1000:.3g} mm apart",
                fix="The diameter is some half of the distance between neighbours",
            )

    @property
    def points(self) -> Array:
        """(N, 3) centres in metres, row by row, z = 0, the middle of the grid at the origin."""
        columns, rows = self.circles
        x, y = np.meshgrid(np.arange(columns, dtype=np.float64), np.arange(rows, dtype=np.float64))
        if self.asymmetric:
            x = 2 * x + y % 2
        flat = np.stack((x.ravel(), y.ravel()), axis=-1)
        middle = (flat.max(axis=0) + flat.min(axis=0)) / 2
        return np.column_stack((flat - middle, np.zeros(len(flat)))) * self.spacing

    @property
    def turned(self) -> Ints | None:
        """The reverse order; none in an asymmetric grid, whose odd number of rows gives it an upper end."""
        return None if self.asymmetric else self._order().ravel()[::-1]

    @property
    def mirrored(self) -> Ints:
        """The rows in reverse."""
        return self._order()[::-1].ravel()

    def _order(self) -> Ints:
        return np.arange(self.circles[0] * self.circles[1], dtype=np.int64).reshape(self.circles[::-1])

    def __str__(self) -> str:
        columns, rows = self.circles
        kind = "asymmetric circles" if self.asymmetric else "circles"
        apart = "rows" if self.asymmetric else "circles"
        return (
            f"{columns} x {rows} {kind} of {self.diameter * 1000:g} mm, "
            f"{apart} {self.spacing * 1000:g} mm apart"
        )

    def detect(self, image: Image) -> Array | None:
        """All centres (N, 2) in pixels, or None if the grid is not there as a whole.

        Raises:
            InputError: if the image is not an 8-bit grey image.
        """
        if not searchable(image):
            return None
        found = self._search(image)
        if found is None:
            return None
        if runs_mirrored(self.points, found):
            found = found[self.mirrored]
        centres = disc_centres(image, self.points[:, :2], found, self.diameter / 2, self._apart())
        return trusted(self.points, centres)

    def _apart(self) -> float:
        """Metres between the middles of nearest neighbours."""
        return float(self.spacing * (np.sqrt(2) if self.asymmetric else 1))

    def _search(self, image: Image) -> Array | None:
        scale = min(1.0, _SEARCH_SIDE / max(image.shape))
        small = image
        if scale < 1:
            small = np.asarray(
                cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        blobs = _blobs(small, self.circles)
        if not len(self.points) <= len(blobs) <= _MOST_BLOBS * len(self.points):
            return None
        layout = cv2.CALIB_CB_ASYMMETRIC_GRID if self.asymmetric else cv2.CALIB_CB_SYMMETRIC_GRID
        for how in (0, cv2.CALIB_CB_CLUSTERING):
            seen, centres = cv2.findCirclesGrid(
                blobs[:, None], self.circles, layout | how, None, cv2.CirclesGridFinderParameters()
            )
            if seen:
                return np.asarray((np.asarray(centres, np.float64).reshape(-1, 2) + 0.5) / scale - 0.5)
        return None

    def drawing(self) -> Drawing:
        """What to print; the drawing reaches half a gap beyond the circles."""
        points = self.points[:, :2]
        margin = self._apart() / 2
        corner = points.min(axis=0) - margin
        size = points.max(axis=0) + margin - corner
        radius = np.full(len(points), self.diameter / 2)
        return Drawing((float(size[0]), float(size[1])), discs=np.column_stack((points - corner, radius)))


def _blobs(image: Image, circles: tuple[int, int]) -> NDArray[np.float32]:
    """The middles (M, 2) of all dark blobs that could be circles of the grid."""
    parameters = cv2.SimpleBlobDetector.Params()
    parameters.minArea = np.pi / 4 * _SMALLEST_PX**2
    parameters.maxArea = image.size / (circles[0] * circles[1])
    parameters.minDistBetweenBlobs = _SMALLEST_PX
    if parameters.maxArea <= parameters.minArea:
        return np.zeros((0, 2), np.float32)
    found = cv2.SimpleBlobDetector.create(parameters).detect(image)
    return np.array([blob.pt for blob in found], np.float32).reshape(-1, 2)
