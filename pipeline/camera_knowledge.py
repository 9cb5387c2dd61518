"""What a shoot says of its cameras: what is known of them, and what is left for the fit to find."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calibration.camera import Rig
from calibration.errors import UsageError
from calibration.formats import read_rig
from fitting.cameras.modes import CameraMode, CameraPlan, MeasuredDistance
from fitting.cameras.start import unknown_camera
from pipeline.shoot.settings import CalibrationSettings
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import file_digest, fingerprint

Size = tuple[int, int]


def given_rig(shoot: Shoot, sizes: Mapping[str, Size]) -> Rig:
    """The cameras as far as they are known: calibrated ones, or image sizes alone.

    Args:
        shoot: whose cameras are wanted.
        sizes: (width, height) of the images of each camera.

    Raises:
        InputError: the calibration is missing or cannot be read.
    """
    if _calibrated(shoot):
        return read_rig(shoot.cameras_file, "vultus")
    return Rig(tuple(unknown_camera(name, sizes[name]) for name in shoot.camera_names), "not calibrated")


def camera_plan(shoot: Shoot, rig: Rig) -> CameraPlan:
    """What the fit takes for known of these cameras.

    Where the shoot does not say: everything that is calibrated; the lenses alone, where a file of cameras
    gives no places; and nothing without calibration.

    Raises:
        UsageError: something is to be known that was not calibrated.
    """
    settings, calibration = shoot.settings.fit, shoot.calibration
    mode = _mode(shoot, rig)
    lenses = calibration.source != "head"
    if not lenses and mode not in (CameraMode.UNKNOWN, CameraMode.MOVING):
        raise UsageError(
            f'fit.cameras = "{mode}" needs cameras that are calibrated',
            where=str(shoot.file),
            fix='Name a board or a file of cameras in [calibration], or choose "unknown"',
        )
    if settings.refine_cameras and mode != CameraMode.REFINE:
        raise UsageError(
            f'fit.refine_cameras names cameras, and fit.cameras = "{settings.cameras}" refines none',
            where=str(shoot.file),
            fix='Say cameras = "refine" too',
        )
    return CameraPlan(
        mode, frozenset(settings.refine), settings.refine_cameras, lenses, _distance(calibration)
    )


def rig_for_detection(shoot: Shoot) -> Rig | None:
    """The cameras whose places are known before the detection; None where they are not."""
    if not (_calibrated(shoot) and shoot.cameras_file.is_file()):
        return None
    rig = read_rig(shoot.cameras_file, "vultus")
    return rig if _mode(shoot, rig) in (CameraMode.KNOWN, CameraMode.REFINE) else None


def cameras_fingerprint(shoot: Shoot) -> str:
    """Of everything that the shoot says of its cameras, for the stages that depend on it."""
    there = _calibrated(shoot) and shoot.cameras_file.is_file()
    known = file_digest(shoot.cameras_file) if there else None
    return fingerprint(known=known, distance=shoot.calibration.model_dump(include={"distance"}))


def _calibrated(shoot: Shoot) -> bool:
    """Whether the calibration is of any use to the shoot."""
    return shoot.calibration.source != "head" and shoot.settings.fit.cameras != "unknown"


def _mode(shoot: Shoot, rig: Rig) -> CameraMode:
    chosen = shoot.settings.fit.cameras
    if chosen != "auto":
        return CameraMode(chosen)
    if shoot.calibration.source == "head":
        return CameraMode.UNKNOWN
    return CameraMode.KNOWN if _has_places(rig) else CameraMode.POSES


def _has_places(rig: Rig) -> bool:
    """Whether a file of cameras says where they stand: several that stand at one place do not."""
    centres = np.stack([camera.centre for camera in rig])
    return len(rig) == 1 or bool(np.ptp(centres, axis=0).max() > 0)


def _distance(calibration: CalibrationSettings) -> MeasuredDistance | None:
    given = calibration.distance
    return None if given is None else MeasuredDistance(*given.between, given.mm / 1000)
