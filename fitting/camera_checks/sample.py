"""A few frames and landmarks, as the cameras of a rig saw them: what the checks of a rig look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """F frames, C cameras, L landmarks.

    Attributes:
        pixels: (F, L, C, 2), NaN where not seen.
        head: (L, 3) the landmarks of the mean head in its own frame (X to the actor's left, Y up), metres.
        rig: C cameras.
        frames: (F,) frame numbers, increasing.
        sizes: (C, 2) width and height of the images; the rig's own where nothing else is known.
        metres: what the rig says that one unit of its lengths is.
    """

    pixels: Array
    head: Array
    rig: Rig
    frames: NDArray[np.int64]
    sizes: NDArray[np.int64]
    metres: float = 1.0

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """(F, L, C)."""
        return np.asarray(np.isfinite(self.pixels).all(-1))

    @cached_property
    def radius_px(self) -> Array:
        """(C,) root mean square distance of the landmarks from their centre, median over the frames."""
        centred = self.pixels - nanmean(self.pixels, axis=1, keepdims=True)
        squared = nanmean(np.square(centred).sum(-1), axis=1)
        return nanmedian(np.sqrt(squared), axis=0)

    @cached_property
    def seeing(self) -> NDArray[np.int64]:
        """The cameras that see anything."""
        return np.flatnonzero(self.seen.any((0, 1)))

    def with_cameras(self, change: Callable[[Camera], Camera], cameras: Iterable[int]) -> Sample:
        """As if some cameras of the rig were different ones."""
        chosen = set(cameras)
        changed = [change(each) if index in chosen else each for index, each in enumerate(self.rig)]
        return self.with_rig(changed)

    def with_rig(self, cameras: Iterable[Camera]) -> Sample:
        """The same landmarks, seen by other cameras of the same names."""
        rig = Rig(tuple(cameras), self.rig.source, notes=self.rig.notes)
        return replace(self, rig=rig)

    def with_pixels(self, index: int, pixels: Array) -> Sample:
        """As if one camera had seen (F, L, 2)."""
        changed = self.pixels.copy()
        changed[:, :, index] = pixels
        return replace(self, pixels=changed)

    def thinned(self, frames: int, landmarks: int) -> Sample:
        """At most so many of the frames and landmarks: the frames that most cameras see, spread out."""
        views = self.seen.any(1).sum(1)
        best = np.flatnonzero(views == views.max())
        kept = spread(best, frames)
        few = spread(np.arange(len(self.head)), landmarks)
        pixels = self.pixels[np.ix_(kept, few)]
        return replace(self, pixels=pixels, head=self.head[few], frames=self.frames[kept])


def spread(values: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the values, evenly apart."""
    positions = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    return np.asarray(values[positions], dtype=np.int64)


def nanmean(values: Array, axis: int, keepdims: bool = False) -> Array:
    """Without the warning of NumPy's for slices that hold nothing."""
    known = np.isfinite(values)
    count = known.sum(axis=axis, keepdims=keepdims)
    total = np.where(known, values, 0.0).sum(axis=axis, keepdims=keepdims)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def nanmedian(values: Array, axis: int | tuple[int, ...]) -> Array:
    """Likewise."""
    empty = ~np.isfinite(values).any(axis=axis)
    filled = np.where(np.expand_dims(empty, axis), 0.0, values)
    return np.where(empty, np.nan, np.nanmedian(filled, axis=axis))
