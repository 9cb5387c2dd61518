"""The fit of a take that is too long for one: what its frames share, stretch after stretch, and all together.

What has been done lies in ``performance.parts/`` beside the performance: ``identity.h5`` and a file for each
stretch, each a performance of its frames. They are made by one process or by many, in any order.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from fitting.cameras.modes import with_slower_motion
from fitting.frame_choice import telling_frames
from fitting.head_model import HeadModel
from fitting.long_takes import (
    Stretch,
    filled,
    fit_stretch,
    joined,
    sigma_residuals,
    some_places,
    stretches,
)
from fitting.observations import Observations
from fitting.options import FitOptions
from fitting.performance import Performance
from fitting.posed import personalised
from fitting.sanity import unseen
from pipeline.camera_knowledge import camera_plan
from pipeline.fit_memory import IDENTITY_FRAMES
from pipeline.progress import Progress
from pipeline.shoot.shoot import Shoot
from pipeline.sightings import Excerpt, Sightings, read_sightings, to_be_fitted
from pipeline.stores.fingerprint import fingerprint
from pipeline.stores.hdf5 import CorruptStoreError
from pipeline.stores.performance import (
    ModelInfo,
    performance_fingerprint,
    read_performance,
    write_performance,
)

log = logging.getLogger(__name__)

Solve = Callable[[HeadModel, Sightings, Progress], tuple[Performance, ModelInfo]]
"""Fits some frames of a take, cameras and personal shape included, as far as they are to be found."""

_IDENTITY = "identity"


def stretches_of(shoot: Shoot) -> tuple[Stretch, ...]:
    """The stretches that a take is fitted in; none if it is fitted as a whole.

    Raises:
        InputError: there are no images.
    """
    return stretches(len(shoot.frames), shoot.settings.fit.chunk)


class LongFit:
    """A take that is fitted in stretches.

    Args:
        shoot: whose landmarks are detected. model: gives the head model, once something is to be done.
        options: of the fit. work: fingerprint of settings and inputs.
    """

    def __init__(self, shoot: Shoot, model: Callable[[], HeadModel], options: FitOptions, work: str) -> None:
        self._shoot, self._load, self._options, self._work = shoot, model, options, work
        self.stretches = stretches_of(shoot)

    def find_identity(self, solve: Solve, progress: Progress) -> Path:
        """Find what all frames share, unless it is found already; a file of the frames that it is found from.

        Args:
            solve: fits the chosen frames. progress: of this.

        Raises:
            InputError, NoFaceError, SolverError: as the fit of a short take.
        """
        path = self._file(_IDENTITY)
        if self._is_done(_IDENTITY):
            log.info("Identity: up to date (%s)", path)
            return path
        progress(0, 1, "identity")
        every = read_sightings(self._shoot, self._model, excerpt=Excerpt(few_landmarks=True))
        chosen = telling_frames(every.observations, IDENTITY_FRAMES)
        numbers = tuple(every.observations.frames[chosen].tolist())
        sightings = read_sightings(self._shoot, self._model, excerpt=Excerpt(numbers))
        found, info = solve(self._model, sightings, progress)
        seen = sightings.observations
        # what was said of these frames alone; of all frames it is said when they are put together
        here = unseen(seen.seeing, seen.frames, sightings.rig.names)
        found = replace(found, warnings=tuple(each for each in found.warnings if each not in here))
        write_performance(path, found, info, fingerprint=self._fingerprint(_IDENTITY))
        log.info("Identity: found from %d of %d frames", len(numbers), len(every.observations.frames))
        return path

    def fit(self, stretch: Stretch, progress: Progress) -> Path:
        """Fit a stretch, unless that is done already; a file of its frames.

        Raises:
            InputError: the identity was not found yet.
            SolverError: the solver diverged.
        """
        name = self._name(stretch)
        path = self._file(name)
        if self._is_done(name):
            log.info("Fit: %s is up to date (%s)", name, path)
            return path
        if not self._is_done(_IDENTITY):
            raise InputError(
                "What all frames share was not found yet",
                where=self._shoot.name,
                fix=f"Run: vultus run {self._shoot.root} --stage identity",
            )
        progress(0, 1, f"fit {name}")
        shared, info = self._shared
        numbers = self._shoot.frames
        seen = self._seen(stretch.before, stretch.after)
        own = (seen.frames >= numbers[stretch.start]) & (seen.frames <= numbers[stretch.end - 1])
        part = fit_stretch(self._head, seen, own, shared, self._stretch_options, progress)
        write_performance(path, part, info, fingerprint=self._fingerprint(name))
        log.info("Fit: the frames %s are done", name)
        return path

    def together(self) -> tuple[Performance, ModelInfo]:
        """All stretches as one performance, once they are done.

        Raises:
            NoFaceError: no frame of any stretch was fitted.
        """
        shared, info = self._shared
        parts = filled([read_performance(self._file(self._name(each)))[0] for each in self.stretches])
        sigmas, places, sees = [], [], []
        for stretch, part in zip(self.stretches, parts, strict=True):
            seen = self._seen(stretch.start, stretch.end)
            sigmas.append(sigma_residuals(self._head, seen, part, self._options))
            places.append(some_places(self._head, seen, part))
            sees.append(seen.seeing)
        whole = joined(shared, parts, np.concatenate(sigmas), self._options, np.concatenate(places))
        missing = unseen(np.concatenate(sees), whole.frames, whole.rig.names)
        return replace(whole, warnings=(*missing, *whole.warnings)), info

    def forget(self) -> None:
        """Remove what was done, of whatever work; what cannot be removed is only in the way, and is told."""
        folder = self._shoot.performance_parts
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("Fit: %s cannot be removed (%s); nothing needs it any more", folder, error)

    @cached_property
    def _model(self) -> HeadModel:
        return self._load()

    @cached_property
    def _shared(self) -> tuple[Performance, ModelInfo]:
        return read_performance(self._file(_IDENTITY))

    @cached_property
    def _head(self) -> HeadModel:
        offset = self._shared[0].personal_shape
        return self._model if offset is None else personalised(self._model, offset)

    @property
    def _stretch_options(self) -> FitOptions:
        return with_slower_motion(camera_plan(self._shoot, self._shared[0].rig), self._options)

    def _seen(self, start: int, end: int) -> Observations:
        """What the cameras of the identity saw in the frames from one position to another."""
        excerpt = Excerpt(self._shoot.frames[start:end])
        found = to_be_fitted(
            self._shoot, read_sightings(self._shoot, self._model, excerpt=excerpt), self._model
        )
        kept = np.array([found.rig.names.index(name) for name in self._shared[0].rig.names])
        return found.observations.select_cameras(kept)

    def _name(self, stretch: Stretch) -> str:
        numbers = self._shoot.frames
        return f"{numbers[stretch.start]}-{numbers[stretch.end - 1]}"

    def _file(self, name: str) -> Path:
        return self._shoot.performance_parts / f"{name}.h5"

    def _fingerprint(self, name: str) -> str:
        return fingerprint(work=self._work, part=name)

    def _is_done(self, name: str) -> bool:
        try:
            return performance_fingerprint(self._file(name)) == self._fingerprint(name)
        except CorruptStoreError as error:
            log.warning("%s It is made again.", error)
            return False
