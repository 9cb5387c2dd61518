"""What every table of a shoot file has in common, and the table of the images of one camera."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the file: immutable, and every key is one that something reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraSettings(Section):
    """``[cameras.NAME]``: the images of one camera."""

    images: str
    start_frame: int = 1001
    exposure: float = 0.0
