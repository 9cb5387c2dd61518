"""How well each camera of a fit is determined, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fitting.performance import Performance

Array = NDArray[np.float64]

# Beyond these a camera is called poorly determined: a part of its distance from the head, degrees, a part.
_POOR_PLACE, _POOR_ROTATION, _POOR_FOCAL = 0.03, 1.0, 0.03
_STILL = np.radians(5.0)
_FEW_FRAMES = 4


def describe_cameras(performance: Performance, turning: float | None = None) -> Performance:
    """The performance, its rig's notes telling how well each camera is determined.

    Args:
        performance: with its uncertainty (:class:`fitting.uncertainty.Uncertainty`).
        turning: radians, how far the head turns from its mean, where known.
    """
    rig = performance.rig
    notes = [*rig.notes, *_statements(performance, turning)]
    return replace(performance, rig=replace(rig, notes=tuple(notes)))


def _statements(performance: Performance, turning: float | None) -> Iterator[str]:
    if turning is not None and turning < _STILL:
        yield (
            f"The head turns by {np.degrees(turning):.1f} degrees at most: focal lengths and distances lean "
            "on the shape of the average head"
        )
    spread = performance.uncertainty
    if spread is None:
        return
    frames = np.isfinite(performance.residual_px).any(-1).sum(0)
    for index, camera in enumerate(performance.rig):
        distance = _distance(performance, index)
        across = float(np.hypot(*spread.camera_position[index, :2]))
        along = float(spread.camera_position[index, 2])
        turned = float(np.degrees(np.linalg.norm(spread.camera_rotation[index])))
        focal = float(spread.focal[index])
        if not (across or along or turned or focal):
            yield f"Camera {camera.name}: held where it was given"
            continue
        figures = (
            f"place +-{1000 * across:.0f} mm across and +-{1000 * along:.0f} mm along its axis, "
            f"rotation +-{turned:.1f} degrees, focal length +-{100 * focal:.1f} percent"
        )
        poor = [
            *(["along its axis"] if along > _POOR_PLACE * distance else []),
            *(["across its axis"] if across > _POOR_PLACE * distance else []),
            *(["in rotation"] if turned > _POOR_ROTATION else []),
            *(["in focal length"] if focal > _POOR_FOCAL else []),
        ]
        words = (
            f"; poorly determined {' and '.join(poor)}{_reason(turning, int(frames[index]))}" if poor else ""
        )
        yield f"Camera {camera.name}: {figures}{words}"


def _reason(turning: float | None, frames: int) -> str:
    if turning is not None and turning < _STILL:
        return ": the head never turns"
    return f": it sees the head in {frames} frames only" if frames < _FEW_FRAMES else ""


def _distance(performance: Performance, index: int) -> float:
    """Metres from a camera to where the head usually is."""
    camera = performance.rig.cameras[index]
    return float(np.median(np.linalg.norm(performance.pose[:, 12:] - camera.centre, axis=1)))
