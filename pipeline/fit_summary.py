"""How far a performance can be relied on, as a few lines of text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.text_table import text_table
from fitting.performance import Performance
from fitting.reliability import FrameFlag, Reliability
from fitting.uncertainty import Uncertainty
from pipeline.frames.ranges import format_frames

_MILLIMETRES = 1e3
_COLUMNS = ("camera", "median px", "95 % px", "median sigmas", "95 % sigmas")
_FEW = 20


def summary_lines(performance: Performance) -> list[str]:
    """Residuals by camera, standard deviations, and the frames that are not to be relied on.

    A performance of an older file, which does not know all of it, has fewer lines.
    """
    lines = []
    if performance.reliability is not None:
        lines += _residual_table(performance.rig.names, performance.reliability)
    if performance.uncertainty is not None:
        lines.append(f"one standard deviation  {deviations(performance.uncertainty)}")
    lines += flagged_lines(performance)
    return lines + [f"warning  {warning}" for warning in performance.warnings]


def flagged_lines(performance: Performance) -> list[str]:
    """The frames that are not to be relied on, a line for each reason."""
    lines: list[str] = []
    if performance.reliability is None:
        return lines
    for flag in FrameFlag:
        chosen = performance.frames[(performance.reliability.flags & flag) != 0]
        if len(chosen):
            text = format_frames(int(frame) for frame in chosen)
            lines.append(f"unreliable frames, {flag.words()}  {text}")
    return lines


def _residual_table(names: tuple[str, ...], reliability: Reliability) -> list[str]:
    order = np.argsort(-np.nan_to_num(reliability.by_camera.median_sigma, nan=np.inf))
    rows = [
        (names[index], *(f"{value:.2f}" for value in reliability.by_camera.table[index]))
        for index in (order if len(order) <= _FEW else order[:_FEW])
    ]
    return text_table([_COLUMNS, *rows])


def deviations(uncertainty: Uncertainty) -> str:
    """One standard deviation of what a fit found, root mean squares over all frames, in words."""
    motion = uncertainty.motion
    turn, gaze = (np.degrees(_rms(motion[:, part])) for part in (slice(0, 3), slice(6, 12)))
    parts = [
        f"surface {_rms(uncertainty.surface) * _MILLIMETRES:.2f} mm",
        f"head {_rms(motion[:, 12:]) * _MILLIMETRES:.2f} mm and {turn:.2f} degrees",
        f"eyes {gaze:.2f} degrees",
        f"expression {_rms(uncertainty.expression):.3f}",
        f"identity {_rms(uncertainty.identity):.2f}",
    ]
    if uncertainty.camera_position.any():
        where = _rms(uncertainty.camera_position[1:]) * _MILLIMETRES
        parts.append(
            f"cameras {where:.2f} mm and {np.degrees(_rms(uncertainty.camera_rotation[1:])):.3f} degrees"
        )
    if uncertainty.focal.any():
        parts.append(f"focal lengths {100 * _rms(uncertainty.focal):.2f} %")
    return ", ".join(parts)


def _rms(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")
