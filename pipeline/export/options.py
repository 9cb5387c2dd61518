"""What a user may choose about an export, in one place for all formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.errors import UsageError
from pipeline.progress import Progress, silent

UNITS: dict[str, float] = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


@dataclass(frozen=True)
class ExportOptions:
    """How to export a performance.

    Attributes:
        name: of the files and of the head in them.
        units: of lengths in formats that leave the unit open (OBJ): "m", "cm" or "mm".
        start_frame: the frame number at time zero (glTF); None for the first frame of the performance.
        head_reference: what HeadYaw, HeadPitch and HeadRoll are measured from (ARKit CSV): "mean", the mean
            orientation of the head over the performance, which needs no particular world; or "world", the
            axes of a world in which an upright head that looks along +Z has no rotation.
        full_look: radians of eye rotation at which an eyeLook weight is 1 (ARKit CSV).
        progress: called after each frame.

    Raises:
        UsageError: a value makes no sense.
    """

    name: str = "head"
    units: str = "m"
    start_frame: int | None = None
    head_reference: Literal["mean", "world"] = "mean"
    full_look: float = float(np.deg2rad(30.0))
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.units not in UNITS:
            raise UsageError(f"there is no unit {self.units!r}", fix=f"Known are: {', '.join(UNITS)}")
        if self.head_reference not in ("mean", "world"):
            raise UsageError(
                f"head_reference cannot be {self.head_reference!r}", fix="Known are: mean, world"
            )
        if not self.name or "/" in self.name:
            raise UsageError(f"{self.name!r} cannot be the name of a file")
        if not self.full_look > 0.0:
            raise UsageError("full_look must be a positive angle in radians")
