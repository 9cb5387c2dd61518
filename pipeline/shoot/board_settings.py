"""``[calibration.board]``: a board, and each camera's images of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from calibration.boards.kinds import PrintableBoard, make_board
from calibration.errors import UsageError
from pipeline.shoot.section import CameraSettings, Section

DIMENSIONS = (
    "square_mm",
    "marker_mm",
    "dictionary",
    "legacy",
    "tag_mm",
    "tag_spacing",
    "spacing_mm",
    "diameter_mm",
)
"""The keys of which each kind of board has some."""


def _as_table(value: object) -> object:
    """A path alone stands for a table with nothing but it."""
    return {"images": value} if isinstance(value, str) else value


Footage = Annotated[CameraSettings, BeforeValidator(_as_table)]
"""A path, or a table such as ``{images = "board/left.mov", start_frame = 995}``."""


class BoardSettings(Section):
    """``[calibration.board]``: a board, and each camera's images of it.

    Attributes:
        kind: one of :data:`calibration.boards.kinds.KINDS`, which say what columns and rows count and which
            of the other keys of the board have to be given.
        images: by camera; cameras see the board at the same moment where frame numbers are the same.
        lens_images: further images by camera for the lens alone, taken one camera at a time.
        every: use each so many-th frame; where nothing is said, some 200 of each camera, a quarter in a row.
        lens: the model of all lenses; found out from the images where it is `auto`.
        refine: correct the points of a printed board, which is stretched (`flat`) or bowed too (`free`);
            `auto` where the images clearly ask for it.
        offsets: find cameras that are late or early and calibrate them as if they were in time (`find`), or
            believe the frame numbers (`keep`).
        strict: a camera that cannot be calibrated is an error; else it is left out.
    """

    kind: str = "checkerboard"
    columns: int
    rows: int
    square_mm: float | None = Field(default=None, gt=0)
    marker_mm: float | None = Field(default=None, gt=0)
    dictionary: str | None = None
    legacy: bool | None = None
    tag_mm: float | None = Field(default=None, gt=0)
    tag_spacing: float | None = Field(default=None, gt=0)
    spacing_mm: float | None = Field(default=None, gt=0)
    diameter_mm: float | None = Field(default=None, gt=0)
    images: dict[str, Footage] = Field(min_length=1)
    lens_images: dict[str, Footage] = Field(default_factory=dict)
    every: int | None = Field(default=None, ge=1)
    lens: Literal["auto", "brown", "rational", "fisheye"] = "auto"
    refine: Literal["auto", "flat", "free", "never"] = "auto"
    offsets: Literal["find", "keep"] = "find"
    strict: bool = False

    @property
    def board(self) -> PrintableBoard:
        """The board that is described."""
        return make_board(self.kind, self.columns, self.rows, {key: getattr(self, key) for key in DIMENSIONS})

    @model_validator(mode="after")
    def _sound(self) -> BoardSettings:
        try:
            _ = self.board
        except UsageError as error:
            raise ValueError(f"{error.what}. {error.fix}" if error.fix else error.what) from error
        strangers = sorted(set(self.lens_images) - set(self.images))
        if strangers:
            raise ValueError(f"lens_images has a camera {strangers[0]} that images has not")
        return self
