"""What a user may choose about an export, in one place for all formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from calibration.errors import UsageError
from fitting.topology.store import Topology
from pipeline.progress import Progress, silent

UNITS: dict[str, float] = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


@dataclass(frozen=True)
class ExportOptions:
    """How to export a performance.

    Attributes:
        name: of the files and of the head in them.
        units: of lengths: "m", "cm" or "mm" (glTF is always in metres).
        up: the axis that points up, "Y" or "Z" (glTF is always Y up).
        motion: where the head's rigid motion goes: "world", as it was; "removed", with only expression and
            eyes left; or "skull", the head held still and the neck moving against it.
        frames: numbers of the frames to write, those that the performance has of them; all by default.
        frame_offset: added to every frame number.
        subdivision: levels of Catmull-Clark subdivision, 0 to 2.
        parts: of the head, by name; all by default. Of a topology, its groups.
        topology: the user's own mesh to write instead of the head model's; not in the ARKit CSV, which has
            no mesh.
        start_frame: the frame number at time zero (glTF); None for the first frame of the performance.
        head_reference: what HeadYaw, HeadPitch and HeadRoll are measured from (ARKit CSV): "mean", the mean
            orientation of the head over the performance, which needs no particular world; or "world", the
            axes of a world in which an upright head that looks along +Z has no rotation.
        neutral_frames: frames in which the face is neutral, as they are numbered in the performance; their
            mean weights become zero (ARKit CSV). Weights stay as fitted where there are none.
        full_look: radians of eye rotation at which an eyeLook weight is 1 (ARKit CSV).
        footage: where the images of each camera are, by its name (USD).
        progress: called after each frame.

    Raises:
        UsageError: a value makes no sense.
    """

    name: str = "head"
    units: str = "m"
    up: Literal["Y", "Z"] = "Y"
    motion: Literal["world", "removed", "skull"] = "world"
    frames: tuple[int, ...] | None = None
    frame_offset: int = 0
    subdivision: int = 0
    parts: tuple[str, ...] | None = None
    topology: Topology | None = None
    start_frame: int | None = None
    head_reference: Literal["mean", "world"] = "mean"
    neutral_frames: tuple[int, ...] = ()
    full_look: float = float(np.deg2rad(30.0))
    footage: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.units not in UNITS:
            raise UsageError(f"there is no unit {self.units!r}", fix=f"Known are: {', '.join(UNITS)}")
        _require("up", self.up, ("Y", "Z"))
        _require("motion", self.motion, ("world", "removed", "skull"))
        _require("subdivision", self.subdivision, (0, 1, 2))
        if self.parts is not None and not self.parts:
            raise UsageError("no part of the head is to be exported", fix="Name one, such as skin")
        _require("head_reference", self.head_reference, ("mean", "world"))
        if not self.name or "/" in self.name:
            raise UsageError(f"{self.name!r} cannot be the name of a file")
        if not self.full_look > 0.0:
            raise UsageError("full_look must be a positive angle in radians")


def _require(option: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise UsageError(f"{option} cannot be {value!r}", fix=f"Known are: {', '.join(map(str, known))}")
