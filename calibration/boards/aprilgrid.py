"""The AprilGrid of Kalibr: a grid of AprilTags, of which any part will do."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import searchable
from calibration.boards.corners import refined_corners
from calibration.boards.drawing import Drawing, bit_boxes
from calibration.boards.markers import DICTIONARIES, dictionary
from calibration.boards.partial import trusted
from calibration.errors import UsageError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_FAMILY = "APRILTAG_36h11"
_BITS = 6
_BORDER = 2
"""Cells of black around the bits of a tag that Kalibr prints; others print one."""

# OpenCV holds tags upside down against Kalibr and lists a tag's corners clockwise from its own top left;
# Kalibr lists them anticlockwise from the bottom left.
_KALIBR_CORNERS = [1, 0, 3, 2]
# The search puts corners this far inside the tag, in pixels, whatever its size.
_INSIDE_PX = 1.6
# How far to look around a corner, as a share of the distance to the next edge.
_REACH_SHARE = 0.6


@dataclass(frozen=True)
class AprilGrid:
    """A grid of tags of the family 36h11, numbered row by row from the bottom left, as Kalibr prints it.

    The points are the four corners of each tag by the tag's number: bottom left, bottom right, top right,
    top left.

    Attributes:
        tags: (columns, rows).
        side: side of a tag's black outline in metres (Kalibr's tagSize).
        gap: between two tags, as a share of their side (Kalibr's tagSpacing).

    Raises:
        UsageError: if there is no such grid.
    """

    tags: tuple[int, int]
    side: float
    gap: float = 0.3

    turned = None
    mirrored = None

    def __post_init__(self) -> None:
        columns, rows = self.tags
        if min(columns, rows) < 1 or columns * rows < 2 or columns * rows > DICTIONARIES[_FAMILY]:
            raise UsageError(
                f"an AprilGrid of {columns} x {rows} tags cannot be used",
                fix=f"Use 2 to {DICTIONARIES[_FAMILY]} tags",
            )
        if not self.side > 0:
            raise UsageError(f"the tags measure {self.side} m", fix="Give their side in metres")
        if not 0 < self.gap <= 1:
            raise UsageError(
                f"the gap between tags is {self.gap:g} of their side",
                fix="Give it as a share of the tag's side, above 0 and up to 1, such as 0.3",
            )

    @property
    def points(self) -> Array:
        """(N, 3) corners of the tags in metres, z = 0, the middle of the grid at the origin."""
        corners = self._tag_corners()[:, None] + self.side * np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
        flat = corners.reshape(-1, 2) - np.array(self._extent()) / 2
        return np.column_stack((flat, np.zeros(len(flat))))

    def __str__(self) -> str:
        columns, rows = self.tags
        return f"AprilGrid of {columns} x {rows} tags of {self.side * 1000:g} mm, {self.gap:g} of that apart"

    def detect(self, image: Image) -> Array | None:
        """The corners of the tags that were read: (N, 2) pixels, NaN for those of others; None if too few.

        Raises:
            InputError: if the image is not an 8-bit grey image.
        """
        if not searchable(image):
            return None
        pixels = np.full((len(self.points), 2), np.nan)
        for tag, corners in read_tags(image, len(self._tag_corners())).items():
            shortest = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).min()
            reach = _REACH_SHARE * min(self.gap, _BORDER / (_BITS + 2 * _BORDER)) * float(shortest)
            refined = refined_corners(image, corners, reach)
            inside = (refined > reach).all(axis=1) & (refined < np.array(image.shape[::-1]) - 1 - reach).all(
                axis=1
            )
            pixels[4 * tag : 4 * tag + 4][inside] = refined[inside]
        return trusted(self.points, pixels)

    def drawing(self) -> Drawing:
        """What to print, with Kalibr's black squares in the corners of the gaps."""
        width, height = self._extent()
        step, small = self.side * (1 + self.gap), self.side * self.gap
        tags = [
            bit_boxes(tag_cells(tag), small + x, small + y, self.side)
            for tag, (x, y) in enumerate(self._tag_corners())
        ]
        columns, rows = np.meshgrid(np.arange(self.tags[0] + 1), np.arange(self.tags[1] + 1))
        side = np.full(columns.size, small)
        squares = np.stack((columns.ravel() * step, rows.ravel() * step, side, side), axis=-1)
        return Drawing((width + 2 * small, height + 2 * small), np.concatenate((squares, *tags)))

    def _extent(self) -> tuple[float, float]:
        columns, rows = ((count + (count - 1) * self.gap) * self.side for count in self.tags)
        return columns, rows

    def _tag_corners(self) -> Array:
        """Top left corners (T, 2) of the tags by number, from the top left of the first row's outline."""
        columns, rows = self.tags
        step = self.side * (1 + self.gap)
        return np.array([(c * step, r * step) for r in reversed(range(rows)) for c in range(columns)])


def tag_cells(tag: int) -> NDArray[np.bool_]:
    """The cells (10, 10) of a tag as Kalibr prints it, True where black."""
    upright = cv2.aruco.generateImageMarker(dictionary(_FAMILY), tag, _BITS + 2 * _BORDER, borderBits=_BORDER)
    return np.asarray(np.asarray(upright)[::-1, ::-1] == 0)


def read_tags(image: Image, count: int) -> dict[int, Array]:
    """The tags below `count` in a grey image: corners (4, 2) as Kalibr lists them, to a pixel, by number."""
    for border in (_BORDER, 1):
        found = {tag: corners for tag, corners in _read(image, border) if tag < count}
        if found:
            return found
    return {}


def _read(image: Image, border: int) -> list[tuple[int, Array]]:
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = border
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_CONTOUR
    quads, ids, _ = cv2.aruco.ArucoDetector(dictionary(_FAMILY), parameters).detectMarkers(image)
    if ids is None:
        return []
    return [
        (int(tag), _outline(np.asarray(quad, dtype=np.float64).reshape(4, 2)[_KALIBR_CORNERS]))
        for tag, quad in zip(ids.ravel(), quads, strict=True)
    ]


def _outline(corners: Array) -> Array:
    away = corners - corners.mean(axis=0)
    return np.asarray(corners + _INSIDE_PX * away / np.linalg.norm(away, axis=1, keepdims=True))
