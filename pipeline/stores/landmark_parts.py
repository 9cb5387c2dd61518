"""The landmarks of segments that were detected each for itself, until they are put together.

``parts/<first>-<last>/<camera>.h5`` is a landmark file like the whole, of the frames of one segment.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.stores.hdf5 import partial_path
from pipeline.stores.landmark_writer import LandmarkWriter

log = logging.getLogger(__name__)

FOLDER = "parts"


def part_file(landmarks: Path, frames: Sequence[int], camera: str) -> Path:
    """The file of a segment's landmarks in one camera.

    Args:
        landmarks: the folder of the landmarks.
        frames: frame numbers of the segment.
        camera: its name.
    """
    return landmarks / FOLDER / f"{frames[0]}-{frames[-1]}" / f"{camera}.h5"


def adopt(writer: LandmarkWriter, path: Path) -> int:
    """Take over what was done in a file of the same work, be it finished or not; how many frames that were.

    Raises:
        DiskError: the disk is full.
    """
    return writer.adopt(path) or writer.adopt(partial_path(path))


def remove_parts(landmarks: Path) -> None:
    """Remove all parts, of whatever work; what cannot be removed is only in the way, and is told."""
    folder = landmarks / FOLDER
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        log.warning("Detect: %s cannot be removed (%s); nothing needs it any more", folder, error)
