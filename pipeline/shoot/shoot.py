"""The shoot file: what a TD says about a shoot, checked as a whole before any work begins.

``shoot.toml`` names the cameras and their images, where the calibration comes from, and the settings of the
stages. Paths in it are relative to ``root`` (by default the folder of the file); ``output`` is relative to
the folder of the file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from calibration.errors import InputError, UsageError
from pipeline.frames.ranges import parse_frames
from pipeline.frames.sources import FrameSource, open_source
from pipeline.shoot.rigs import RigChoice, Rigs, Take, choose, read_rigs
from pipeline.shoot.section import CameraSettings
from pipeline.shoot.settings import CalibrationSettings, ShootSettings, first_problem

FILE_NAME = "shoot.toml"


@dataclass(frozen=True)
class Shoot:
    """A shoot: its settings and where its files lie.

    Attributes:
        file: the shoot file.
        settings: what it says.
    """

    file: Path
    settings: ShootSettings

    @property
    def name(self) -> str:
        """What the shoot is called: its own name or that of its folder."""
        return self.settings.shoot.name or self.root.name

    @cached_property
    def root(self) -> Path:
        """The folder that image and calibration paths are relative to."""
        return (self.file.parent / self.settings.shoot.root).resolve()

    @property
    def output(self) -> Path:
        """The folder of the results."""
        return self.file.parent / self.settings.shoot.output

    @property
    def cameras_file(self) -> Path:
        """What the calibration writes."""
        return self.output / "cameras.json"

    @property
    def calibration_folder(self) -> Path:
        """What the calibration leaves for people: its report and pictures."""
        return self.output / "calibration"

    @property
    def found_cameras_file(self) -> Path:
        """What the fit writes where it finds or refines the cameras."""
        return self.output / "found_cameras.json"

    @property
    def drift_file(self) -> Path:
        """What the fit writes where it looked for cameras that moved since they were calibrated."""
        return self.output / "drift.json"

    @property
    def landmarks_folder(self) -> Path:
        """What the detection writes, a file per camera."""
        return self.output / "landmarks"

    @property
    def performance_file(self) -> Path:
        """What the fit writes."""
        return self.output / "performance.h5"

    @property
    def performance_parts(self) -> Path:
        """What the fit of a long take has done so far, until it is whole."""
        return self.output / "performance.parts"

    @property
    def export_folder(self) -> Path:
        """What the exports write."""
        return self.output / "export"

    @property
    def overlay_folder(self) -> Path:
        """What the overlays write."""
        return self.output / "overlay"

    @property
    def report_file(self) -> Path:
        """The page that tells what became of the shoot."""
        return self.output / "report.html"

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The cameras, in the order of the file."""
        return tuple(self.settings.cameras)

    def landmark_file(self, camera: str) -> Path:
        """The landmarks of one camera."""
        return self.landmarks_folder / f"{camera}.h5"

    @cached_property
    def sources(self) -> dict[str, FrameSource]:
        """The images of each camera.

        Raises:
            InputError: a folder or movie is not there.
        """
        return {name: self._open(camera) for name, camera in self.settings.cameras.items()}

    @cached_property
    def frames(self) -> tuple[int, ...]:
        """The frame numbers to process: those that any camera has, within the range of the file.

        Raises:
            InputError: there are none.
        """
        available = set[int]().union(*(source.frames for source in self.sources.values()))
        text = self.settings.shoot.frames
        wanted = available & set(parse_frames(text, where=str(self.file))) if text else available
        if not wanted:
            raise InputError(f"No camera has a frame in the range {text}", where=str(self.file))
        return tuple(sorted(wanted))

    @property
    def absent_frames(self) -> tuple[int, ...]:
        """Frame numbers of the file's range that no camera has, such as those past the end of a shot."""
        text = self.settings.shoot.frames
        return tuple(sorted(set(parse_frames(text)) - set(self.frames))) if text else ()

    @cached_property
    def rig_choice(self) -> RigChoice | None:
        """Which of several calibrations is valid for this take; None where the file names its only one.

        Raises:
            InputError: not exactly one is, or the file of rigs makes no sense.
        """
        calibration = self.settings.calibration
        if calibration.source != "rigs":
            return None
        own = Rigs(self.file, self.root, self.output / "calibrations", calibration.rigs)
        rigs = read_rigs(self.path(calibration.file).resolve()) if calibration.file else own
        return choose(rigs, Take(self.name, self.settings.shoot.date, self.file))

    @cached_property
    def calibration(self) -> CalibrationSettings:
        """``[calibration]``, or that of the rig that is valid for this take."""
        given = self.settings.calibration
        return given if self.rig_choice is None else self.rig_choice.settings(given)

    def path(self, text: str) -> Path:
        """A path of the file, made absolute."""
        return self.root / Path(text).expanduser()

    @property
    def layout(self) -> str:
        """The landmarks to detect: all vertices where a personal shape is wanted, else :attr:`fit_layout`."""
        return "vertices" if self.settings.fit.personal_shape else self.fit_layout

    @property
    def fit_layout(self) -> str:
        """The landmark layout of the file: its name, or the absolute path of the layout's own file."""
        setting = self.settings.detect.layout
        own = self.path(setting)
        return str(own) if own.is_file() else setting

    def with_changes(self, **sections: dict[str, object]) -> Shoot:
        """The shoot with some keys changed; ``None`` leaves a key as it is.

        Example: ``shoot.with_changes(shoot={"frames": "1001-1010"}, detect={"device": "cpu"})``.

        Raises:
            UsageError: a value makes no sense.
        """
        data = self.settings.model_dump()
        for section, changes in sections.items():
            data[section].update({key: value for key, value in changes.items() if value is not None})
        try:
            return replace(self, settings=ShootSettings.model_validate(data))
        except ValidationError as error:
            raise UsageError(first_problem(error)) from error

    def _open(self, camera: CameraSettings) -> FrameSource:
        return open_source(self.path(camera.images), start_frame=camera.start_frame, exposure=camera.exposure)


def read_shoot(file: Path) -> Shoot:
    """Read and check a shoot file.

    Raises:
        InputError: it is missing, is not TOML, or has a key or value that makes no sense; it is named.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The shoot file cannot be read", where=str(file)) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"This is not TOML: {error}", where=str(file)) from error
    try:
        settings = ShootSettings.model_validate(data)
    except ValidationError as error:
        raise InputError(first_problem(error), where=str(file)) from error
    for name in settings.cameras:
        if not name or "/" in name or name.startswith("."):
            raise InputError(f"'{name}' cannot be the name of a camera", where=str(file))
    return Shoot(file, settings)
