"""What is believed of the shape of a printed board: nearly what was asked for, in no other place or size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.poses import HALF_TURN

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

Refinement = Literal["flat", "free"]
"""What may be wrong with a board. `flat`: paper that stretched, or a printer that is not square; `free`: a
board that is bowed too."""

_STIFFNESS = 1e8


@dataclass(frozen=True)
class ShapePrior:
    """Gaussian belief about the points of a board, with the gauge taken out.

    Images cannot tell a board that moved from cameras that moved, nor a larger one from cameras further
    away: a rigid motion and the mean scale of the points are held.

    Attributes:
        nominal: (N, 3) the points as they should be, in metres.
        sigma: standard deviation in metres of what a coordinate is off.
        kind: which coordinates may be off.
        turned: the order (N,) of the points on the turned board, if it looks the same. Which end is which is
            then not known from frame to frame, so the board can only be off in ways that look the same too.
    """

    nominal: Array
    sigma: float
    kind: Refinement
    turned: NDArray[np.int64] | None = None

    @property
    def free(self) -> Bools:
        """(N, 3) which coordinates may be off."""
        free = np.ones(self.nominal.shape, dtype=bool)
        free[:, 2] = self.kind == "free"
        return free

    def cost(self, points: Array, noise_px: float) -> float:
        """Half the squared offset of points (N, 3), in square pixels."""
        matrix, _ = self.quadratic(points, noise_px)
        offset = (points - self.nominal)[self.free]
        return float(offset @ matrix @ offset) / 2

    def quadratic(self, points: Array, noise_px: float) -> tuple[Array, Array]:
        """The second derivatives (P, P) and the gradient (P,) of :meth:`cost` by the P free coordinates."""
        weight = (noise_px / self.sigma) ** 2
        modes = self._gauge()
        stiff = modes @ modes.T + self._unlike_turned()
        matrix = weight * (np.eye(len(modes)) + _STIFFNESS * stiff)
        return matrix, matrix @ (points - self.nominal)[self.free]

    def _unlike_turned(self) -> Array:
        """(P, P) projector on the offsets that the turned board does not share."""
        size = self.nominal.size
        if self.turned is None:
            return np.zeros((int(self.free.sum()),) * 2)
        of_turned = np.zeros((size // 3, 3, size // 3, 3))
        of_turned[np.arange(size // 3), :, self.turned] = HALF_TURN
        apart = (np.eye(size) - of_turned.reshape(size, size)) / 2
        chosen = np.flatnonzero(self.free)
        return np.asarray(apart[np.ix_(chosen, chosen)])

    def _gauge(self) -> Array:
        """(P, G) orthonormal offsets that move, turn or scale the board as a whole."""
        centred = self.nominal - self.nominal.mean(axis=0)
        modes = [np.broadcast_to(axis, centred.shape) for axis in np.eye(3)]
        modes += [np.cross(axis, centred) for axis in np.eye(3)]
        modes += [centred]
        columns = np.stack([mode[self.free] for mode in modes], axis=1)
        basis, singular, _ = np.linalg.svd(columns, full_matrices=False)
        return np.asarray(basis[:, singular > 1e-9 * singular[0]])
