"""vultus detect: from images to dense landmarks, one file per camera."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.layouts import check_layout, layout
from detector.predictor import load_predictor
from detector.weights import default_weights, find_weights
from fitting.head_model import load_head_model
from fitting.head_models.store import find_head_model, head_digest
from pipeline.camera_knowledge import rig_for_detection
from pipeline.detection import Detection, detect_segment
from pipeline.detection_log import tell_camera
from pipeline.devices import torch_device
from pipeline.frames.ranges import format_frames, parse_frames
from pipeline.image_feed import reading_threads
from pipeline.progress import Progress, silent
from pipeline.segments import Segment, begun_in, lanes_for, segments
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import file_digest, fingerprint
from pipeline.stores.hdf5 import CorruptStoreError, partial_path
from pipeline.stores.landmark_parts import adopt, part_file, remove_parts
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import LandmarkHeader, landmark_fingerprint, read_header

log = logging.getLogger(__name__)


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Find the landmarks of every frame of every camera.

    All cameras go through the frames side by side. Images that are missing or cannot be read, and images
    without a face, are recorded with their reason and skipped. What :func:`chunk` has done is put together
    and not done again, in the middle of a segment too.

    Args:
        shoot: whose images are looked at; if its cameras are calibrated, they help each other.
        force: detect again, even if the result is up to date.
        progress: called after each block of frames is on disk; where it raises, nothing is lost.

    Returns:
        the folder of the landmark files.

    Raises:
        InputError: there are no images, their sizes differ, or the weights are missing.
        UsageError: there is no such layout or device.
        DiskError: the disk is full.
    """
    take = _Take(shoot)
    if shoot.absent_frames:
        log.warning("Detect: no camera has these frames of the range: %s", format_frames(shoot.absent_frames))
    if force:
        _delete(shoot)
    elif take.is_whole():
        remove_parts(shoot.landmarks_folder)
        log.info("Detect: up to date (%s)", shoot.landmarks_folder)
        return shoot.landmarks_folder
    writers = [
        LandmarkWriter(shoot.landmark_file(name), take.header(name, shoot.frames))
        for name in shoot.camera_names
    ]
    total = len(shoot.frames)
    for segment in take.segments:
        gathered = [adopt(writer, take.part(segment, writer.header.camera)) for writer in writers]
        if any(gathered):
            progress(int(_done(writers).sum()), total, "detect")
    done = _done(writers)
    pending = [segment for segment in take.segments if not done[segment.start : segment.end].all()]
    before = total - sum(map(len, pending))
    for segment in pending:
        part = _part_of(progress, before, total)
        detect_segment(take.detection, take.in_lanes(segment), writers, segment.start, part)
        before += len(segment)
    for writer in writers:
        tell_camera(writer.finish())
    take.tell_feed()
    remove_parts(shoot.landmarks_folder)
    return shoot.landmarks_folder


def chunk(shoot: Shoot, frames: str, progress: Progress = silent) -> Path:
    """Detect the segments that begin in a range of frames, for :func:`main` to put together.

    However a take is cut into ranges, each segment is done once, and the result is the same. An interrupted
    chunk goes on where it was.

    Args:
        shoot: as in :func:`main`.
        frames: the range; one in which no segment begins is warned of, and nothing is done.
        progress: called after each block of frames is on disk.

    Returns:
        the folder of the landmarks; the parts are in it.

    Raises:
        UsageError: this is not a frame range; or as :func:`main`.
        InputError, DiskError: as :func:`main`.
    """
    take, folder = _Take(shoot), shoot.landmarks_folder
    chosen = begun_in(take.segments, shoot.frames, frames)
    if not chosen:
        log.warning("Detect: no segment begins in the frames %s; there is nothing to do", frames)
        return folder
    _warn_beyond(shoot, frames)
    pending = [] if take.is_whole() else [segment for segment in chosen if not take.is_done(segment)]
    if not pending:
        log.info("Detect: %s is up to date (%s)", frames, folder)
        return folder
    total = sum(map(len, chosen))
    before = total - sum(map(len, pending))
    for segment in pending:
        own = shoot.frames[segment.start : segment.end]
        writers = [LandmarkWriter(take.part(segment, n), take.header(n, own)) for n in shoot.camera_names]
        for writer in writers:
            adopt(writer, shoot.landmark_file(writer.header.camera))
        part = _part_of(progress, before, total)
        detect_segment(take.detection, take.in_lanes(segment), writers, 0, part)
        before += len(segment)
        for writer in writers:
            writer.finish()
        log.info("Detect: the frames %d-%d are done", own[0], own[-1])
    take.tell_feed()
    return folder


def chunks(shoot: Shoot) -> tuple[str, ...]:
    """The frame ranges of the segments of a take, one for each call of :func:`chunk`; none if it is but one.

    Raises:
        InputError: there are no images.
    """
    all_segments, frames = segments(len(shoot.frames)), shoot.frames
    if len(all_segments) == 1:
        return ()
    return tuple(f"{frames[each.start]}-{frames[each.end - 1]}" for each in all_segments)


def check(shoot: Shoot) -> None:
    """Refuse an unknown layout or absent weights before any work is done.

    Raises:
        UsageError: there is no such layout.
        InputError: the weights are missing.
    """
    check_layout(shoot.layout)
    find_network(shoot)


