"""Where cameras stand to each other, from the poses of one head that they see at the same moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.transform import Rotation

from calibration.errors import CalibrationError

Array = NDArray[np.float64]

_ROUNDS = 10
_SURE = np.radians(1.0)
_MIRROR = np.diag([-1.0, 1.0, 1.0])
# A pair of cameras is called mirrored where that makes it agree so many times better, and it did not agree.
_MIRROR_GAIN = 3.0
_DISAGREE = np.radians(6.0)


@dataclass(frozen=True, eq=False)
class Sights:
    """The head in each frame and camera, `x_camera = R x_head + t`; F frames, C cameras.

    Attributes:
        rotation: (F, C, 3, 3). translation: (F, C, 3) metres. known: (F, C) bool.
    """

    rotation: Array
    translation: Array
    known: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Link:
    """How one camera stands to another, `x_second = R x_first + t`.

    Attributes:
        rotation: (3, 3). translation: (3,) metres.
        spread: radians, the median disagreement of the frames with the rotation.
        mirrored_spread: the same, had one of the two cameras mirrored images.
        frames: how many frames both see.
    """

    rotation: Array
    translation: Array
    spread: float
    mirrored_spread: float
    frames: int

    @property
    def doubt(self) -> float:
        """Radians: how far the link may be off."""
        return float((self.spread + _SURE) / np.sqrt(self.frames))

    @property
    def mirrored(self) -> bool:
        """Whether the two cameras agree only if one of them is mirrored."""
        return self.spread > _DISAGREE and self.mirrored_spread * _MIRROR_GAIN < self.spread

    def inverted(self) -> Link:
        """The link of the second camera to the first."""
        back = self.rotation.T
        return Link(back, -back @ self.translation, self.spread, self.mirrored_spread, self.frames)


def link(sights: Sights, first: int, second: int) -> Link | None:
    """The link of two cameras, robustly averaged over the frames that both see; None if there are none."""
    both = np.flatnonzero(sights.known[:, first] & sights.known[:, second])
    if not len(both):
        return None
    a, b = sights.rotation[both, first], sights.rotation[both, second]
    mean, spread = _average(b @ np.swapaxes(a, 1, 2))
    _, mirrored = _average(_MIRROR @ b @ _MIRROR @ np.swapaxes(a, 1, 2))
    shifts = sights.translation[both, second] - sights.translation[both, first] @ mean.T
    return Link(mean, _geometric_median(shifts), spread, mirrored, len(both))


def all_links(sights: Sights) -> dict[tuple[int, int], Link]:
    """The links of all pairs of cameras that share a frame, by (first, second), first < second."""
    count = sights.known.shape[1]
    pairs = ((first, second) for first in range(count) for second in range(first + 1, count))
    found = ((pair, link(sights, *pair)) for pair in pairs)
    return {pair: each for pair, each in found if each is not None}


def chain(links: dict[tuple[int, int], Link], count: int, root: int, names: Sequence[str]) -> list[Link]:
    """The link of the root to each of `count` cameras, along the least doubtful way from camera to camera.

    Raises:
        CalibrationError: naming the cameras that no way leads to.
    """
    doubts = np.full((count, count), np.inf)
    for (first, second), each in links.items():
        doubts[first, second] = doubts[second, first] = each.doubt
    distances, ways = dijkstra(doubts, directed=False, indices=np.array([root]), return_predecessors=True)
    distance, before = distances[0], ways[0]
    lost = [names[index] for index in range(count) if not np.isfinite(distance[index])]
    if lost:
        raise CalibrationError(
            f"no frame shows the head to it and to camera {names[root]} too, directly or through others",
            where=f"Camera {', '.join(lost)}",
            fix="Take frames that both see, give its place in a cameras.json, or leave it out",
        )
    eye = Link(np.eye(3), np.zeros(3), 0.0, 0.0, 1)
    placed = {root: eye}
    for index in np.argsort(distance):
        if index not in placed:
            previous = int(before[index])
            placed[int(index)] = _joined(placed[previous], _directed(links, previous, int(index)))
    return [placed[index] for index in range(count)]


def check_mirrored(links: dict[tuple[int, int], Link], names: Sequence[str]) -> None:
    """Refuse a camera with mirrored images: the head turns left in it where it turns right in the others.

    Raises:
        CalibrationError: naming the camera, or both where there are only two.
    """
    flagged = [pair for pair, each in links.items() if each.mirrored]
    if not flagged:
        return
    share = np.zeros(len(names))
    for index in range(len(names)):
        own = [pair for pair in links if index in pair]
        share[index] = sum(pair in flagged for pair in own) / max(len(own), 1)
    odd = [names[index] for index in range(len(names)) if share[index] > 0.5]
    if odd:
        either = "one of them has" if len(odd) == 2 == len(names) else "it has"
        raise CalibrationError(
            f"the head turns the other way than in the rest: {either} mirrored images",
            where=f"Camera {' and '.join(odd)}",
            fix="Mirror the images back",
        )


def _directed(links: dict[tuple[int, int], Link], first: int, second: int) -> Link:
    return links[first, second] if first < second else links[second, first].inverted()


def _joined(first: Link, second: Link) -> Link:
    rotation = second.rotation @ first.rotation
    return Link(rotation, second.rotation @ first.translation + second.translation, 0.0, 0.0, 1)


def _average(rotations: Array) -> tuple[Array, float]:
    """The mean (3, 3) of rotations (N, 3, 3) by least absolute angles, and their median angle from it."""
    each = Rotation.from_matrix(rotations)
    mean = each.mean()
    for _ in range(_ROUNDS):
        apart = (each * mean.inv()).magnitude()
        mean = each.mean(1 / np.maximum(apart, 1e-4))
    return mean.as_matrix(), float(np.median((each * mean.inv()).magnitude()))


def _geometric_median(points: Array) -> Array:
    """Of points (N, 3), by Weiszfeld's iteration."""
    median = np.median(points, axis=0)
    for _ in range(_ROUNDS):
        weight = 1 / np.maximum(np.linalg.norm(points - median, axis=1), 1e-6)
        median = (weight[:, None] * points).sum(0) / weight.sum()
    return np.asarray(median)
