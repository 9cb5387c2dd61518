"""The cameras of a shoot that are not in its result, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from calibration.formats import read_rig
from fitting.performance import Performance
from pipeline.board_report import left_out
from pipeline.shoot.shoot import Shoot


def uncalibrated_cameras(shoot: Shoot) -> tuple[str, ...]:
    """The cameras that a board did not determine, in the shoot's own calibration or one that takes share."""
    choice = shoot.rig_choice
    folders = [shoot.calibration_folder]
    if choice is not None:
        folders += [choice.folder(rig.name) / shoot.calibration_folder.name for rig in choice.made]
    found = {name for folder in folders for name in left_out(folder)}
    return tuple(name for name in shoot.camera_names if name in found)


def left_out_cameras(shoot: Shoot, performance: Performance) -> Mapping[str, str]:
    """A sentence for each camera of the shoot that the result lacks, by its name.

    What a warning of the fit says already is not said again.

    Args:
        shoot: with its calibration, if it has one.
        performance: its result.
    """
    unfit, known = uncalibrated_cameras(shoot), _calibrated(shoot.cameras_file)
    sentences = {}
    for name in shoot.camera_names:
        told = any(warning.startswith(f"Camera {name}:") for warning in performance.warnings)
        if name in performance.rig.names or told:
            continue
        if name in unfit:
            why = "the images of the board do not determine it"
        elif known is not None and name not in known:
            why = "it is not among the calibrated cameras"
        else:
            why = "the fit could not place it"
        sentences[name] = f"Camera {name}: {why}; it is left out"
    return sentences


def _calibrated(file: Path) -> tuple[str, ...] | None:
    """The cameras that were calibrated; None where there is no calibration."""
    return read_rig(file, "vultus").names if file.is_file() else None
