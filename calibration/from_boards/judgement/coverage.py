"""How much of a camera's image the corners of the board cover, and what is known of it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.from_boards.adjustment.board_images import LENS_SIZE, Images, State, derivatives

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

CELLS = 9
"""Cells a side into which an image is divided; three make a region."""

REGIONS: tuple[tuple[str, str, str], ...] = (
    ("upper left", "upper middle", "upper right"),
    ("middle left", "centre", "middle right"),
    ("lower left", "lower middle", "lower right"),
)
"""Names of the nine regions of an image, by row and column."""

_PARTS = {
    "borders on all sides": tuple(name for row in REGIONS for name in row if name != "centre"),
    "upper part": REGIONS[0],
    "lower part": REGIONS[2],
    "left side": tuple(row[0] for row in REGIONS),
    "right side": tuple(row[2] for row in REGIONS),
    "four corners": ("upper left", "upper right", "lower left", "lower right"),
}
_REGION_CELLS = CELLS // 3
# A region of which a smaller share of cells holds corners is empty: its outer part is extrapolated.
_EMPTY_SHARE = 0.3


@dataclass(frozen=True)
class Coverage:
    """Corners over the image of one camera.

    Attributes:
        counts: (CELLS, CELLS) corners in each cell, by row and column.
    """

    counts: NDArray[np.int64]

    @property
    def covered(self) -> Bools:
        """(CELLS, CELLS) which cells hold corners."""
        return np.asarray(self.counts > 0)

    @property
    def share(self) -> float:
        """The covered share of the image."""
        return float(self.covered.mean())

    @property
    def regions(self) -> dict[str, float]:
        """The covered share of each region by name."""
        return by_region(self.covered.astype(np.float64))

    @property
    def empty(self) -> tuple[str, ...]:
        """The names of the regions that are hardly covered."""
        return tuple(name for name, share in self.regions.items() if share < _EMPTY_SHARE)


def in_few_words(regions: Sequence[str]) -> tuple[str, ...]:
    """Regions of an image, a whole side or all four corners of it as one."""
    parts, told = [], set[str]()
    for name, members in _PARTS.items():
        if set(members) <= set(regions) and len(set(members) - told) > 1:
            parts.append(name)
            told |= set(members)
    return (*parts, *(region for region in regions if region not in told))


def by_region(values: Array) -> dict[str, float]:
    """The mean over each region of values (CELLS, CELLS)."""
    return {
        name: float(values[_rows(row), _rows(column)].mean())
        for row, names in enumerate(REGIONS)
        for column, name in enumerate(names)
    }


def _rows(index: int) -> slice:
    return slice(index * _REGION_CELLS, (index + 1) * _REGION_CELLS)


def coverage(size: tuple[int, int], corners: Array) -> Coverage:
    """Where corners (K, 2) in pixels lie in an image of (width, height)."""
    width, height = size
    span = ((-0.5, height - 0.5), (-0.5, width - 0.5))
    counts, _, _ = np.histogram2d(corners[:, 1], corners[:, 0], bins=CELLS, range=span)
    return Coverage(counts.astype(np.int64))


def lens_error(camera: Camera, covariance: Array) -> Array:
    """By how many pixels the lens may be wrong across the image, from the uncertainty of its numbers.

    A principal point that is off turns all rays together, as a camera that is turned does: what a turn of the
    camera takes up is no error of the lens.

    Args:
        camera: as it was calibrated.
        covariance: (LENS_SIZE, LENS_SIZE) of its lens.

    Returns:
        (CELLS, CELLS) standard deviation in pixels in the middle of each cell, by row and column.
    """
    steps = (np.arange(CELLS) + 0.5) / CELLS
    x, y = np.meshgrid(steps * camera.width - 0.5, steps * camera.height - 0.5)
    ideal = camera.normalise(np.stack((x.ravel(), y.ravel()), axis=-1))
    rays = np.concatenate((ideal, np.ones((len(ideal), 1))), axis=-1)
    lens = np.array([[*camera.focal, *camera.principal, *camera.distortion]])
    still = (np.eye(3)[None], np.zeros((1, 3)))
    alone = State(lens, np.array([camera.fisheye]), *still, *still)
    image = Images(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros((1, len(rays), 2)))
    by_camera = derivatives(alone, image, rays).by_camera[0].reshape(2 * len(rays), -1)
    by_lens, by_turn = by_camera[:, :LENS_SIZE], by_camera[:, LENS_SIZE : LENS_SIZE + 3]
    shape = by_lens - by_turn @ np.linalg.lstsq(by_turn, by_lens, rcond=None)[0]
    variance = np.einsum("nk,kl,nl->n", shape, covariance, shape).reshape(-1, 2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)).reshape(CELLS, CELLS))