def open_detection(shoot: Shoot) -> Detection:
    """What the images of a shoot are looked at with.

    Raises:
        UsageError, InputError: as :func:`main`.
    """
    settings = shoot.settings.detect
    device = torch_device(settings.device)
    predictor = load_predictor(
        find_network(shoot),
        layout(shoot.layout, find_head_model(shoot.settings.fit.model)),
        load_head_model(),
        device=device,
        jitter=settings.jitter,
        flip=settings.flip,
        align=settings.upright,
        region=settings.region,
    )
    return Detection(shoot, predictor, rig_for_detection(shoot), reading_threads(device.type))


def find_network(shoot: Shoot) -> Path:
    """The file of weights: that of the shoot file (a path or a released name), else the released one.

    Raises:
        InputError: there is no such file.
    """
    setting = shoot.settings.detect.weights
    if setting:
        own = shoot.path(setting)
        return own if own.is_file() else find_weights(setting)
    return find_weights(default_weights())


class _Take:
    """A shoot whose frames are detected. The network is loaded when there is something to look at.

    Raises:
        UsageError, InputError: as :func:`check`.
    """

    def __init__(self, shoot: Shoot) -> None:
        check(shoot)
        self._shoot, self._work = shoot, _fingerprint(shoot, find_network(shoot))
        self.segments = segments(len(shoot.frames))

    @cached_property
    def detection(self) -> Detection:
        """What is looked at, and with what."""
        return open_detection(self._shoot)

    def in_lanes(self, segment: Segment) -> Segment:
        """The segment with as many lanes as suit the device."""
        device = torch_device(self._shoot.settings.detect.device)
        return segment.with_lanes(lanes_for(device.type, len(self._shoot.camera_names)))

    def part(self, segment: Segment, name: str) -> Path:
        """The file of a segment's landmarks in one camera."""
        frames = self._shoot.frames[segment.start : segment.end]
        return part_file(self._shoot.landmarks_folder, frames, name)

    def is_whole(self) -> bool:
        """Whether the landmarks of all cameras are there and up to date."""
        names = self._shoot.camera_names
        return all(_is_current(self._shoot.landmark_file(name), self._work) for name in names)

    def is_done(self, segment: Segment) -> bool:
        """Whether the parts of a segment are there and up to date."""
        return all(_is_current(self.part(segment, name), self._work) for name in self._shoot.camera_names)

    def header(self, name: str, frames: Sequence[int]) -> LandmarkHeader:
        """Of a landmark file of one camera; if a part is there already, without loading the network."""
        numbers = np.array(frames, dtype=np.int64)
        for part in (self.part(segment, name) for segment in self.segments):
            if _is_current(part, self._work):
                return replace(read_header(part), frames=numbers)
        chosen = self.detection.predictor.layout
        size = self._shoot.sources[name].size
        return LandmarkHeader(name, size, numbers, chosen.name, chosen.queries.numpy(), self._work)

    def tell_feed(self) -> None:
        """Say how fast it was, if anything was looked at."""
        if "detection" in self.__dict__ and self.detection.measure.images:
            log.info("Detect: %s", self.detection.measure)


def _warn_beyond(shoot: Shoot, frames: str) -> None:
    """Say which frames of a chunk are past the ends of the take."""
    first, last = shoot.frames[0], shoot.frames[-1]
    if beyond := [frame for frame in parse_frames(frames) if not first <= frame <= last]:
        log.warning("Detect: the take has no frames %s", format_frames(beyond))


def _done(writers: Sequence[LandmarkWriter]) -> NDArray[np.bool_]:
    """(F,) the frames that are on disk in all cameras."""
    done: NDArray[np.bool_] = np.all([writer.done() for writer in writers], axis=0)
    return done


def _part_of(progress: Progress, before: int, total: int) -> Progress:
    """The progress of a segment as one of all frames."""

    def report(done: int, _: int, label: str) -> None:
        progress(before + done, total, label)

    return report


def _fingerprint(shoot: Shoot, weights: Path) -> str:
    return fingerprint(
        settings=shoot.settings.detect.model_dump(exclude={"device", "weights", "layout"}),
        landmarks="vertices" if shoot.settings.fit.personal_shape else shoot.settings.detect.layout,
        weights=file_digest(weights),
        layout=file_digest(Path(shoot.layout)) if Path(shoot.layout).is_file() else None,
        # only the layout of all vertices depends on whose vertices they are
        model=head_digest(shoot.settings.fit.model) if shoot.layout == "vertices" else None,
        frames=shoot.frames,
        cameras={name: camera.model_dump() for name, camera in shoot.settings.cameras.items()},
        images={name: source.fingerprint() for name, source in shoot.sources.items()},
        rig=file_digest(shoot.cameras_file) if rig_for_detection(shoot) is not None else None,
    )


def _is_current(path: Path, work: str) -> bool:
    try:
        return landmark_fingerprint(path) == work
    except CorruptStoreError as error:
        log.warning("%s It is made again.", error)
        return False


def _delete(shoot: Shoot) -> None:
    for name in shoot.camera_names:
        path = shoot.landmark_file(name)
        path.unlink(missing_ok=True)
        partial_path(path).unlink(missing_ok=True)
    remove_parts(shoot.landmarks_folder)
