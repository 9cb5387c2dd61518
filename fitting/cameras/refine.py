"""Calibrated cameras that may have moved since: which did, and where they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from fitting.cameras.drift import CameraDrift, Doubt, camera_drift
from fitting.cameras.resection import Habit, View, habit_of, resect
from fitting.fit import FitStart, fit_performance
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.options import FitOptions
from fitting.performance import Performance
from fitting.posed import posed_vertices
from fitting.solvers.choice import Progress

Array = NDArray[np.float64]

_FITS = 4
_MISLED = 0.5
_LEAST_LANDMARKS = 20


def fit_and_refine(
    model: HeadModel,
    observations: Observations,
    rig: Rig,
    options: FitOptions,
    progress: Progress | None = None,
    start: FitStart | None = None,
) -> Performance:
    """Fit with calibrated cameras of which some may have moved, and say which did.

    The cameras are taken for right first; landmarks that contradict the others count for little. Then each is
    compared with where it would see the head best. Those that are farther off than chance, and than what
    their landmarks get wrong alike in all frames, are found anew together with the head; the others stay,
    since a turn and a shift that cancel in the image would otherwise carry them away. Where most have moved,
    all are free, and the world is that in which most are where they were calibrated.

    Args:
        model, observations, rig, progress, start: as :func:`fitting.fit.fit_performance` takes them.
        options: with the cameras' groups free; `moving` names the cameras to refine, if they are known.

    Returns:
        the performance, its `drift` telling of each camera that sees the head.

    Raises:
        InputError, NoFaceError, SolverError: as :func:`fitting.fit.fit_performance`.
    """
    work = _Refinement(model, observations, rig, options)
    if options.moving is not None:
        return work.found(options.moving, work.known(_part(progress, 0, 2), start), _part(progress, 1, 2))
    found = work.known(_part(progress, 0, _FITS), start)
    moved: tuple[int, ...] = ()
    for each in range(1, _FITS):
        doubtful = work.moved(found)
        if set(doubtful) <= set(moved):
            break
        moved = tuple(sorted({*moved, *doubtful}))
        if 2 * len(moved) > len(rig):
            moved = tuple(range(len(rig)))
        found = work.found(moved, found, _part(progress, each, _FITS))
    return found if moved else work.told(found, ())


@dataclass(frozen=True, eq=False)
class _Refinement:
    """The cameras as they were calibrated, and what they saw."""

    model: HeadModel
    observations: Observations
    rig: Rig
    options: FitOptions

    def known(self, progress: Progress | None, start: FitStart | None) -> Performance:
        """The fit with cameras that stay, though their groups are free: they may contradict each other."""
        held = replace(self.options, moving=())
        return fit_performance(self.model, self.observations, self.rig, held, progress, start)

    def moved(self, found: Performance) -> tuple[int, ...]:
        """The cameras that are beyond chance from where they were calibrated, the worst of them.

        Those that are less than half as far off may only have been misled by the others.
        """
        times = {index: each.drift.times for index, each in self._judged(found).items() if each.drift.moved}
        return tuple(index for index, each in times.items() if each >= _MISLED * max(times.values()))

    def found(self, moved: Sequence[int], so_far: Performance, progress: Progress | None) -> Performance:
        """The fit in which some cameras are found, beginning with where they see the head best."""
        judged = self._judged(so_far)
        cameras = tuple(
            judged[index].camera if index in moved and index in judged else camera
            for index, camera in enumerate(self.rig)
        )
        everybody = len(moved) == len(self.rig)
        repeats = [judged[index].habit.repeats for index in moved if index in judged]
        options = replace(
            self.options,
            moving=None if everybody else tuple(moved),
            cameras=self.options.cameras.firmer(float(np.median(repeats)) if repeats else 1.0),
        )
        begin = replace(self.rig, cameras=self.rig.cameras if everybody else cameras)
        known = FitStart(so_far.identity, so_far.expression, so_far.pose)
        found = fit_performance(self.model, self.observations, begin, options, progress, known)
        return self.told(found, moved)

    def told(self, found: Performance, moved: Sequence[int]) -> Performance:
        """The performance with what became of its cameras; those that stayed are as they were, to the bit."""
        judged = self._judged(found)
        cameras = tuple(
            camera if index in moved else self.rig.cameras[index] for index, camera in enumerate(found.rig)
        )
        names = ", ".join(self.rig.names[index] for index in moved)
        source = f"{self.rig.source}; refined by the fit: {names}" if names else self.rig.source
        rig = replace(self.rig, cameras=cameras, source=source)
        drift = []
        for index, each in judged.items():
            if index not in moved:
                drift.append(each.drift)
                continue
            doubt = self._doubt(found, index, each.habit)
            head = each.view.points[each.view.used]
            drift.append(camera_drift(self.rig.cameras[index], cameras[index], head, doubt))
        return replace(found, rig=rig, drift=tuple(drift))

    def _judged(self, found: Performance) -> dict[int, _Judgement]:
        """Of each camera that sees the head: where it would see it best."""
        landmarks = np.stack(
            [
                self.observations.points.evaluate(posed_vertices(self.model, found, frame))
                for frame in range(len(found.frames))
            ]
        )
        judged = {}
        for index, camera in enumerate(found.rig):
            view = View.of(self.observations, index, landmarks)
            if view.used.sum() >= _LEAST_LANDMARKS:
                judged[index] = self._judge(self.rig.cameras[index], camera, view, index, found)
        return judged

    def _judge(
        self, calibrated: Camera, camera: Camera, view: View, index: int, found: Performance
    ) -> _Judgement:
        loose = self.options.cameras
        habit = habit_of(resect(camera, view, loose.camera_rotation, loose.camera_translation), view)
        firm = loose.firmer(habit.repeats)
        moved = resect(camera, view, firm.camera_rotation, firm.camera_translation)
        head = view.points[view.used]
        drift = camera_drift(calibrated, moved, head, self._doubt(found, index, habit))
        return _Judgement(view, moved, habit, drift)

    def _doubt(self, found: Performance, index: int, habit: Habit) -> Doubt:
        spread = found.uncertainty
        wider = float(np.sqrt(habit.repeats))
        calibrated = self.rig.residual_px.get(self.rig.names[index])
        if spread is None:
            return Doubt(habit.px, calibrated)
        return Doubt(
            habit.px,
            calibrated,
            wider * float(spread.view[index]),
            wider * float(np.linalg.norm(spread.camera_rotation[index])),
            wider * float(np.linalg.norm(spread.camera_position[index])),
        )


@dataclass(frozen=True, eq=False)
class _Judgement:
    """One camera: what it saw, where it would see the head best, and how far that is from its place."""

    view: View
    camera: Camera
    habit: Habit
    drift: CameraDrift


def _part(progress: Progress | None, part: int, parts: int) -> Progress | None:
    """Progress of one of several fits, told as progress of all."""
    if progress is None:
        return None
    return lambda done, total, label: progress(part * total + done, parts * total, label)
