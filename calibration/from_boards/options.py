"""What board images must satisfy, and what is to be found out from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from calibration.from_boards.adjustment.shape_prior import Refinement
from calibration.from_boards.lenses.lens_models import LensChoice
from calibration.from_boards.placing.agreement import Agreement


@dataclass(frozen=True)
class BoardOptions:
    """What board images must satisfy, and what is to be found out from them.

    Attributes:
        minimum_images: the fewest images of the board that determine a lens.
        lens_floor_px: RMS in pixels below which an image never counts as unfit for a lens.
        agreement: when cameras agree about a frame.
        lens: the lens model of all cameras, or by camera (those not named are `auto`).
        refine_board: whether the board is held as it should be (None), may be stretched in its plane
            (`flat`), bowed too (`free`), or as much of these as the corners clearly ask for (`auto`). Its
            mean size is held in any case.
        board_sigma: how far a printed point may plausibly be off, in metres.
        offsets: whether cameras that are late or early through the whole take are found and calibrated as if
            they had been in time (`find`), or are taken as they are numbered (`keep`).
        strict: whether one camera that cannot be calibrated is an error; by default it is left out, and the
            result says why.
        workers: threads that look for the board; all cores by default.
    """

    minimum_images: int = 5
    lens_floor_px: float = 0.5
    agreement: Agreement = field(default_factory=Agreement)
    lens: LensChoice | Mapping[str, LensChoice] = "auto"
    refine_board: Refinement | Literal["auto"] | None = "auto"
    board_sigma: float = 5e-4
    offsets: Literal["find", "keep"] = "find"
    strict: bool = False
    workers: int | None = None

    def lens_of(self, camera: str) -> LensChoice:
        """The lens model that a camera is to have."""
        return self.lens if isinstance(self.lens, str) else self.lens.get(camera, "auto")
