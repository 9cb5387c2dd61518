"""What a shoot's files say, read once for the whole page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel
from fitting.head_models.store import find_head_model
from fitting.performance import Performance
from pipeline.left_out import left_out_cameras
from pipeline.report.timeline import Timeline
from pipeline.shoot.shoot import Shoot
from pipeline.stores.frame_marks import FrameMarks, read_marks
from pipeline.stores.outcome import Outcome, read_outcome
from pipeline.stores.performance import ModelInfo, read_performance


@dataclass(frozen=True, eq=False)
class Facts:
    """A shoot with its results.

    Attributes:
        shoot: its settings and places.
        outcome: what became of it.
        performance: the fit, of `info`.
        model: that was fitted.
        marks: what became of the frames of each camera of the shoot, in its order.
        left_out: a sentence for each camera that the result lacks.
    """

    shoot: Shoot
    outcome: Outcome
    performance: Performance
    info: ModelInfo
    model: HeadModel
    marks: tuple[FrameMarks, ...]
    left_out: Mapping[str, str]

    @property
    def timeline(self) -> Timeline:
        """Of all frames that were looked at."""
        return Timeline(self.marks[0].frames)

    @property
    def flagged(self) -> NDArray[np.int64]:
        """The numbers of frames that are not to be relied on."""
        reliability = self.performance.reliability
        flags = np.zeros(0, bool) if reliability is None else reliability.flags != 0
        return self.performance.frames[np.flatnonzero(flags)]

    @property
    def unfitted(self) -> NDArray[np.int64]:
        """The numbers of frames that were looked at and are not in the result."""
        return np.setdiff1d(self.marks[0].frames, self.performance.frames)


def read_facts(shoot: Shoot) -> Facts:
    """Read the files of a shoot whose performance is fitted.

    Raises:
        InputError: landmarks, performance or head model are missing or damaged.
    """
    performance, info = read_performance(shoot.performance_file)
    return Facts(
        shoot=shoot,
        outcome=read_outcome(shoot),
        performance=performance,
        info=info,
        model=find_head_model(info.name),
        marks=tuple(read_marks(shoot.landmark_file(name)) for name in shoot.camera_names),
        left_out=left_out_cameras(shoot, performance),
    )
