"""Are cameras where they were calibrated? Each is held against the head that all of them know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from fitting.cameras.drift import CameraDrift, Doubt, camera_drift
from fitting.cameras.majority import MAJORITY
from fitting.cameras.resection import Habit, View, habit_of, resect
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.options import CameraUncertainty
from fitting.performance import Performance
from fitting.posed import posed_vertices

Array = NDArray[np.float64]

_FRAMES, _LANDMARKS = 40, 160
_LEAST_LANDMARKS = 20
_MISLED = 0.5


@dataclass(frozen=True, eq=False)
class Judgement:
    """One camera.

    Attributes:
        view: what it saw in some of the frames. best: the camera where it would see the head best.
        habit: what its landmarks are off by alike, at its best place; of all frames and landmarks.
        drift: how far its best place is from where it was calibrated.
    """

    view: View
    best: Camera
    habit: Habit
    drift: CameraDrift


def farthest(judged: Mapping[int, Judgement]) -> tuple[int, ...]:
    """The cameras that are beyond chance from where they were calibrated, the worst of them.

    Those that are less than half as far off may only have been misled by the others.
    """
    times = {index: each.drift.times for index, each in judged.items() if each.drift.moved}
    return tuple(index for index, each in times.items() if each >= _MISLED * max(times.values()))


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges the cameras of fits of one sequence.

    Attributes:
        model: the head model. observations: of F frames, C cameras. rig: the cameras as they were calibrated.
        loose: how far they may have moved.
    """

    model: HeadModel
    observations: Observations
    rig: Rig
    loose: CameraUncertainty = field(default_factory=CameraUncertainty)

    def judge(self, found: Performance) -> dict[int, Judgement]:
        """Each camera that sees enough of the head, by its position, under the head of a fit."""
        seen = self._some()
        frames = np.searchsorted(found.frames, seen.frames)
        head = np.stack(
            [seen.points.evaluate(posed_vertices(self.model, found, int(frame))) for frame in frames]
        )
        return {
            index: self._judged(found, index, View.of(seen, index, head))
            for index in range(len(self.rig))
            if seen.used[:, index].sum() >= _LEAST_LANDMARKS
        }

    def doubt(self, found: Performance, index: int, habit: Habit) -> Doubt:
        """What is uncertain about the place of a camera in a fit."""
        calibrated, spread = self.rig.residual_px.get(self.rig.names[index]), found.uncertainty
        if spread is None:
            return Doubt(habit.px, calibrated)
        wider = float(np.sqrt(habit.repeats))
        return Doubt(
            habit.px,
            calibrated,
            wider * float(spread.view[index]),
            wider * float(np.linalg.norm(spread.camera_rotation[index])),
            wider * float(np.linalg.norm(spread.camera_position[index])),
        )

    def _some(self) -> Observations:
        """Some of the frames that a camera saw, and some of the landmarks."""
        whole = self.observations
        frames = np.flatnonzero(whole.views > 0)
        few = whole.select_frames(frames[_spread(len(frames), _FRAMES)])
        return few.select_landmarks(_spread(whole.shape[2], _LANDMARKS))

    def _judged(self, found: Performance, index: int, view: View) -> Judgement:
        calibrated, camera, loose = self.rig.cameras[index], found.rig.cameras[index], self.loose
        habit = habit_of(resect(camera, view, loose.camera_rotation, loose.camera_translation), view)
        firm = loose.firmer(habit.repeats)
        best = resect(camera, view, firm.camera_rotation, firm.camera_translation)
        more = float(self.observations.used[:, index].sum() / view.used.sum())
        doubt = self.doubt(found, index, habit.among(more))
        return Judgement(view, best, habit.among(more), camera_drift(calibrated, best, view.head, doubt))


def with_suspicions(found: Performance, judge: Judge) -> Performance:
    """A fit with calibrated cameras, warning of those that seem to have moved; of two, neither can tell."""
    if len(found.rig) < MAJORITY:
        return found
    judged = judge.judge(found)
    fitted = np.isfinite(found.residual_px).any((0, 2))
    moved = [judged[index].drift for index in farthest(judged) if fitted[index]]
    warnings = tuple(f"{each}, or let the fit find it (refine)" for each in moved)
    return replace(found, warnings=(*found.warnings, *warnings))


def _spread(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
