"""The tables and keys of a shoot file: what is allowed, and what holds where nothing is said."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator, ValidationError, model_validator

from pipeline.shoot.board_settings import BoardSettings
from pipeline.shoot.section import CameraSettings, Section


def _moment(value: object) -> date:
    """A date or a date and time as TOML has them; a number, which could be seconds or a date, is neither."""
    if isinstance(value, date):
        return value
    raise ValueError("a date is written without quotes, as 2026-11-20 or 2026-11-20T08:30:00")


Moment = Annotated[date | datetime, PlainValidator(_moment)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")]


class GeneralSettings(Section):
    """``[shoot]``: the shoot as a whole."""

    name: str = ""
    subject: str = ""
    root: str = "."
    frames: str = ""
    fps: float = Field(default=24.0, gt=0)
    date: Moment | None = None
    output: str = "results"


class DistanceSettings(Section):
    """``calibration.distance``: how far apart two cameras were measured to be."""

    between: tuple[str, str]
    mm: float = Field(gt=0)


class CalibrationSource(Section):
    """Where cameras come from; what ``[calibration]`` and each rig of a shoot day have in common."""

    source: Literal["board", "file", "head"] = "head"
    file: str = ""
    format: str | None = None
    units: Literal["m", "cm", "mm"] | None = None
    board: BoardSettings | None = None

    @model_validator(mode="after")
    def _complete(self) -> CalibrationSource:
        if self.source == "board" and self.board is None:
            table = "[rigs.board]" if isinstance(self, RigSettings) else "[calibration.board]"
            raise ValueError(f'source = "board" needs a table {table}')
        if self.source == "file" and not self.file:
            raise ValueError('source = "file" needs the key file')
        return self


class RigSettings(CalibrationSource):
    """``[[calibration.rigs]]``, or ``[[rigs]]`` of a file of rigs: one calibration, and when it holds.

    Attributes:
        name: what it is called in messages, and the folder of its results.
        takes: patterns of names of shoots; any, if there are none.
        begin: ``from``, the first moment. until: the moment from which on it no longer holds; a day without
            a time counts to its end.
        world: rigs of different cameras that are valid at once have to say that they share one.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(pattern=r"^\w[\w .+-]*$")
    takes: tuple[str, ...] = ()
    begin: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    world: str = ""


class CalibrationSettings(CalibrationSource):
    """``[calibration]``: where the cameras come from."""

    source: Literal["board", "file", "head", "rigs"] = "head"  # type: ignore[assignment]
    rigs: tuple[RigSettings, ...] = ()
    distance: DistanceSettings | None = None

    @model_validator(mode="after")
    def _one_list_of_rigs(self) -> CalibrationSettings:
        if self.source == "rigs" and bool(self.file) == bool(self.rigs):
            raise ValueError('source = "rigs" needs the key file, or tables [[calibration.rigs]]')
        if self.rigs and self.source != "rigs":
            raise ValueError('tables [[calibration.rigs]] need source = "rigs"')
        return self


class DetectSettings(Section):
    """``[detect]``: the landmarks and the network that finds them."""

    layout: str = "dense320"
    weights: str = ""
    face: Literal["largest", "central", "surest"] = "largest"
    jitter: int = Field(default=1, ge=1, le=16)
    flip: bool = False
    upright: bool = True
    region: Literal["head", "eyes-and-mouth"] = "head"
    device: Device = "auto"


class FitWeightSettings(Section):
    """``[fit.weights]``: weights of the energy's terms; the solver's own where nothing is said."""

    landmarks: float | None = Field(default=None, ge=0)
    identity: float | None = Field(default=None, ge=0)
    expression: float | None = Field(default=None, ge=0)
    bounds: float | None = Field(default=None, ge=0)
    joints: float | None = Field(default=None, ge=0)
    temporal: float | None = Field(default=None, ge=0)
    intersect: float | None = Field(default=None, ge=0)


class FitSettings(Section):
    """``[fit]``: the head model and the solver.

    Attributes:
        chunk: frames beyond which a take is fitted in stretches of at most so many; 0 for never.
    """

    model: str = "makehuman"
    cameras: Literal["auto", "known", "refine", "poses", "unknown", "moving"] = "auto"
    refine: tuple[Literal["camera_rotation", "camera_translation", "focal", "distortion"], ...] = ()
    refine_cameras: tuple[str, ...] = ()
    solver: Literal["lm", "lbfgs"] | None = None
    max_iterations: int | None = Field(default=None, ge=1)
    identity_prior: Literal["gaussian", "mixture"] | None = None
    robust: Literal["none", "huber", "geman_mcclure"] | None = None
    personal_shape: bool = False
    chunk: int = Field(default=1500, ge=0)
    weights: FitWeightSettings = FitWeightSettings()
    device: Device = "auto"


class ExportSettings(Section):
    """``[export]``: the formats to write, and in what units, axes, parts and frame numbers."""

    formats: tuple[str, ...] = ("usd", "obj", "gltf", "arkit")
    cameras: tuple[str, ...] = ("vultus",)
    units: Literal["m", "cm", "mm"] = "m"
    up: Literal["Y", "Z"] = "Y"
    motion: Literal["world", "removed", "skull"] = "world"
    frame_offset: int = 0
    subdivision: int = Field(default=0, ge=0, le=2)
    parts: tuple[str, ...] | None = Field(default=None, min_length=1)
    topology: str | None = None
    neutral_frames: str = ""


class ShootSettings(Section):
    """The whole file."""

    shoot: GeneralSettings = GeneralSettings()
    cameras: dict[str, CameraSettings] = Field(min_length=1)
    calibration: CalibrationSettings = CalibrationSettings()
    detect: DetectSettings = DetectSettings()
    fit: FitSettings = FitSettings()
    export: ExportSettings = ExportSettings()


def first_problem(error: ValidationError, file: type[Section] = ShootSettings) -> str:
    """The first thing wrong, in words that name the key; of a shoot file, or another one.

    A misspelt key comes before the one that is missing because of it.
    """
    problems = error.errors(include_url=False)
    problem = min(problems, key=lambda each: each["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"There is no key {key}{_nearest(problem['loc'], file)}"
    if problem["type"] == "missing":
        return f"The key {key} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _nearest(loc: tuple[int | str, ...], file: type[Section]) -> str:
    """A suggestion for a misspelt key."""
    section: Any = file
    for part in (each for each in loc[:-1] if isinstance(each, str)):
        field = getattr(section, "model_fields", {}).get(part)
        section = _section_of(field.annotation) if field is not None else section
    close = difflib.get_close_matches(str(loc[-1]), getattr(section, "model_fields", {}), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _section_of(annotation: Any) -> Any:
    """The table class in an annotation such as ``X``, ``X | None`` or ``dict[str, X]``."""
    for part in getattr(annotation, "__args__", (annotation,)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return annotation
