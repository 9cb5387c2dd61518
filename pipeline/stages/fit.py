"""vultus fit: from landmarks and cameras to one identity, and expression and pose per frame."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from calibration.formats import write_rig
from fitting.cameras.modes import fit_with_cameras
from fitting.head_model import HeadModel
from fitting.head_models.store import find_head_model, head_digest
from fitting.observations import Observations
from fitting.options import FitOptions, FitWeights
from fitting.performance import Performance
from fitting.personal_shape.fit import fit_personal_shape
from pipeline.camera_knowledge import cameras_fingerprint
from pipeline.devices import torch_device
from pipeline.long_fit import LongFit, Solve, stretches_of
from pipeline.progress import Progress, silent, span
from pipeline.segments import begun_in
from pipeline.shoot.settings import FitSettings
from pipeline.shoot.shoot import Shoot
from pipeline.sightings import Sightings, read_sightings, to_be_fitted, warn_left_out
from pipeline.stores.drift import write_drift
from pipeline.stores.fingerprint import fingerprint
from pipeline.stores.hdf5 import CorruptStoreError
from pipeline.stores.landmarks import landmark_fingerprint
from pipeline.stores.performance import (
    ModelInfo,
    performance_fingerprint,
    performance_frames,
    write_performance,
)

log = logging.getLogger(__name__)

_IDENTITY_SHARE = 0.25  # of the work of a long take


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Fit the head model to the landmarks of all cameras and frames.

    A take of more frames than ``[fit] chunk`` is fitted in stretches: :func:`identity`, then each as
    :func:`chunk` does it, then all are put together. What is done of that is not done again.

    Args:
        shoot: whose landmarks are detected and whose cameras are calibrated.
        force: fit again, even if the result is up to date.
        progress: called as the solver goes on.

    Returns:
        the performance file.

    Raises:
        InputError: the calibration or the landmarks are missing or do not belong together.
        SolverError: the solver diverged.
    """
    path, work = shoot.performance_file, _fingerprint(shoot)
    long = _long_fit(shoot, work)
    if force:
        long.forget()
    elif _is_current(path, work):
        long.forget()
        _warn_left_out(shoot, performance_frames(path))
        log.info("Fit: up to date (%s)", path)
        return path
    if long.stretches:
        performance, info = _in_stretches(shoot, long, progress)
    else:
        model = _model(shoot)
        performance, info = _solve(shoot, model, read_sightings(shoot, model), progress)
    write_performance(path, performance, info, fingerprint=work)
    long.forget()
    _warn_left_out(shoot, performance.frames.tolist())
    if not performance.converged:
        log.warning("Fit: the solver stopped before it reached its gate; look at the overlays")
    log.info(
        "Fit: %d frames, mean reprojection %.2f px", len(performance.frames), performance.reprojection_px
    )
    return path


