"""Quality gates: which fitted frames are good enough to learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from fitting.reliability import FEW_VIEWS, FrameFlag

Mask = NDArray[np.bool_]
_MILLIMETRES = 1e3


@dataclass(frozen=True)
class QualityGates:
    """What a frame must satisfy to be accepted.

    Attributes:
        min_views: cameras that saw it.
        max_residual: median residual of its landmarks in sigmas. A fit that its landmarks agree with is at
            about 0.5; what the fit itself calls bad begins at 1.5.
        max_residual_px: the same in pixels.
        max_uncertainty: standard deviation of its surface, millimetres.
        allow: flags of the fit that are let through, by name; the others are refused.
        unconverged: whether performances count whose solver did not reach its gate.

    A measure that is not known passes only a gate that is infinite.
    """

    min_views: int = FEW_VIEWS
    max_residual: float = 1.5
    max_residual_px: float = np.inf
    max_uncertainty: float = np.inf
    allow: tuple[str, ...] = ()
    unconverged: bool = False

    def __post_init__(self) -> None:
        unknown = set(self.allow) - set(flag_names())
        if unknown:
            raise UsageError(
                f"there is no flag named {sorted(unknown)[0]!r}", fix=f"Choose of {', '.join(flag_names())}"
            )

    def judge(self, rows: NDArray[np.void], converged: bool) -> tuple[Mask, dict[str, int]]:
        """Which rows (N,) are accepted, and how many are refused for each reason (the first that holds)."""
        refused, reasons = np.zeros(len(rows), dtype=bool), dict[str, int]()
        for reason, holds in self._reasons(rows, converged).items():
            fresh = holds & ~refused
            refused |= holds
            if fresh.any():
                reasons[reason] = int(fresh.sum())
        return ~refused, reasons

    def facts(self) -> dict[str, object]:
        """By name, as JSON values."""
        return {
            name: (None if value == np.inf else list(value) if isinstance(value, tuple) else value)
            for name, value in vars(self).items()
        }

    def _reasons(self, rows: NDArray[np.void], converged: bool) -> dict[str, Mask]:
        numbers = np.isfinite(rows["expression"])
        reasons = {
            "its weights are no numbers": ~(numbers | ~numbers.any(axis=0)).all(axis=1),
            "the solver did not reach its gate": np.full(len(rows), not (converged or self.unconverged)),
            f"seen by fewer than {self.min_views} cameras": rows["views"] < self.min_views,
        }
        measures = (
            ("residual in sigmas", rows["residual_sigma"], self.max_residual, "sigmas"),
            ("residual in pixels", rows["residual_px"], self.max_residual_px, "px"),
            ("uncertainty", rows["uncertainty"] * _MILLIMETRES, self.max_uncertainty, "mm"),
        )
        for what, values, limit, unit in measures:
            if limit < np.inf:
                reasons[f"{what} not known: fitted by an older version"] = np.isnan(values)
                reasons[f"{what} above {limit:g} {unit}"] = values > limit
        for flag in FrameFlag:
            # How many views are enough is the first gate's to say.
            if flag is not FrameFlag.FEW_VIEWS and _name(flag) not in self.allow:
                reasons[f"flagged: {flag.words()}"] = (rows["flags"] & flag) != 0
        return reasons


def flag_names() -> tuple[str, ...]:
    """The flags of the fit as they are written: few_views, jump, ..."""
    return tuple(_name(flag) for flag in FrameFlag)


def _name(flag: FrameFlag) -> str:
    return str(flag.name).lower()
