"""Calibrated cameras that may have moved since: which did, and where they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.camera import Rig
from fitting.cameras.drift import camera_drift
from fitting.cameras.judgement import Judge, farthest
from fitting.fit import FitStart, fit_performance
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.options import FitOptions
from fitting.performance import Performance
from fitting.solvers.choice import Progress

_FITS = 4


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
        doubtful = farthest(work.judge.judge(found))
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

    def found(self, moved: Sequence[int], so_far: Performance, progress: Progress | None) -> Performance:
        """The fit in which some cameras are found, beginning with where they see the head best."""
        judged = self.judge.judge(so_far)
        everybody = len(moved) == len(self.rig)
        begin = tuple(
            judged[index].best if index in moved and index in judged and not everybody else camera
            for index, camera in enumerate(self.rig)
        )
        repeats = [judged[index].habit.repeats for index in moved if index in judged]
        options = replace(
            self.options,
            moving=None if everybody else tuple(moved),
            cameras=self.options.cameras.firmer(float(np.median(repeats)) if repeats else 1.0),
        )
        known = FitStart(so_far.identity, so_far.expression, so_far.pose)
        found = fit_performance(
            self.model, self.observations, replace(self.rig, cameras=begin), options, progress, known
        )
        return self.told(found, moved)

    def told(self, found: Performance, moved: Sequence[int]) -> Performance:
        """The performance with what became of its cameras; those that stayed are as they were, to the bit."""
        given = self.rig.cameras
        cameras = tuple(camera if index in moved else given[index] for index, camera in enumerate(found.rig))
        judged = self.judge.judge(found)
        drift = {index: each.drift for index, each in judged.items()}
        for index in set(moved) & set(judged):
            view, doubt = judged[index].view, self.judge.doubt(found, index, judged[index].habit)
            drift[index] = camera_drift(given[index], cameras[index], view.head, doubt)
        names = ", ".join(self.rig.names[index] for index in moved)
        source = f"{self.rig.source}; refined by the fit: {names}" if names else self.rig.source
        notes = (*self.rig.notes, *(str(each) for each in drift.values() if each.moved))
        rig = replace(self.rig, cameras=cameras, source=source, notes=notes)
        return replace(found, rig=rig, drift=tuple(drift.values()))

    @property
    def judge(self) -> Judge:
        """Who says whether a camera is where it was calibrated."""
        return Judge(self.model, self.observations, self.rig, self.options.cameras)


def _part(progress: Progress | None, part: int, parts: int) -> Progress | None:
    """Progress of one of several fits, told as progress of all."""
    if progress is None:
        return None
    return lambda done, total, label: progress(part * total + done, parts * total, label)
