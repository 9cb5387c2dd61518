"""What is known of the cameras and the board before the cameras are placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import State
from calibration.from_boards.lenses.lens_fit import LensFit
from calibration.from_boards.placing.agreement import Agreement

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Lineup:
    """C cameras with their lenses, and the board that they saw.

    Attributes:
        names: of the cameras.
        sizes: (width, height) in pixels of each.
        lenses: what each camera's own images say.
        points: (N, 3) board points in metres.
        turned: the order (N,) of the points on the turned board, if it looks the same.
        reference: index of the camera at the origin of the world.
        agreement: what counts as agreement between cameras.
    """

    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    lenses: Sequence[LensFit]
    points: Array
    turned: Ints | None
    reference: int
    agreement: Agreement

    def __len__(self) -> int:
        return len(self.names)

    def start(self) -> State:
        """The lenses as they are, all cameras at the origin, no boards."""
        count = len(self)
        return State(
            np.array([fit.lens for fit in self.lenses]),
            np.array([fit.model == "fisheye" for fit in self.lenses]),
            np.tile(np.eye(3), (count, 1, 1)),
            np.zeros((count, 3)),
            np.zeros((0, 3, 3)),
            np.zeros((0, 3)),
        )

    def of(self, cameras: Sequence[int]) -> Lineup:
        """Some of the cameras; the reference must be among them."""
        return replace(
            self,
            names=[self.names[index] for index in cameras],
            sizes=[self.sizes[index] for index in cameras],
            lenses=[self.lenses[index] for index in cameras],
            reference=list(cameras).index(self.reference),
        )
