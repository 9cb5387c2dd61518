"""Going through a segment of a take, all cameras side by side, block by block onto the disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from calibration.camera import Rig
from detector.follow import FrameLandmarks
from detector.predictor import Predictor
from detector.search import SearchOptions
from pipeline.frames.images import UnreadableImageError
from pipeline.image_feed import FeedMeasure, ImageFeed, Seen, Step
from pipeline.progress import Progress
from pipeline.rig_follower import RigFollower
from pipeline.segments import BLOCK, Segment
from pipeline.shoot.shoot import Shoot
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import FrameStatus, LandmarkRows

log = logging.getLogger(__name__)

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Detection:
    """What is looked at, and with what.

    Attributes:
        shoot: whose images are looked at.
        predictor: of the layout that is wanted.
        rig: the calibrated cameras, which help each other; None where there is no calibration.
        threads: that read images.
        measure: how well the network is fed, kept up over all segments.
    """

    shoot: Shoot
    predictor: Predictor
    rig: Rig | None
    threads: int
    measure: FeedMeasure = field(default_factory=FeedMeasure)


def detect_segment(
    detection: Detection, segment: Segment, writers: Sequence[LandmarkWriter], row: int, progress: Progress
) -> None:
    """Go through the frames of a segment that are not on disk yet, block by block.

    Each lane begins with nothing remembered, and what is on disk is all that a block knows of the one before:
    the result depends neither on what was done before the segment nor on interruptions.

    Args:
        detection: what is looked at.
        segment: of the shoot's frames.
        writers: of a landmark file of each camera.
        row: the row of those files that the segment's first frame has.
        progress: called with frames of the segment after each block is on disk, and first if any is to do.

    Raises:
        InputError: images of one camera differ in size.
        DiskError: the disk is full.
    """
    blocks = _blocks(segment)
    done = np.all([writer.done()[row : row + len(segment)] for writer in writers], axis=0)
    pending = [any(not done[start:end].all() for start, end in spans) for spans in blocks]
    if not any(pending):
        return
    first = pending.index(True)
    ready = sum(end - start for spans in blocks[:first] for start, end in spans)
    if ready:
        log.info("Detect: going on at frame %d", detection.shoot.frames[segment.start + blocks[first][0][0]])
    progress(ready, len(segment), "detect")
    follower = _follower(detection, blocks, first, writers, row)
    steps = [_steps(spans, segment.start) for spans in blocks[first:]]
    ahead = detection.predictor.batch // len(follower.regions) - 1
    feed = ImageFeed(detection.shoot, detection.predictor.upload, detection.threads, detection.measure)
    with closing(feed.steps(steps, ahead)) as images:
        for spans in blocks[first:]:
            rows = iter(_rows(follower, images, spans, len(writers)))
            for start, _ in spans:
                for writer in writers:
                    if len(part := next(rows)):
                        writer.write(row + start, part)
            ready += sum(end - start for start, end in spans)
            progress(ready, len(segment), "detect")


def _blocks(segment: Segment) -> list[Spans]:
    """Of each block, the stretch of each lane from the segment's start on; empty where a lane has ended."""
    stretches = segment.stretches
    longest = max(end - start for start, end in stretches)
    return [
        tuple((min(start + at, end), min(start + at + BLOCK, end)) for start, end in stretches)
        for at in range(0, longest, BLOCK)
    ]


def _steps(spans: Spans, offset: int) -> list[list[int | None]]:
    """Of each step of a block, the position of each lane in the take."""
    longest = max(end - start for start, end in spans)
    return [
        [offset + start + at if start + at < end else None for start, end in spans] for at in range(longest)
    ]


def _follower(
    detection: Detection, blocks: list[Spans], first: int, writers: Sequence[LandmarkWriter], row: int
) -> RigFollower:
    """A follower that knows the heads where they were before a block."""
    regions = [
        _last_region(*writer.regions(row + start, row + end))
        for (start, _), (end, _) in zip(blocks[0], blocks[first], strict=True)
        for writer in writers
    ]
    options = SearchOptions(choice=detection.shoot.settings.detect.face)
    names = detection.shoot.camera_names
    return RigFollower(detection.predictor, names, detection.rig, regions, options, lanes=len(blocks[0]))


def _rows(
    follower: RigFollower, images: Iterator[tuple[Step, list[Step]]], spans: Spans, cameras: int
) -> list[LandmarkRows]:
    """What comes of a block: the rows of each camera, for each lane."""
    landmarks = len(follower.predictor.layout)
    rows = [LandmarkRows.empty(end - start, landmarks) for start, end in spans for _ in range(cameras)]
    follower.forget()
    for at in range(max(len(each) for each in rows)):
        now, coming = next(images)
        found = follower.step(_pictures(now), [_pictures(each) for each in coming])
        for each, image, result in zip(rows, now, found, strict=True):
            if at < len(each):
                _record(each, at, image, result)
    return rows


def _pictures(step: Step) -> list[Tensor | None]:
    """What can be looked at."""
    return [each if isinstance(each, Tensor) else None for each in step]


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


def _last_region(regions: NDArray[np.float32], statuses: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """The region (4,) that a follower remembers after these: frames without an image do not change it."""
    looked = np.flatnonzero(np.isin(statuses, (FrameStatus.OK, FrameStatus.NO_FACE)))
    if not len(looked) or statuses[looked[-1]] != FrameStatus.OK:
        return None
    return np.asarray(regions[looked[-1]])
