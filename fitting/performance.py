"""What a fit gives: one identity, and expression and pose per frame."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import UsageError
from fitting.cameras.drift import CameraDrift
from fitting.reliability import Reliability
from fitting.uncertainty import Uncertainty

Array = NDArray[np.float64]


class FrameStatus(IntEnum):
    """How far a frame can be trusted."""

    FITTED = 0
    """Two or more cameras saw it."""
    SINGLE_VIEW = 1
    """One camera saw it: its depth leans on the identity and on the neighbouring frames."""
    INTERPOLATED = 2
    """No camera saw it: expression and pose are interpolated between its neighbours."""


def frame_status(views: NDArray[np.int64]) -> NDArray[np.int8]:
    """(F,) the status of frames that so many cameras saw."""
    status = np.where(views > 1, FrameStatus.FITTED, FrameStatus.SINGLE_VIEW)
    return np.where(views > 0, status, FrameStatus.INTERPOLATED).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Performance:
    """A fitted sequence; F frames, C cameras, L landmarks, B identity and E expression coefficients.

    Attributes:
        frames: (F,) int64 frame numbers.
        identity: (B,) beta, one for all frames.
        expression: (F, E) psi in [0, 1].
        pose: (F, 15) theta: neck, head, left eye, right eye as rotation vectors in radians, then metres.
        rig: the cameras, refined if they were free.
        energies: weighted energy of each term at the solution, by name, and their sum as "total".
        residual_px: (F, C, L) pixels between seen and fitted landmark; NaN where not seen.
        converged: whether the solver reached its gate.
        fps: frames per second.
        status: (F,) int8, a :class:`FrameStatus` per frame.
        iterations: of the solver, by stage.
        uncertainty: standard deviations of the unknowns, where they were computed.
        reliability: residual statistics and flagged frames, where they were computed.
        warnings: what was wrong with the input but could be lived with, a sentence each.
        drift: how far cameras are from where they were calibrated, where that was looked at.
        personal_shape: (V, 3) metres, what is added to the neutral head beyond the model, if anything.
    """

    frames: NDArray[np.int64]
    identity: Array
    expression: Array
    pose: Array
    rig: Rig
    energies: dict[str, float]
    residual_px: NDArray[np.floating]
    converged: bool
    fps: float
    status: NDArray[np.int8]
    iterations: dict[str, int] = field(default_factory=dict)
    uncertainty: Uncertainty | None = None
    reliability: Reliability | None = None
    warnings: tuple[str, ...] = ()
    drift: tuple[CameraDrift, ...] = ()
    personal_shape: Array | None = None

    def positions_of(self, numbers: Collection[int]) -> NDArray[np.int64]:
        """Where the frames of these numbers are, those of them that there are, 0 to F - 1.

        Raises:
            UsageError: it has none of them.
        """
        chosen = np.flatnonzero(np.isin(self.frames, list(numbers)))
        if not len(chosen):
            raise UsageError(
                "the performance has none of these frames",
                fix=f"It has {self.frames.min()} to {self.frames.max()}",
            )
        return chosen

    def of_frames(self, numbers: Collection[int]) -> Performance:
        """The frames of these numbers alone, without the tables that speak of all frames.

        Raises:
            UsageError: it has none of them.
        """
        chosen = self.positions_of(numbers)
        rows = {
            name: getattr(self, name)[chosen]
            for name in ("frames", "expression", "pose", "residual_px", "status")
        }
        return replace(self, uncertainty=None, reliability=None, **rows)

    @property
    def reprojection_px(self) -> float:
        """Mean distance in pixels between seen and fitted landmarks; NaN if nothing was seen."""
        known = self.residual_px[np.isfinite(self.residual_px)]
        return float(known.mean(dtype=np.float64)) if known.size else float("nan")
