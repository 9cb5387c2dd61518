"""Faces that a search found in one image: which are the same, and which of them is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError

Choice = Literal["largest", "central", "surest"]
CHOICES: tuple[Choice, ...] = get_args(Choice)

WORDS: Mapping[Choice, str] = MappingProxyType(
    {
        "largest": "the largest near the middle",
        "central": "the nearest to the middle",
        "surest": "the surest",
    }
)
"""How a choice is told."""

SAME = 0.6
"""Two regions that share so much of the smaller one's area show the same head."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face of an image.

    Attributes:
        region: (4,) float32 cx, cy, size in pixels, roll in radians.
        uncertainty: geometric mean of sigma over the head, in half sides of the region.
        drift: how far it is from reproducing its region (:meth:`Prediction.drift`).
    """

    region: NDArray[np.float32]
    uncertainty: float
    drift: float


def overlaps(regions: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """The share (N, M) of the smaller square's area that regions (N, 3 or 4) and (M, 3 or 4) have in common.

    Rolls are neglected.
    """
    a, b = np.asarray(regions, np.float64)[:, None], np.asarray(others, np.float64)[None]
    low = np.maximum(a[..., :2] - a[..., 2:3] / 2, b[..., :2] - b[..., 2:3] / 2)
    high = np.minimum(a[..., :2] + a[..., 2:3] / 2, b[..., :2] + b[..., 2:3] / 2)
    common = np.clip(high - low, 0, None).prod(axis=-1)
    return np.asarray(common / np.minimum(a[..., 2], b[..., 2]) ** 2)


def distinct(
    regions: NDArray[np.floating], uncertainty: NDArray[np.floating], most: int
) -> NDArray[np.int64]:
    """Non-maximum suppression: the surest of the regions (N, 3 or 4) that show different heads.

    Args:
        regions: cx, cy, size in pixels.
        uncertainty: (N,) by which they are ordered.
        most: at most so many.

    Returns:
        indices, the surest first.
    """
    same = overlaps(regions, regions) > SAME
    kept: list[int] = []
    for index in np.argsort(uncertainty, kind="stable"):
        if len(kept) == most:
            break
        if not same[index, kept].any():
            kept.append(int(index))
    return np.array(kept, dtype=np.int64)


def choose(faces: Sequence[Face], shape: tuple[int, ...], choice: Choice) -> Face:
    """The face that is meant.

    Args:
        faces: one or more.
        shape: of the image, height first.
        choice: "largest" weighs size against distance from the middle, so that a face at the middle wins
            over one a little larger at the border; "central" takes the nearest to the middle; "surest" the
            least uncertain.

    Raises:
        UsageError: there is no such choice.
    """
    if choice not in CHOICES:
        raise UsageError(f"There is no choice '{choice}' of a face", fix=f"Known are: {', '.join(CHOICES)}")
    height, width = shape[:2]
    middle, reach = np.array([width - 1, height - 1]) / 2, np.hypot(width, height) / 2

    def merit(face: Face) -> float:
        distance = float(np.linalg.norm(face.region[:2] - middle) / reach)
        if choice == "largest":
            return float(face.region[2]) * (1 - distance)
        return -distance if choice == "central" else -face.uncertainty

    return max(faces, key=merit)


def nearest(faces: Sequence[Face], region: NDArray[np.floating]) -> Face:
    """The face whose middle is nearest to that of a region (cx, cy, ...)."""
    return min(faces, key=lambda face: float(np.linalg.norm(face.region[:2] - region[:2])))
