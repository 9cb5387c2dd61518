"""Going through the frames of a shoot, all cameras side by side, chunk by chunk onto the disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from calibration.camera import Rig
from detector.follow import FrameLandmarks
from detector.predictor import Predictor
from detector.search import SearchOptions
from pipeline.frames.images import UnreadableImageError
from pipeline.frames.sources import read_ahead
from pipeline.progress import Progress
from pipeline.rig_follower import RigFollower
from pipeline.shoot.shoot import Shoot
from pipeline.stores.landmarks import FrameStatus, LandmarkRows, LandmarkWriter

log = logging.getLogger(__name__)

CHUNK = 8
"""Frames between two visits to the disk, after each of which a run can be interrupted."""

Seen = Tensor | UnreadableImageError | None
Frame = list[Seen]


def detect_frames(
    shoot: Shoot,
    predictor: Predictor,
    rig: Rig | None,
    writers: list[LandmarkWriter],
    progress: Progress,
) -> None:
    """Go through all frames that are not on disk yet, chunk by chunk.

    Args:
        shoot: whose images are looked at.
        predictor: of the layout that is wanted.
        rig: the calibrated cameras, which help each other; None where there is no calibration.
        writers: of the landmark file of each camera.
        progress: called after each chunk is on disk.

    Raises:
        InputError: images of one camera differ in size.
        DiskError: the disk is full.
    """
    frames, landmarks = shoot.frames, len(predictor.layout)
    first = min(_first_pending(writer) for writer in writers) // CHUNK * CHUNK
    if first:
        log.info("Detect: going on at frame %d", frames[min(first, len(frames) - 1)])
    regions = [_last_region(writer.rows(first)) for writer in writers]
    options = SearchOptions(choice=shoot.settings.detect.face)
    follower = RigFollower(predictor, shoot.camera_names, rig, regions, options)
    ahead = predictor.batch // len(writers) - 1
    progress(first, len(frames), "detect")
    with closing(_images(shoot, predictor, frames[first:])) as images:
        for start in range(first, len(frames), CHUNK):
            end = min(start + CHUNK, len(frames))
            chunks = [LandmarkRows.empty(end - start, landmarks) for _ in writers]
            # what is on disk is all that the next chunk knows of this one, interrupted or not
            follower.forget()
            frames_ahead = _with_coming(images, end - start, ahead)
            for position, (seen, coming) in enumerate(frames_ahead):
                found = follower.step(_pictures(seen), [_pictures(each) for each in coming])
                for chunk, image, result in zip(chunks, seen, found, strict=True):
                    _record(chunk, position, image, result)
            for writer, chunk in zip(writers, chunks, strict=True):
                writer.write(start, chunk)
            progress(end, len(frames), "detect")


def _images(shoot: Shoot, predictor: Predictor, frames: tuple[int, ...]) -> Generator[Frame, None, None]:
    """The images of all cameras of each frame, on the device; None where a camera has no such frame.

    Threads read, decode and upload the next images while the network runs.
    """
    sources = list(shoot.sources.values())
    having = [set(source.frames) for source in sources]
    wanted = ((s, frame) for frame in frames for s, has in zip(sources, having, strict=True) if frame in has)
    with closing(read_ahead(wanted, predictor.upload)) as images:
        for frame in frames:
            yield [next(images) if frame in has else None for has in having]


def _with_coming(images: Iterator[Frame], count: int, ahead: int) -> Iterator[tuple[Frame, list[Frame]]]:
    """So many frames, each with at most ``ahead`` of those after it; no more images are held."""
    held: deque[Frame] = deque()
    for remaining in range(count, 0, -1):
        while len(held) < min(1 + max(0, ahead), remaining):
            held.append(next(images))
        frame = held.popleft()
        yield frame, list(held)


def _pictures(frame: Frame) -> list[Tensor | None]:
    """What can be looked at."""
    return [each if isinstance(each, Tensor) else None for each in frame]


def _record(rows: LandmarkRows, position: int, image: Seen, found: FrameLandmarks) -> None:
    if image is None:
        status, reason = FrameStatus.MISSING, "the camera has no image of this frame"
    elif isinstance(image, UnreadableImageError):
        status, reason = FrameStatus.UNREADABLE, str(image)
    elif not found.found:
        status, reason = FrameStatus.NO_FACE, found.reason
    else:
        status, reason = FrameStatus.OK, found.remark
        rows.mean[position], rows.sigma[position] = found.mean, found.sigma
        rows.region[position], rows.uncertainty[position] = found.region, found.uncertainty
    rows.status[position] = status
    rows.reason[position] = reason


def _first_pending(writer: LandmarkWriter) -> int:
    pending = np.flatnonzero(~writer.done())
    return int(pending[0]) if len(pending) else len(writer.header.frames)


def _last_region(rows: LandmarkRows) -> NDArray[np.float32] | None:
    """The region that a follower remembers after these frames: frames without an image do not change it."""
    looked = np.flatnonzero(np.isin(rows.status, (FrameStatus.OK, FrameStatus.NO_FACE)))
    if not len(looked) or rows.status[looked[-1]] != FrameStatus.OK:
        return None
    return np.asarray(rows.region[looked[-1]])
