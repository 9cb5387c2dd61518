"""vultus fit: from landmarks and cameras to one identity, and expression and pose per frame."""

from __future__ import annotations

import logging
from dataclasses import replace
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
from pipeline.progress import Progress, silent
from pipeline.shoot.settings import FitSettings
from pipeline.shoot.shoot import Shoot
from pipeline.sightings import Sightings, read_sightings, to_be_fitted, warn_left_out
from pipeline.stores.drift import write_drift
from pipeline.stores.fingerprint import fingerprint
from pipeline.stores.hdf5 import CorruptStoreError
from pipeline.stores.performance import ModelInfo, performance_fingerprint, write_performance

log = logging.getLogger(__name__)


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Fit the head model to the landmarks of all cameras and frames.

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
    settings, path = shoot.settings.fit, shoot.performance_file
    model = find_head_model(settings.model, torch_device(settings.device))
    sightings = read_sightings(shoot, model)
    warn_left_out(sightings.left_out)
    work = _fingerprint(shoot, sightings)
    if not force and _is_current(path, work):
        log.info("Fit: up to date (%s)", path)
        return path
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
    write_performance(path, performance, info, fingerprint=work)
    if not performance.converged:
        log.warning("Fit: the solver stopped before it reached its gate; look at the overlays")
    log.info(
        "Fit: %d frames, mean reprojection %.2f px", len(performance.frames), performance.reprojection_px
    )
    return path


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


def _fingerprint(shoot: Shoot, sightings: Sightings) -> str:
    return fingerprint(
        cameras=cameras_fingerprint(shoot),
        landmarks=sightings.fingerprints,
        fps=shoot.settings.shoot.fps,
        settings=shoot.settings.fit.model_dump(exclude={"device"}),
        model=head_digest(shoot.settings.fit.model),
    )


def _is_current(path: Path, expected: str) -> bool:
    try:
        return performance_fingerprint(path) == expected
    except CorruptStoreError as error:
        log.warning("%s It is made again.", error)
        return False