def identity(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Find what all frames of a long take share, from some of them, for :func:`chunk`.

    That is the identity, the cameras where they are found or refined, and the personal shape where it is
    wanted. Of a take that is fitted as a whole nothing is done: there they are found with the frames.

    Args:
        shoot: as in :func:`main`.
        force: find it again, and with it all stretches.
        progress: called as the solver goes on.

    Returns:
        the file of what was found; the performance file where there is nothing to do.

    Raises:
        InputError, SolverError: as :func:`main`.
    """
    if not stretches_of(shoot):
        log.info("Identity: the take is short, it is found with the fit")
        return shoot.performance_file
    work = _fingerprint(shoot)
    long = _long_fit(shoot, work)
    if force:
        long.forget()
    elif _is_current(shoot.performance_file, work):
        log.info("Identity: up to date (%s)", shoot.performance_file)
        return shoot.performance_file
    return long.find_identity(_solver(shoot), progress)


def chunk(shoot: Shoot, frames: str, progress: Progress = silent) -> Path:
    """Fit the stretches that begin in a range of frames, for :func:`main` to put together.

    However a take is cut into ranges, each stretch is done once, and the result is the same.

    Args:
        shoot: as in :func:`main`; its :func:`identity` is found.
        frames: the range; one in which no stretch begins is warned of, and nothing is done.
        progress: called as the solver goes on.

    Returns:
        the performance file that the stretches will be put together in.

    Raises:
        UsageError: this is not a frame range.
        InputError, SolverError: as :func:`main`.
    """
    path, work = shoot.performance_file, _fingerprint(shoot)
    long = _long_fit(shoot, work)
    chosen = begun_in(long.stretches, shoot.frames, frames)
    if not chosen:
        log.warning("Fit: no stretch begins in the frames %s; there is nothing to do", frames)
    elif _is_current(path, work):
        log.info("Fit: up to date (%s)", path)
    else:
        for position, stretch in enumerate(chosen):
            long.fit(stretch, span(progress, position / len(chosen), (position + 1) / len(chosen)))
    return path


def chunks(shoot: Shoot) -> tuple[str, ...]:
    """The frame ranges of the stretches, one for each call of :func:`chunk`; none for a short take.

    Raises:
        InputError: there are no images.
    """
    frames = shoot.frames
    return tuple(f"{frames[each.start]}-{frames[each.end - 1]}" for each in stretches_of(shoot))


def _in_stretches(shoot: Shoot, long: LongFit, progress: Progress) -> tuple[Performance, ModelInfo]:
    """All that is missing of a long take, and the whole."""
    progress(0, 1, "fit")
    long.find_identity(_solver(shoot), span(progress, 0.0, _IDENTITY_SHARE))
    count = len(long.stretches)
    step = (1 - _IDENTITY_SHARE) / count
    for position, stretch in enumerate(long.stretches):
        start = _IDENTITY_SHARE + position * step
        long.fit(stretch, span(progress, start, start + step))
    return long.together()


def _model(shoot: Shoot) -> HeadModel:
    return find_head_model(shoot.settings.fit.model, torch_device(shoot.settings.fit.device))


def _long_fit(shoot: Shoot, work: str) -> LongFit:
    return LongFit(shoot, partial(_model, shoot), fit_options(shoot.settings.fit), work)


def _solver(shoot: Shoot) -> Solve:
    return partial(_solve, shoot)


def _solve(
    shoot: Shoot, model: HeadModel, sightings: Sightings, progress: Progress
) -> tuple[Performance, ModelInfo]:
    """The fit of some frames, with their cameras and personal shape as far as those are to be found."""
    settings = shoot.settings.fit
    chosen, dense = to_be_fitted(shoot, sightings, model), sightings.observations
    finding = chosen.plan.finds_places or bool(chosen.plan.free)
    if finding or not settings.personal_shape:
        performance = fit_with_cameras(
            model, chosen.observations, chosen.rig, chosen.plan, fit_options(settings), progress=progress
        )
        kept = np.array([chosen.rig.names.index(name) for name in performance.rig.names])
        dense = dense.select_cameras(kept)
        seen = chosen.observations.select_cameras(kept)
        chosen = replace(chosen, rig=performance.rig, observations=seen)
    if settings.personal_shape:
        shaped = _with_personal_shape(model, chosen, dense, settings, progress)
        performance = replace(shaped, drift=performance.drift) if finding else shaped
    if finding:
        _tell_cameras(shoot, performance)
    else:
        write_drift(shoot.drift_file, ())
    info = ModelInfo(model.traits.name, model.expression_names, model.joint_names, chosen.layout)
    return performance, info


def _warn_left_out(shoot: Shoot, fitted: Sequence[int]) -> None:
    """Tell of frames that the landmarks have and the fit has not."""
    warn_left_out(sorted(set(shoot.frames).difference(fitted)))


def _with_personal_shape(
    model: HeadModel, chosen: Sightings, dense: Observations, settings: FitSettings, progress: Progress
) -> Performance:
    """The fit on the actor's personal shape, and a word on what became of that."""
    performance, shape = fit_personal_shape(
        model, chosen.observations, chosen.rig, dense, fit_options(settings), progress=progress
    )
    if shape.held:
        size = 1e3 * float(np.linalg.norm(shape.offset, axis=1).max())
        log.info("Fit: personal shape of at most %.1f mm; %s", size, shape.words())
    else:
        log.warning("Fit: no personal shape; %s", shape.words())
    return performance


def _tell_cameras(shoot: Shoot, performance: Performance) -> None:
    """Say how well the cameras were found, and leave them for other takes; and which have moved."""
    rig, drift = performance.rig, performance.drift
    write_drift(shoot.drift_file, drift)
    log.info("Fit: cameras %s", rig.source)
    told = {str(each) for each in drift}
    for note in rig.notes:
        if note not in told:
            log.log(logging.WARNING if "poorly" in note else logging.INFO, "Fit: %s", note)
    path = write_rig(rig, shoot.found_cameras_file, "vultus")
    log.info("Fit: another take with the same cameras can name %s as its calibration", path)


def fit_options(settings: FitSettings) -> FitOptions:
    """The solver's options of the shoot file's settings; what the file does not say is the solver's own."""
    options: dict[str, object] = {
        "weights": FitWeights(**settings.weights.model_dump(exclude_none=True)),
    }
    keys = {"solver", "max_iterations", "identity_prior", "robust"}
    chosen = settings.model_dump(include=keys, exclude_none=True)
    options |= chosen
    return FitOptions(**options)  # type: ignore[arg-type]


def _fingerprint(shoot: Shoot) -> str:
    files = [shoot.landmark_file(name) for name in shoot.camera_names]
    return fingerprint(
        cameras=cameras_fingerprint(shoot),
        landmarks=[landmark_fingerprint(file) for file in files],
        fps=shoot.settings.shoot.fps,
        settings=shoot.settings.fit.model_dump(exclude={"device", "chunk"}),
        stretches=chunks(shoot),
        model=head_digest(shoot.settings.fit.model),
    )


def _is_current(path: Path, expected: str) -> bool:
    try:
        return performance_fingerprint(path) == expected
    except CorruptStoreError as error:
        log.warning("%s It is made again.", error)
        return False
