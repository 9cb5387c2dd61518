"""Which frames and cameras of a fit can be relied on: residual statistics, and flags with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEW_VIEWS = 2
"""A rig of two cameras or more is to see a frame with at least so many."""

_LARGE_SIGMAS, _LARGE_RATIO = 1.5, 2.0
_UNSURE_METRES, _UNSURE_RATIO = 2e-3, 3.0
# A jump is a frame that leaves the line between its neighbours, and comes back.
_JUMP_METRES, _JUMP_RATIO = 8e-3, 8.0
_STATISTICS = 4


class FrameFlag(IntFlag):
    """Why a frame is not to be relied on; several may hold."""

    FEW_VIEWS = 1
    """Fewer than two cameras of several saw it."""
    LARGE_RESIDUAL = 2
    """Its landmarks are farther from the fit than those of other frames, and than their sigmas say."""
    UNCERTAIN = 4
    """Its surface is less certain than that of other frames."""
    JUMP = 8
    """The head leaves the line between its neighbours and comes back."""

    def words(self) -> str:
        """The reasons, as a person reads them; empty for none."""
        return ", ".join(
            each.name.lower().replace("_", " ") for each in FrameFlag if each & self and each.name
        )


@dataclass(frozen=True, eq=False)
class ResidualStatistics:
    """Residuals of N frames or N cameras, over what each of them saw; NaN where it saw nothing.

    Attributes:
        median_px, p95_px: (N,) pixels. median_sigma, p95_sigma: (N,) in the sigmas of the fit.
    """

    median_px: Array
    p95_px: Array
    median_sigma: Array
    p95_sigma: Array

    @classmethod
    def of(cls, pixels: NDArray[np.floating], sigmas: NDArray[np.floating], axis: int) -> ResidualStatistics:
        """Statistics along one axis of residuals (F, C, L), NaN where not seen: 0 by frame, 1 by camera."""
        columns = [_quantiles(np.moveaxis(values, axis, 0)) for values in (pixels, sigmas)]
        return cls(*np.concatenate(columns))

    @classmethod
    def from_table(cls, table: Array) -> ResidualStatistics:
        """The inverse of :attr:`table`."""
        return cls(*np.asarray(table, dtype=np.float64).T)

    @property
    def table(self) -> Array:
        """(N, 4) the attributes side by side."""
        return np.stack([self.median_px, self.p95_px, self.median_sigma, self.p95_sigma], axis=1)


@dataclass(frozen=True, eq=False)
class Reliability:
    """How far a fit can be relied on; F frames, C cameras.

    Attributes:
        by_frame: (F,) residuals. by_camera: (C,) residuals.
        flags: (F,) uint8, a :class:`FrameFlag` per frame; 0 for a frame without fault.
    """

    by_frame: ResidualStatistics
    by_camera: ResidualStatistics
    flags: NDArray[np.uint8]

    @classmethod
    def judge(
        cls,
        pixels: NDArray[np.floating],
        sigmas: NDArray[np.floating],
        surface: Array,
        places: Array,
        frames: NDArray[np.int64],
    ) -> Reliability:
        """Judge a fit by what it left over.

        Args:
            pixels, sigmas: (F, C, L) residuals, NaN where not seen.
            surface: (F,) metres, how certain the surface is; NaN where not known.
            places: (F, P, 3) metres, some points of the head in the world.
            frames: (F,) frame numbers.
        """
        by_frame = ResidualStatistics.of(pixels, sigmas, axis=0)
        views = np.isfinite(pixels).any(-1).sum(-1)
        residual, unsure = by_frame.median_sigma, surface
        reasons = {
            FrameFlag.FEW_VIEWS: views < min(FEW_VIEWS, pixels.shape[1]),
            FrameFlag.LARGE_RESIDUAL: _beyond(residual, _LARGE_SIGMAS, _LARGE_RATIO),
            FrameFlag.UNCERTAIN: _beyond(unsure, _UNSURE_METRES, _UNSURE_RATIO),
            FrameFlag.JUMP: _jumps(places, frames),
        }
        flags = np.zeros(len(frames), dtype=np.uint8)
        for reason, holds in reasons.items():
            flags[holds] |= np.uint8(reason)
        return cls(by_frame, ResidualStatistics.of(pixels, sigmas, axis=1), flags)


def _beyond(values: Array, least: float, ratio: float) -> NDArray[np.bool_]:
    """(F,) where a value is above a limit, and above so many times what is usual."""
    known = np.isfinite(values)
    usual = float(np.median(values[known])) if known.any() else 0.0
    return known & (np.where(known, values, 0.0) > max(least, ratio * usual))


def _jumps(places: Array, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(F,) where points (F, P, 3) leave the line between their neighbours far more than is usual."""
    jumps = np.zeros(len(frames), dtype=bool)
    if len(frames) < _STATISTICS:
        return jumps
    share = (np.diff(frames)[:-1] / (frames[2:] - frames[:-2]))[:, None, None]
    line = places[:-2] * (1 - share) + places[2:] * share
    left = np.sqrt(np.square(places[1:-1] - line).sum(-1).mean(-1))
    # A spike also bends the line of the frames beside it, by half as much.
    beside = np.maximum(np.append(left[1:], 0.0), np.append(0.0, left[:-1]))
    jumps[1:-1] = _beyond(left, _JUMP_METRES, _JUMP_RATIO) & (left > beside)
    return jumps


def _quantiles(rows: NDArray[np.floating]) -> Array:
    """(2, N) median and 95th percentile of the finite values in each of N arrays; NaN for none."""
    known = (row[np.isfinite(row)] for row in rows)
    return np.array([np.quantile(row, (0.5, 0.95)) if row.size else (np.nan, np.nan) for row in known]).T
