"""Measuring whether images come as fast as the network looks at them, end to end on a shoot."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from calibration.errors import UsageError
from calibration.whole_file import whole_file
from pipeline.detection import Detection, detect_segment
from pipeline.devices import torch_device
from pipeline.image_feed import FeedMeasure
from pipeline.progress import Progress, silent
from pipeline.segments import Segment, lanes_for
from pipeline.shoot.shoot import Shoot
from pipeline.stages.detect import open_detection
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import LandmarkHeader


@dataclass(frozen=True)
class Fed:
    """One measurement.

    Attributes:
        device: where the network ran.
        threads: that read, decoded and uploaded.
        lanes: stretches of the take that were looked at side by side.
        measure: images, seconds, and how long the network waited.
    """

    device: str
    threads: int
    lanes: int
    measure: FeedMeasure

    def facts(self) -> dict[str, object]:
        """The numbers as JSON values."""
        share = round(self.measure.waiting_share, 4)
        rate = round(self.measure.images_per_second, 2)
        return asdict(self) | {"waiting_share": share, "images_per_second": rate}


def bench_feed(shoot: Shoot, threads: Sequence[int] = (), progress: Progress = silent) -> list[Fed]:
    """Detect a shoot without keeping the landmarks, once for each number of reading threads.

    What the machine's cache holds of the images is read faster than a disk gives it.

    Args:
        shoot: whose frames are looked at.
        threads: that read; those of a detection on this device if empty.
        progress: of each detection in turn.

    Raises:
        UsageError: there are less than one thread; or as :func:`pipeline.stages.detect.main`.
        InputError: as :func:`pipeline.stages.detect.main`.
    """
    if any(count < 1 for count in threads):
        raise UsageError("At least one thread must read")
    detection = open_detection(shoot)
    return [
        _measured(replace(detection, threads=count, measure=FeedMeasure()), progress)
        for count in threads or (detection.threads,)
    ]


def write_feed(path: Path, rows: Sequence[Fed]) -> Path:
    """Write the numbers as JSON."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps([row.facts() for row in rows], indent=1), encoding="utf-8")
    return path


def _measured(detection: Detection, progress: Progress) -> Fed:
    shoot = detection.shoot
    device = torch_device(shoot.settings.detect.device)
    segment = Segment(0, len(shoot.frames)).with_lanes(lanes_for(device.type, len(shoot.camera_names)))
    with tempfile.TemporaryDirectory() as folder:
        writers = [
            LandmarkWriter(Path(folder) / f"{number}.h5", _header(detection, name))
            for number, name in enumerate(shoot.camera_names)
        ]
        detect_segment(detection, segment, writers, 0, progress)
    return Fed(str(device), detection.threads, len(segment.stretches), detection.measure)


def _header(detection: Detection, name: str) -> LandmarkHeader:
    shoot, chosen = detection.shoot, detection.predictor.layout
    frames = np.array(shoot.frames, dtype=np.int64)
    return LandmarkHeader(name, shoot.sources[name].size, frames, chosen.name, chosen.queries.numpy(), "")
