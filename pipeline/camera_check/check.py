"""Check the cameras of a shoot, or of a file, against what they saw."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.epipolar import epipolar_table
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from fitting.camera_checks.diagnosis import Diagnosis, diagnose
from fitting.camera_checks.units import USUAL_SIZE
from pipeline.camera_check.landmarks import FRAMES, Sightings, detected, landmark_files, stored
from pipeline.frames.sources import FrameSource
from pipeline.progress import Progress, silent, span
from pipeline.shoot.shoot import Shoot
from pipeline.stages.calibrate import rig_from_file

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

GOOD, REMARKS, WRONG = 0, 4, 5
"""Exit statuses: the rig is good; it is as far as could be checked; it is not."""

FOLDER = "cameras_check"
FIXED = "cameras_fixed.json"


@dataclass(frozen=True)
class CheckRequest:
    """What is to be checked.

    Attributes:
        shoot: whose cameras; None for a file of cameras on its own.
        cameras: another file of cameras than the shoot's; None for the shoot's.
        format, units: of that file, where it does not tell them itself.
        landmarks: folder of landmarks that are detected already, where there is no shoot.
        frames: how many to look at.
        fix: write the corrected rig.
    """

    shoot: Shoot | None
    cameras: Path | None = None
    format: str | None = None
    units: str | None = None
    landmarks: Path | None = None
    frames: int = FRAMES
    fix: bool = False


@dataclass(frozen=True, eq=False)
class CameraCheck:
    """What came out.

    Attributes:
        name: of the shoot or of the file.
        source: where the cameras are from, in words.
        sightings: what the check is by.
        diagnosis: the mistakes.
        epipolar, epipolar_after: (C, C) median epipolar distances in pixels, as given and as corrected.
        missing: cameras of the shoot that the rig does not have.
        images: by camera; empty where there are none at hand.
        folder: where the report goes.
        checked: the file of cameras.
        fixed: the file of corrected cameras, where it was written.
    """

    name: str
    source: str
    sightings: Sightings
    diagnosis: Diagnosis
    epipolar: Array
    epipolar_after: Array
    missing: tuple[str, ...]
    images: Mapping[str, FrameSource]
    folder: Path
    checked: Path
    fixed: Path | None

    @property
    def rig(self) -> Rig:
        """The cameras as they were given."""
        return self.diagnosis.given.rig

    @property
    def exit_status(self) -> int:
        """0 good, 4 good as far as could be checked, 5 not good."""
        if self.diagnosis.mistakes or self.diagnosis.contradicting:
            return WRONG
        return REMARKS if self.remarks else GOOD

    @property
    def remarks(self) -> tuple[str, ...]:
        """What keeps a rig that agrees from being called good, a sentence each."""
        result = [
            f"Camera {name} sees no face in these frames: it is not checked" for name in self.sightings.blind
        ]
        result += [f"Camera {name} of the shoot is not in the calibration" for name in self.missing]
        scale = self.diagnosis.after.scale
        if np.isfinite(scale) and not USUAL_SIZE[0] < scale < USUAL_SIZE[1]:
            result.append(
                f"The head is {scale:.2f} times the usual size: check the scale of the calibration (the size "
                "of the board's squares), unless it is a small child's head"
            )
        return tuple(result)


def check_cameras(
    request: CheckRequest, output: Path | None = None, progress: Progress = silent
) -> CameraCheck:
    """Check a rig.

    Args:
        request: what is to be checked.
        output: folder of the results; by default the shoot's own, or beside the landmarks.
        progress: of detection and search.

    Raises:
        InputError: cameras, images or landmarks are missing or do not belong together.
        NoFaceError: fewer than two cameras see a face.
        UsageError: there is a file of cameras, and neither a shoot nor landmarks.
    """
    if request.shoot is not None:
        return _of_shoot(request, request.shoot, output or request.shoot.output, progress)
    if request.cameras is None or request.landmarks is None:
        raise UsageError(
            "A file of cameras needs the landmarks that they saw",
            where=str(request.cameras or ""),
            fix="Name a shoot, or the folder of landmarks with --landmarks",
        )
    rig = read_rig(request.cameras, request.format, units=request.units)
    files = landmark_files(request.landmarks, rig.names)
    sightings = stored(files, request.frames)
    folder = (output or request.landmarks.parent) / FOLDER
    place = _Place(request.cameras.stem, folder, request.cameras, {})
    return _checked(rig, tuple(files), sightings, place, request.fix, progress)


@dataclass(frozen=True)
class _Place:
    """What is checked, and where the report goes."""

    name: str
    folder: Path
    checked: Path
    images: Mapping[str, FrameSource]


def _of_shoot(request: CheckRequest, shoot: Shoot, output: Path, progress: Progress) -> CameraCheck:
    rig, file = _cameras(request, shoot)
    place = _Place(shoot.name, output / FOLDER, file, shoot.sources)
    sightings = detected(shoot, place.folder, request.frames, span(progress, 0.0, 0.8))
    return _checked(rig, shoot.camera_names, sightings, place, request.fix, span(progress, 0.8, 1.0))


def _cameras(request: CheckRequest, shoot: Shoot) -> tuple[Rig, Path]:
    """The cameras of the shoot, and the file that they are from."""
    settings = shoot.calibration
    if request.cameras is not None:
        sizes = {name: source.size for name, source in shoot.sources.items()}
        rig = read_rig(request.cameras, request.format, units=request.units, sizes=sizes)
        return rig, request.cameras
    if settings.source == "file":
        return rig_from_file(shoot), shoot.path(settings.file)
    if shoot.cameras_file.is_file():
        return read_rig(shoot.cameras_file, "vultus"), shoot.cameras_file
    if settings.source == "head":
        raise InputError(
            "This shoot has no calibration to check: its cameras are found from the head",
            where=str(shoot.file),
            fix="Name a file of cameras in [calibration], or with --cameras",
        )
    raise InputError("The cameras are not calibrated yet", where=shoot.name, fix="Run: vultus calibrate")


def _checked(
    rig: Rig, names: tuple[str, ...], sightings: Sightings, place: _Place, fix: bool, progress: Progress
) -> CameraCheck:
    known = [name for name in names if name in rig.names]
    if len(known) < 2:
        raise InputError(
            f"Fewer than two of the cameras {', '.join(names)} are in the file, which has "
            f"{', '.join(rig.names)}",
            where=str(place.checked),
            fix="Name the cameras as the file does",
        )
    rows = [each for each in sightings.stored if each.header.camera in known]
    chosen = Sightings(tuple(rows), sightings.frames, sightings.found_now)
    sample = chosen.sample(rig.select(each.header.camera for each in rows))
    diagnosis = diagnose(sample, progress=progress)
    fixed = _write_fixed(diagnosis, place) if fix and diagnosis.mends else None
    return CameraCheck(
        place.name,
        rig.source,
        chosen,
        diagnosis,
        epipolar_table(sample.pixels, sample.rig),
        epipolar_table(diagnosis.corrected.pixels, diagnosis.rig),
        tuple(name for name in names if name not in rig.names),
        place.images,
        place.folder,
        place.checked,
        fixed,
    )


def _write_fixed(diagnosis: Diagnosis, place: _Place) -> Path:
    """The corrected cameras in a file of their own; never that which was checked."""
    path = place.folder / FIXED
    if path.resolve() == place.checked.resolve():
        path = path.with_stem(f"{path.stem}_again")
    notes = tuple(
        f"Corrected after a check against the footage: {mistake}"
        for mistake in diagnosis.mistakes
        if mistake.in_rig
    )
    rig = diagnosis.rig
    source = f"{rig.source}, corrected" if rig.source else "corrected"
    return write_rig(Rig(rig.cameras, source, notes=(*rig.notes, *notes)), path, "vultus")
