"""Where the head's texture coordinates lie in the two images that are painted: skin and eyes.

MakeHuman spreads a whole body over one UV square. The skin image is the crop of that square that holds the
head; four small islands that lie elsewhere (the mouth's cavity, the two eye sockets, a strip behind the neck)
are moved into the empty strip below it. The eye image holds both eyeballs. v points up: image row 0 is v = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel

Array = NDArray[np.float64]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """A rectangle of MakeHuman's UV square that fills an image: its corner and its size."""

    corner: Pair
    size: Pair

    def __call__(self, uv: NDArray[np.floating]) -> Array:
        """Coordinates (..., 2) of the square to coordinates of the image, [0, 1] inside it."""
        return np.asarray((np.asarray(uv, np.float64) - self.corner) / self.size)


@dataclass(frozen=True)
class Island:
    """A patch of the UV square and where it moves to.

    Attributes:
        low: its lower corner in MakeHuman's square, which moves to `target`.
        high: its upper corner.
        target: where `low` lies after the move, in units of the same square.
        scale: how it shrinks.
    """

    low: Pair
    high: Pair
    target: Pair
    scale: float

    def contains(self, uv: NDArray[np.floating], slack: float = 1e-4) -> NDArray[np.bool_]:
        """Which coordinates (N, 2) belong to it."""
        inside = (uv >= np.subtract(self.low, slack)) & (uv <= np.add(self.high, slack))
        return np.asarray(inside.all(axis=1))

    def move(self, uv: NDArray[np.floating]) -> Array:
        """Coordinates (N, 2) after the move."""
        return np.asarray((np.asarray(uv, np.float64) - self.low) * self.scale + self.target)


SKIN_CROP = Crop((0.625, 0.09), (0.375, 0.75))
EYE_CROP = Crop((0.7575, 0.9297), (0.0584, 0.0292))
ISLANDS = {
    "head": Island((0.625, 0.09), (1.0, 0.84), (0.625, 0.09), 1.0),
    "mouth": Island((0.757634, 0.011863), (0.923741, 0.136441), (0.629, 0.0915), 0.41),
    "right_socket": Island((0.011809, 0.547391), (0.076823, 0.632859), (0.705, 0.0915), 0.6),
    "left_socket": Island((0.086143, 0.547391), (0.151157, 0.632859), (0.75, 0.0915), 0.6),
    "neck": Island((0.272354, 0.889168), (0.488708, 0.973857), (0.795, 0.0915), 0.6),
}
"""The islands of the skin; no two of them overlap, and none overlaps the others of the head."""

IRIS_HALF_ANGLE = np.deg2rad(20.17543)
"""Seen from the centre of the eyeball."""
IRIS_AXIS = (0.012, -0.066, 0.998)
"""Where the left pupil lies at rest, from the centre of the eyeball; the right one is its mirror image."""


def skin_uv(model: HeadModel) -> Array:
    """Texture coordinates (N, 2) in the skin image of each of the model's `uv`; NaN where it is not skin."""
    result = np.full((len(model.uv), 2), np.nan)
    skin = _corners_of(model, "skin")
    for island in ISLANDS.values():
        index = skin[island.contains(model.uv[skin])]
        result[index] = SKIN_CROP(island.move(model.uv[index]))
    return result


def skin_islands(model: HeadModel) -> NDArray[np.int64]:
    """(N,) the number of the island (1 is the head, in the order of `ISLANDS`) of each `uv`; 0 is no skin."""
    result = np.zeros(len(model.uv), np.int64)
    skin = _corners_of(model, "skin")
    for number, island in enumerate(ISLANDS.values(), start=1):
        result[skin[island.contains(model.uv[skin])]] = number
    return result


def eye_uv(model: HeadModel) -> Array:
    """Texture coordinates (N, 2) in the eye image of each of the model's `uv`; NaN where it is no eyeball."""
    result = np.full((len(model.uv), 2), np.nan)
    for part in ("left_eye", "right_eye"):
        index = _corners_of(model, part)
        result[index] = EYE_CROP(model.uv[index])
    return result


def part_triangles(model: HeadModel, *parts: str) -> NDArray[np.int64]:
    """The numbers of the triangles that belong to these parts."""
    member = np.zeros(len(model.assets.mean), bool)
    for part in parts:
        member[model.parts[part]] = True
    return np.flatnonzero(member[model.triangles].all(axis=1))


def _corners_of(model: HeadModel, part: str) -> NDArray[np.int64]:
    return np.unique(model.triangles_uv[part_triangles(model, part)])
