"""vultus fit: from landmarks and cameras to one identity, and expression and pose per frame."""

from __future__ import annotations

import logging
from pathlib import Path

from fitting.fit import fit_performance
from fitting.head_models.store import find_head_model, head_digest
from fitting.options import FitOptions, FitWeights
from fitting.parameters import CAMERA_GROUPS
from pipeline.devices import torch_device
from pipeline.progress import Progress, silent
from pipeline.shoot.settings import FitSettings
from pipeline.shoot.shoot import Shoot
from pipeline.sightings import Sightings, read_sightings, warn_left_out
from pipeline.stores.fingerprint import file_digest, fingerprint
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
    performance = fit_performance(
        model, sightings.observations, sightings.rig, fit_options(settings), progress=progress
    )
    info = ModelInfo(model.traits.name, model.expression_names, model.joint_names, sightings.layout)
    write_performance(path, performance, info, fingerprint=work)
    if not performance.converged:
        log.warning("Fit: the solver stopped before it reached its gate; look at the overlays")
    log.info(
        "Fit: %d frames, mean reprojection %.2f px", len(performance.frames), performance.reprojection_px
    )
    return path


def fit_options(settings: FitSettings) -> FitOptions:
    """The solver's options of the shoot file's settings; what the file does not say is the solver's own."""
    options: dict[str, object] = {
        "weights": FitWeights(**settings.weights.model_dump(exclude_none=True)),
        "frozen": frozenset(CAMERA_GROUPS) - set(settings.refine),
    }
    keys = {"solver", "max_iterations", "identity_prior", "robust"}
    chosen = settings.model_dump(include=keys, exclude_none=True)
    options |= chosen
    return FitOptions(**options)  # type: ignore[arg-type]


def _fingerprint(shoot: Shoot, sightings: Sightings) -> str:
    return fingerprint(
        cameras=file_digest(shoot.cameras_file),
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
