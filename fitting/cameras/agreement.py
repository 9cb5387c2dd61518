"""Do the cameras agree about the head that they see, and if not, what would make them agree?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.camera import Rig
from calibration.triangulation import triangulate
from fitting.alignment import align, align_robustly

Array = NDArray[np.float64]

RESIDUAL = 0.12
"""Of the face's radius in an image: what a camera's landmarks may be off from where the others see them."""
MISFIT = 0.25
"""Of the head's radius: what the triangulated landmarks may be off from the mean head, once aligned."""
LOST = 0.3
"""Share of the landmarks whose rays may meet behind a camera."""

_DOWNWEIGHT = 0.05
_ROUNDS = 3
_NEIGHBOURS = 3
_SAME_PLACE = 1e-3


@dataclass(frozen=True, eq=False)
class Sample:
    """A few frames and landmarks, as the cameras of a rig saw them; F frames, C cameras, L landmarks.

    Attributes:
        pixels: (F, L, C, 2), NaN where not seen. head: (L, 3) the mean head's landmarks, metres. rig: C.
    """

    pixels: Array
    head: Array
    rig: Rig

    @property
    def radius_px(self) -> Array:
        """(C,) root mean square distance of the landmarks from their centre, median over the frames."""
        centred = self.pixels - _nanmean(self.pixels, axis=1, keepdims=True)
        squared = _nanmean(np.square(centred).sum(-1), axis=1)
        return _nanmedian(np.sqrt(squared), axis=0)

    @property
    def seeing(self) -> NDArray[np.int64]:
        """The cameras that see anything."""
        return np.flatnonzero(np.isfinite(self.pixels).any((0, 1, 3)))

    def only(self, cameras: NDArray[np.int64]) -> Sample:
        """What some of the cameras saw."""
        kept = Rig(tuple(self.rig.cameras[index] for index in cameras), self.rig.source)
        return replace(self, pixels=self.pixels[:, :, cameras], rig=kept)

    def swapped(self, first: int, second: int) -> Sample:
        """As if the images of two cameras had been each other's."""
        order = np.arange(len(self.rig))
        order[[first, second]] = second, first
        return replace(self, pixels=self.pixels[:, :, order])

    def mirrored(self, cameras: NDArray[np.int64]) -> Sample:
        """As if the images of some cameras were mirrored back.

        A detector that sees a mirrored face calls left what is right: so each landmark is taken from its
        partner on the other side of the head, or from between the nearest to where that would be.
        """
        apart, near = KDTree(self.head).query(self.head * (-1.0, 1.0, 1.0), k=_NEIGHBOURS)
        share = 1 / (np.square(apart) + _SAME_PLACE**2)
        share /= share.sum(1, keepdims=True)
        pixels = self.pixels.copy()
        for index in cameras:
            partner = np.einsum("lk,flki->fli", share, self.pixels[:, near, index])
            partner[..., 0] = self.rig.cameras[index].width - 1 - partner[..., 0]
            pixels[:, :, index] = partner
        return replace(self, pixels=pixels)


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far the cameras of a sample agree.

    Attributes:
        residual_px: (C,) median distance of a camera's landmarks from the triangulated ones; NaN if none.
        residual: (C,) the same as a part of the face's radius.
        lost: share of the landmarks whose rays meet behind a camera.
        misfit: distance of the triangulated landmarks from the mean head's, in radii of the head.
        scale: size of the triangulated head, that of the mean head being 1.
    """

    residual_px: Array
    residual: Array
    lost: float
    misfit: float
    scale: float

    @classmethod
    def of(cls, sample: Sample) -> Agreement:
        """Triangulate a sample, believing views the less the more they differ from the others."""
        radius = sample.radius_px
        seen = np.isfinite(sample.pixels).all(-1)
        weights = np.where(seen, 1 / np.maximum(np.nan_to_num(radius, nan=1.0), 1e-9) ** 2, 0.0)
        current, residual_px = weights, np.zeros_like(weights)
        rig, unit = _in_own_unit(sample.rig)
        for _ in range(_ROUNDS):
            points, residual_px = triangulate(sample.pixels, rig, current)
            apart = np.nan_to_num(residual_px / radius, nan=0.0)
            current = weights / (1 + (apart / _DOWNWEIGHT) ** 2) ** 2
        known = np.asarray(np.isfinite(points).all(-1))
        twice = seen.sum(-1) >= 2
        lost = 1 - known.sum() / max(int(twice.sum()), 1)
        by_camera = _nanmedian(residual_px.reshape(-1, len(sample.rig)), axis=0)
        misfit, scale = _against_head(points, known, sample.head)
        return cls(by_camera, by_camera / radius, float(lost), misfit, scale * unit)

    @property
    def good_cameras(self) -> NDArray[np.bool_]:
        """(C,) whose landmarks are where the others see them."""
        return self.residual < RESIDUAL

    @property
    def badness(self) -> float:
        """Below 1 if the cameras agree."""
        known = self.residual[np.isfinite(self.residual)]
        worst = float(known.max()) if known.size else np.inf
        return max(worst / RESIDUAL, self.misfit / MISFIT, self.lost / LOST)


def swaps(sample: Sample, suspects: NDArray[np.int64]) -> Iterator[tuple[tuple[int, ...], Agreement]]:
    """Each two of some cameras, and the agreement if their images were each other's."""
    for first, second in combinations((int(index) for index in suspects), 2):
        yield (first, second), Agreement.of(sample.swapped(first, second))


