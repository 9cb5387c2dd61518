"""Finding out what board is in some images, where nobody said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards.checkerboard import alternates
from calibration.boards.corners import refined_corners
from calibration.boards.markers import DICTIONARIES, dictionary

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Cells = NDArray[np.int64]

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
"""Inner corners (columns, rows) of checkerboards that people print, the most usual first."""

_SEARCH_SIDE = 1280
_CHECKERBOARD_SIDE = 960
_TAGS = "APRILTAG_36h11"
# A dictionary has the markers of the smaller ones of as many bits under the same numbers; larger boards than
# these are rare, and a search among more markers is slow.
_FAMILIES = ("5X5_250", "4X4_250", "6X6_250", "7X7_250", _TAGS, "ARUCO_ORIGINAL", "ARUCO_MIP_36h12")
_MIN_MARKERS = 4
# So many markers an image are not read by chance.
_SURE_MARKERS = 10
_REFINED_SHARE = 0.1
# Markers are looked for in each so many-th image: one that shows most of the board is enough.
_EACH = 2
_COLUMNS = range(2, 25)
# Markers lie where the board has them to this share of their distance, but for the lens.
_TOLERANCE = 0.08


@dataclass(frozen=True)
class Recognised:
    """A board but for its size, which images do not tell.

    Attributes:
        kind: one of :data:`calibration.boards.kinds.KINDS`.
        columns: across, of what the kind counts.
        rows: down; there may be more, if no image shows the whole board.
        dictionary: of a ChArUco board; else "".
        legacy: whether a ChArUco board has the pattern of OpenCV before 4.6.
        ratio: of a ChArUco board's marker to its square, of an AprilGrid's gap to its tag; else 0.
    """

    kind: str
    columns: int
    rows: int
    dictionary: str = ""
    legacy: bool = False
    ratio: float = 0.0

    def __str__(self) -> str:
        if self.kind == "charuco":
            markers = f"{self.dictionary} markers{', legacy pattern' if self.legacy else ''}"
            return f"ChArUco board of {self.columns} x {self.rows} squares with {markers}"
        if self.kind == "aprilgrid":
            return f"AprilGrid of {self.columns} x {self.rows} tags"
        return f"checkerboard of {self.columns} x {self.rows} inner corners"


def recognised(images: Sequence[Image]) -> Recognised | None:
    """The checkerboard, ChArUco board or AprilGrid that is in most of a few grey images (H, W), if any."""
    # Markers first: a checkerboard is easily made out in a ChArUco board, but not the other way round.
    with_markers = marker_board(images[::_EACH])
    if with_markers is not None:
        return with_markers
    size = checkerboard_size(images)
    return Recognised("checkerboard", *size) if size is not None else None


def checkerboard_size(images: Sequence[Image]) -> tuple[int, int] | None:
    """The inner corners (columns, rows) of a usual checkerboard that is in most of a few grey images."""
    small = [_shrunk(image, _CHECKERBOARD_SIDE) for image in images]
    enough = max(1, (len(images) + 1) // 2)
    best, best_count = None, 0
    for size in COMMON_SIZES:
        count = sum(_has_checkerboard(image, size) for image in small)
        if count > best_count:
            best, best_count = size, count
        if count >= enough:
            break
    return best


def _has_checkerboard(image: Image, size: tuple[int, int]) -> bool:
    found, corners = cv2.findChessboardCornersSB(image, size)
    return bool(found) and alternates(image, np.asarray(corners, np.float64).reshape(*size[::-1], 2))


@dataclass(frozen=True)
class _Seen:
    """The markers in an image: their numbers (M,), and their corners (M, 4, 2) in pixels."""

    ids: Cells
    corners: Array


def marker_board(images: Sequence[Image]) -> Recognised | None:
    """The ChArUco board or AprilGrid that is in a few grey images (H, W), by its markers."""
    images = [_shrunk(image, _SEARCH_SIDE) for image in images]
    best: tuple[str, list[_Seen]] = ("", [])
    for family, border in _families():
        found = [seen for image in images if (seen := _read(image, family, border)) is not None]
        if sum(len(seen.ids) for seen in found) > sum(len(seen.ids) for seen in best[1]):
            best = (family, found)
        if sum(len(seen.ids) for seen in best[1]) >= _SURE_MARKERS * len(images):
            break
    return _fitted(*best) if best[1] else None


def _families() -> Iterator[tuple[str, int]]:
    """Dictionaries, and how many cells of black their markers have around them."""
    yield _TAGS, 2
    yield from ((family, 1) for family in _FAMILIES)


def _read(image: Image, family: str, border: int) -> _Seen | None:
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = border
    quads, ids, _ = cv2.aruco.ArucoDetector(dictionary(family), parameters).detectMarkers(image)
    if ids is None or len(ids) < _MIN_MARKERS:
        return None
    corners = np.array(quads, np.float64).reshape(-1, 2)
    # Rough corners lie within the markers, which would look too small.
    reach = _REFINED_SHARE * float(np.linalg.norm(corners[1::4] - corners[::4], axis=1).min())
    return _Seen(np.asarray(ids, np.int64).ravel(), refined_corners(image, corners, reach).reshape(-1, 4, 2))


def _fitted(family: str, found: Sequence[_Seen]) -> Recognised | None:
    """The layout of the markers that explains where they are seen."""
    highest = max(int(seen.ids.max()) for seen in found)
    trials = []
    for layout in _LAYOUTS:
        for columns in _COLUMNS:
            fits = [_fit(_cells(layout, columns, seen.ids), seen.corners) for seen in found]
            trials.append((float(np.median([off for off, _ in fits])), layout, columns, fits))
    off, layout, columns, fits = min(trials, key=lambda trial: trial[0])
    if off > _TOLERANCE:
        return None
    rows = int(abs(_cells(layout, columns, np.array([highest]))[0, 1])) + 1
    side = float(np.median([side for _, side in fits]))
    if layout == "grid":
        return (
            Recognised("aprilgrid", columns, rows, ratio=round(1 / side - 1, 2)) if family == _TAGS else None
        )
    nested = family.removesuffix("250")
    known = [name for name, count in DICTIONARIES.items() if name.startswith(nested) and count > highest]
    legacy = layout == "legacy" and rows % 2 == 0
    return Recognised(
        "charuco", columns, rows, min(known, key=DICTIONARIES.__getitem__), legacy, round(side, 2)
    )


_LAYOUTS = ("charuco", "legacy", "grid")


def _cells(layout: str, columns: int, ids: Cells) -> Cells:
    """Column and row (M, 2) of markers by their numbers."""
    if layout == "grid":
        return np.stack((ids % columns, -(ids // columns)), axis=-1)
    # Markers are in the squares whose column and row add up to an odd number (even in the old pattern).
    parity = 1 if layout == "charuco" else 0
    first = (columns + 1 - parity) // 2  # in the first row, and in every second one after it
    pair, within = np.divmod(ids, columns)
    row = 2 * pair + (within >= first)
    place = np.where(within >= first, within - first, within)
    column = 2 * place + (row + parity) % 2
    return np.stack((column, row), axis=-1)


def _fit(cells: Cells, corners: Array) -> tuple[float, float]:
    """How far markers are off from a view of their cells, in cells, and the side of one in cells."""
    centres = corners.mean(axis=1)
    if np.linalg.matrix_rank(cells - cells.mean(axis=0)) < 2:
        return np.inf, 0.0
    to_cells, _ = cv2.findHomography(centres, cells.astype(np.float64))
    if to_cells is None or not np.isfinite(to_cells).all():
        return np.inf, 0.0
    flat = cv2.perspectiveTransform(corners.reshape(1, -1, 2), to_cells).reshape(-1, 4, 2)
    off = np.linalg.norm(flat.mean(axis=1) - cells, axis=-1)
    sides = np.linalg.norm(flat - np.roll(flat, 1, axis=1), axis=-1)
    return float(off.max()), float(np.median(sides))


def _shrunk(image: Image, side: int) -> Image:
    scale = min(1.0, side / max(image.shape))
    if scale == 1.0:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
