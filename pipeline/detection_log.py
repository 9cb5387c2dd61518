"""What a person is told of a detection that is done: how many faces, what was skipped, what looks odd."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.ranges import format_frames
from pipeline.stores.frame_marks import read_marks
from pipeline.stores.landmarks import FrameStatus, read_regions

log = logging.getLogger(__name__)

JUMP = 0.5
"""Of the side of its region: no head goes so far from one frame to the next."""

WORDS: Mapping[FrameStatus, str] = {
    FrameStatus.MISSING: "no image",
    FrameStatus.UNREADABLE: "image cannot be read",
    FrameStatus.NO_FACE: "no face found",
}


def tell_camera(path: Path) -> None:
    """Say what was found in a camera, which frames were skipped and why, and where the head jumps.

    Raises:
        InputError: there is no such landmark file, or it is damaged.
    """
    stored = read_marks(path)
    frames, name, seen = stored.frames, stored.camera, stored.status == FrameStatus.OK
    log.info("Detect: camera %s: a face in %d of %d frames", name, seen.sum(), len(frames))
    for status, text in WORDS.items():
        skipped = frames[stored.status == status]
        if len(skipped):
            log.warning("Detect: camera %s: %s: %s", name, text, format_frames(skipped.tolist()))
    for position in np.flatnonzero(seen):
        if remark := stored.reason[position]:
            log.warning("Detect: camera %s, frame %d: %s", name, frames[position], remark)
    jumps = frames[jumping(frames, read_regions(path))]
    if len(jumps):
        text = "the head is far from where it was a frame before (a cut, or somebody else)"
        log.warning("Detect: camera %s: %s: %s", name, text, format_frames(jumps.tolist()))


def jumping(frames: NDArray[np.int64], regions: NDArray[np.float32]) -> NDArray[np.intp]:
    """Positions of frames whose head is farther from that of the frame before than a head can go.

    Args:
        frames: (F,) frame numbers; across gaps nothing is said.
        regions: (F, 4) cx, cy, size in pixels, roll; NaN without a face.
    """
    way = np.abs(np.diff(regions[:, :2], axis=0)).max(axis=1)
    reach = JUMP * np.minimum(regions[1:, 2], regions[:-1, 2])
    # comparing with NaN gives no jump
    return np.flatnonzero((way > reach) & (np.diff(frames) == 1)) + 1
