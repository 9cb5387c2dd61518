"""vultus detect: from images to dense landmarks, one file per camera."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from detector.layouts import check_layout, layout
from detector.predictor import Predictor, load_predictor
from detector.weights import default_weights, find_weights
from fitting.head_model import load_head_model
from fitting.head_models.store import find_head_model, head_digest
from pipeline.camera_knowledge import rig_for_detection
from pipeline.detection import detect_frames
from pipeline.devices import torch_device
from pipeline.frames.ranges import format_frames
from pipeline.progress import Progress, silent
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import file_digest, fingerprint
from pipeline.stores.hdf5 import CorruptStoreError, partial_path
from pipeline.stores.landmarks import (
    FrameStatus,
    LandmarkHeader,
    LandmarkWriter,
    landmark_fingerprint,
    read_landmarks,
)

log = logging.getLogger(__name__)


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Find the landmarks of every frame of every camera.

    All cameras go through the frames side by side. Images that are missing or cannot be read, and images
    without a face, are recorded with their reason and skipped.

    Args:
        shoot: whose images are looked at; if its cameras are calibrated, they help each other.
        force: detect again, even if the result is up to date.
        progress: called after each chunk of frames is on disk; where it raises, nothing is lost.

    Returns:
        the folder of the landmark files.

    Raises:
        InputError: there are no images, their sizes differ, or the weights are missing.
        UsageError: there is no such layout or device.
        DiskError: the disk is full.
    """
    check(shoot)
    settings, folder = shoot.settings.detect, shoot.landmarks_folder
    weights = find_network(shoot)
    if shoot.absent_frames:
        log.warning("Detect: no camera has these frames of the range: %s", format_frames(shoot.absent_frames))
    rig = rig_for_detection(shoot)
    work = _fingerprint(shoot, weights)
    if force:
        _delete(shoot)
    elif all(_is_current(shoot.landmark_file(name), work) for name in shoot.camera_names):
        log.info("Detect: up to date (%s)", folder)
        return folder
    device = torch_device(settings.device)
    predictor = load_predictor(
        weights,
        layout(shoot.layout, find_head_model(shoot.settings.fit.model)),
        load_head_model(),
        device=device,
        jitter=settings.jitter,
        flip=settings.flip,
        align=settings.upright,
        region=settings.region,
    )
    writers = [
        LandmarkWriter(shoot.landmark_file(n), _header(shoot, n, predictor, work)) for n in shoot.camera_names
    ]
    detect_frames(shoot, predictor, rig, writers, progress)
    for writer in writers:
        _tell(writer.finish())
    return folder


def check(shoot: Shoot) -> None:
    """Refuse an unknown layout or absent weights before any work is done.

    Raises:
        UsageError: there is no such layout.
        InputError: the weights are missing.
    """
    check_layout(shoot.layout)
    find_network(shoot)


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


def _header(shoot: Shoot, name: str, predictor: Predictor, work: str) -> LandmarkHeader:
    return LandmarkHeader(
        camera=name,
        size=shoot.sources[name].size,
        frames=np.array(shoot.frames, dtype=np.int64),
        layout=predictor.layout.name,
        queries=predictor.layout.queries.numpy(),
        fingerprint=work,
    )


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


def _tell(path: Path) -> None:
    """Say what was found in a camera, and which frames were skipped and why."""
    stored = read_landmarks(path)
    frames, name = stored.header.frames, stored.header.camera
    log.info("Detect: camera %s: a face in %d of %d frames", name, stored.seen.sum(), len(frames))
    words: Mapping[FrameStatus, str] = {
        FrameStatus.MISSING: "no image",
        FrameStatus.UNREADABLE: "image cannot be read",
        FrameStatus.NO_FACE: "no face found",
    }
    for status, text in words.items():
        skipped = frames[stored.rows.status == status]
        if len(skipped):
            log.warning("Detect: camera %s: %s: %s", name, text, format_frames(skipped.tolist()))
    for position in np.flatnonzero(stored.seen):
        if remark := stored.rows.reason[position]:
            log.warning("Detect: camera %s, frame %d: %s", name, frames[position], remark)
