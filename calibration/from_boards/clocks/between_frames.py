"""What a camera would have seen at the moments of the others, by what it saw before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.seen import Found

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Frames = Mapping[int, Array | None]

Late = Mapping[str, float]
"""By how many frames cameras are late, where they are; whole numbers where the images only need renaming."""


def earlier(found: Found, late: Late, turned: Ints | None) -> Found:
    """The same corners under the frame numbers of the others.

    Args:
        found: corners (N, 2) by camera and frame.
        late: by how many frames cameras are late. Where that is no whole number, the corners are those
            between two images, by a smooth curve through them and their neighbours.
        turned: the order (N,) of the points on the turned board, if it may be listed from either end.
    """
    return {name: _earlier(frames, late.get(name, 0), turned) for name, frames in found.items()}


def _earlier(frames: Frames, late: float, turned: Ints | None) -> dict[int, Array | None]:
    whole = math.floor(late)
    share = late - whole
    if not share:
        return {frame - whole: corners for frame, corners in frames.items()}
    moved = {
        frame - round(late): corners for frame, corners in frames.items() if _stands_alone(frames, frame)
    }
    between = {frame: _between(frames, frame, share, turned) for frame in frames if frame + 1 in frames}
    return moved | {frame - whole: corners for frame, corners in between.items()}


def _stands_alone(frames: Frames, frame: int) -> bool:
    """Whether nothing is known of the frames before and after: the nearest number has to do."""
    return frame - 1 not in frames and frame + 1 not in frames


def _between(frames: Frames, frame: int, share: float, turned: Ints | None) -> Array | None:
    """The corners a share of a frame after one: Catmull and Rom's curve, a line without neighbours."""
    start, end = frames[frame], _like(frames[frame], frames[frame + 1], turned)
    if start is None or end is None:
        return None
    before, after = (_like(start, frames.get(frame + step), turned) for step in (-1, 2))
    step = end - start
    slope = step if before is None else (end - before) / 2
    last = step if after is None else (after - start) / 2
    curve = share * (1 - share) * ((1 - share) * (slope - step) - share * (last - step))
    return np.asarray(start + share * step + np.where(np.isfinite(curve), curve, 0.0))


def _like(corners: Array | None, others: Array | None, turned: Ints | None) -> Array | None:
    """The other corners, listed from the same end of the board."""
    if corners is None or others is None or turned is None:
        return others
    same, other = (np.nanmean(np.abs(each - corners)) for each in (others, others[turned]))
    return others[turned] if other < same else others
