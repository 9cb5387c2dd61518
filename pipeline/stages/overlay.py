"""vultus overlay: what was fitted, drawn over what the cameras saw."""

from __future__ import annotations

import logging
from pathlib import Path

from fitting.head_models.store import find_head_model
from pipeline.overlays.sheet_and_movies import (
    OverlayOptions,
    Scene,
    write_contact_sheet,
    write_overlay_movies,
)
from pipeline.progress import Progress, silent, span
from pipeline.shoot.shoot import Shoot
from pipeline.sightings import read_sightings, to_be_fitted
from pipeline.stores.fingerprint import fingerprint
from pipeline.stores.performance import performance_fingerprint, read_performance
from pipeline.stores.stamps import clear_stamp, is_current, write_stamp

log = logging.getLogger(__name__)

STAGE = "overlay"
SHEET = "sheet.jpg"
_SHEET_SHARE = 0.2
_SHEET_PANEL = 360


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Draw a movie per camera (photograph, mesh, landmarks) and a sheet of all cameras by some frames.

    Args:
        shoot: whose performance is fitted.
        force: draw again, even if the result is up to date.
        progress: called after each picture.

    Returns:
        the folder of the overlays; ``sheet.jpg`` in it shows the shoot at a glance.

    Raises:
        InputError: there is no performance, or its images are gone.
    """
    folder = shoot.overlay_folder
    work = fingerprint(performance=performance_fingerprint(shoot.performance_file))
    if not force and is_current(shoot.output, STAGE, work):
        log.info("Overlay: up to date (%s)", folder)
        return folder
    performance, info = read_performance(shoot.performance_file)
    clear_stamp(shoot.output, STAGE)
    model = find_head_model(info.name)
    seen = to_be_fitted(shoot, read_sightings(shoot, model, to_fit=False), model).observations
    scene = Scene(performance, model, shoot.sources, seen)
    sheet = OverlayOptions(longest_side=_SHEET_PANEL, crop=True, progress=span(progress, 0, _SHEET_SHARE))
    files = [write_contact_sheet(scene, folder / SHEET, options=sheet)]
    files += write_overlay_movies(scene, folder, OverlayOptions(progress=span(progress, _SHEET_SHARE, 1)))
    write_stamp(shoot.output, STAGE, work, files)
    log.info("Overlay: %s and a movie per camera", folder / SHEET)
    return folder
