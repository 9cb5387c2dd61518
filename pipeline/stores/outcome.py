"""What became of a shoot: the frames that failed, the frames left out, how well the fit went."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from calibration.errors import SolverError
from calibration.whole_file import whole_file
from fitting.performance import FrameStatus as FitStatus
from pipeline.exit_status import DONE, PARTIAL
from pipeline.fit_summary import flagged_lines
from pipeline.left_out import left_out_cameras, uncalibrated_cameras
from pipeline.shoot.shoot import Shoot
from pipeline.stores.drift import read_drift
from pipeline.stores.frame_marks import FrameMarks, read_marks
from pipeline.stores.landmarks import FrameStatus
from pipeline.stores.performance import read_performance


@dataclass(frozen=True)
class FrameFailure:
    """A frame of a camera that could not be used, and why."""

    camera: str
    frame: int
    reason: str

    def __str__(self) -> str:
        return f"camera {self.camera}, frame {self.frame}: {self.reason}"


@dataclass(frozen=True)
class Outcome:
    """What became of a shoot.

    Attributes:
        shoot: its name.
        frames: how many were fitted.
        failures: images that could not be read, and frames in which no camera saw a face.
        converged: whether the solver reached its gate.
        reprojection_px: mean distance of seen and fitted landmarks, pixels.
        single_view: fitted frames that only one camera saw a face in.
        unreliable: frames that are not to be relied on, a line for each reason.
        warnings: what was wrong with the input but could be lived with, a sentence each.
        cameras: where the cameras are from, and with that the scale of all lengths.
        drift: what became of the cameras since they were calibrated, where the fit looked, a sentence each.
        uncalibrated: cameras that a board did not determine, so that they are left out.
    """

    shoot: str
    frames: int
    failures: tuple[FrameFailure, ...]
    converged: bool
    reprojection_px: float
    single_view: int
    unreliable: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    cameras: str = ""
    drift: tuple[str, ...] = ()
    uncalibrated: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """What a farm manager is told: 0 done, 4 frames or cameras failed, 5 the solver missed its gate."""
        if not self.converged:
            return SolverError.exit_status
        return PARTIAL if self.failures or self.uncalibrated else DONE


def read_failures(shoot: Shoot) -> tuple[FrameFailure, ...]:
    """The frames that the detection could not use, from the landmark files.

    A camera that sees no face in a frame is no failure as long as another camera sees one: heads turn.

    Raises:
        InputError: a landmark file is missing or damaged.
    """
    stored = [read_marks(shoot.landmark_file(name)) for name in shoot.camera_names]
    unreadable = [failure for each in stored for failure in _unreadable(each)]
    frames, status = stored[0].frames, np.stack([each.status for each in stored])
    tried, found = ((status == which).any(axis=0) for which in (FrameStatus.NO_FACE, FrameStatus.OK))
    empty = [FrameFailure("all", int(frame), "no face was found") for frame in frames[tried & ~found]]
    return (*unreadable, *empty)


def read_outcome(shoot: Shoot) -> Outcome:
    """What became of a shoot, from its files.

    Raises:
        InputError: landmarks or performance are missing or damaged.
    """
    performance, _ = read_performance(shoot.performance_file)
    return Outcome(
        shoot=shoot.name,
        frames=len(performance.frames),
        failures=read_failures(shoot),
        converged=performance.converged,
        reprojection_px=performance.reprojection_px,
        single_view=int((performance.status == FitStatus.SINGLE_VIEW).sum()),
        unreliable=tuple(flagged_lines(performance)),
        warnings=(*left_out_cameras(shoot, performance).values(), *performance.warnings),
        cameras=performance.rig.source,
        drift=read_drift(shoot.drift_file),
        uncalibrated=uncalibrated_cameras(shoot),
    )


def write_outcome(shoot: Shoot, outcome: Outcome) -> Path:
    """Leave the outcome beside the results, for whoever looks after a night's work."""
    path = shoot.output / "outcome.json"
    with whole_file(path) as partial:
        partial.write_text(json.dumps(asdict(outcome), indent=1), encoding="utf-8")
    return path


def _unreadable(stored: FrameMarks) -> list[FrameFailure]:
    positions = np.flatnonzero(stored.status == FrameStatus.UNREADABLE)
    return [FrameFailure(stored.camera, int(stored.frames[p]), stored.reason[p]) for p in positions]