def mirrors(sample: Sample, suspects: NDArray[np.int64]) -> Iterator[tuple[tuple[int, ...], Agreement]]:
    """Each of some cameras, and all that there are, and the agreement if their images were mirrored back."""
    for chosen in [*([index] for index in suspects), sample.seeing]:
        cameras = np.asarray(chosen, dtype=np.int64)
        yield tuple(int(index) for index in cameras), Agreement.of(sample.mirrored(cameras))


def omissions(sample: Sample) -> Iterator[tuple[tuple[int, ...], Agreement]]:
    """Each camera, and the agreement of the others; nothing where fewer than two others would be left."""
    seeing = sample.seeing
    for index in seeing if len(seeing) > 2 else ():
        yield (int(index),), Agreement.of(sample.only(seeing[seeing != index]))


def _in_own_unit(rig: Rig) -> tuple[Rig, float]:
    """The rig with its cameras about a metre apart, whatever its unit, and that unit in metres."""
    centres = np.stack([camera.centre for camera in rig])
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(len(rig), 1)]
    unit = max(float(np.median(apart)), 1e-9)
    return Rig(tuple(replace(camera, t=camera.t / unit) for camera in rig), rig.source), unit


def _against_head(points: Array, known: NDArray[np.bool_], head: Array) -> tuple[float, float]:
    """Misfit and scale of triangulated points (F, L, 3), medians over the frames that have enough."""
    enough = known.sum(1) >= min(6, len(head))
    if not enough.any():
        return np.inf, np.nan
    placed, weights = np.where(known[..., None], points, 0.0)[enough], known[enough].astype(np.float64)
    scale = align(head, placed, weights, with_scale=True).scale
    scale = np.maximum(np.abs(scale), 1e-12)
    shrunk = placed / scale[:, None, None]
    apart = np.linalg.norm(shrunk - align_robustly(head, shrunk, weights).apply(head), axis=-1)
    misfit = _nanmedian(np.where(weights > 0, apart, np.nan), axis=1)
    radius = np.sqrt(np.square(head - head.mean(0)).sum(-1).mean())
    return float(np.median(misfit) / radius), float(np.median(scale))


def _nanmean(values: Array, axis: int, keepdims: bool = False) -> Array:
    known = np.isfinite(values)
    count = known.sum(axis=axis, keepdims=keepdims)
    total = np.where(known, values, 0.0).sum(axis=axis, keepdims=keepdims)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _nanmedian(values: Array, axis: int) -> Array:
    """Without the warning of NumPy's for slices that hold nothing."""
    empty = ~np.isfinite(values).any(axis=axis)
    filled = np.where(np.expand_dims(empty, axis), 0.0, values)
    return np.where(empty, np.nan, np.nanmedian(filled, axis=axis))
