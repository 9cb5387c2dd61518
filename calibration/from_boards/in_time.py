"""Calibrate cameras whose clocks differ by whole frames as if their images had the right numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from calibration.errors import CalibrationError
from calibration.from_boards.joint import JointFit
from calibration.from_boards.late_cameras import find_late
from calibration.from_boards.lineup import Lineup
from calibration.from_boards.poses import Sightings
from calibration.from_boards.seen import Found
from calibration.from_boards.timing import camera_timings

Late = Mapping[str, int]
"""By how many frames cameras are late, where they are."""

Solved = tuple[Lineup, JointFit, dict[str, CalibrationError]]
"""The cameras that could be calibrated, their fit, and why the others could not."""

_ROUNDS = 3


def earlier(found: Found, late: Late) -> Found:
    """The same corners under the frame numbers that the images should have."""
    return {
        name: {frame - late.get(name, 0): corners for frame, corners in frames.items()}
        for name, frames in found.items()
    }


def solve_in_time(
    solve: Callable[[Late], Solved],
    everyone: Callable[[Late], tuple[Lineup, Sightings]],
    *,
    known: int,
    find: bool,
) -> tuple[Solved, Late]:
    """Calibrate, find cameras that are late by whole frames, and calibrate again without the delay.

    Args:
        solve: calibrates with the frame numbers of some cameras put right.
        everyone: the cameras whose lens is known, and their images, numbered in the same way.
        known: how many cameras have no lens.
        find: whether to look for delays at all.

    Returns:
        the best that was found, and the delays that it assumes.

    Raises:
        CalibrationError: what `solve` raises where no delay explains it.
    """
    if not find:
        return solve({}), {}
    late: dict[str, int] = {}
    best: tuple[tuple[float, ...], Solved, Late] | None = None
    for _ in range(_ROUNDS):
        try:
            solved = solve(late)
        except CalibrationError:
            more = _unplaced(*everyone(late))
            if best is None and not more:
                raise
        else:
            lineup, joint, left_out = solved
            badness = (len(left_out), len(joint.disagreements), float(np.median(joint.rms)))
            if best is None or badness < best[0]:
                best = badness, solved, dict(late)
            more = _placed(lineup, joint)
            if len(left_out) > known:
                more = _unplaced(*everyone(late)) or more
        if not more:
            break
        late = {name: late.get(name, 0) + more.get(name, 0) for name in {*late, *more}}
        late = {name: frames for name, frames in late.items() if frames}
    if best is None:
        return solve({}), {}
    return best[1], best[2]


def _unplaced(lineup: Lineup, sightings: Sightings) -> Late:
    """Whole delays by lenses alone."""
    found = find_late(lineup.start(), sightings, lineup.points, lineup.turned)
    return {lineup.names[index]: frames for index, frames in found.items()}


def _placed(lineup: Lineup, joint: JointFit) -> Late:
    """Whole delays of cameras that could be placed, as where the board moves slowly."""
    timings = camera_timings(joint, joint.points, lineup.turned, lineup.reference)
    offsets = {name: timing.late for name, timing in zip(lineup.names, timings, strict=True)}
    # Poses that were found from few frames bend a constant delay into a small drift.
    late = {
        name: round(offset.frames)
        for name, offset in offsets.items()
        if offset is not None and abs(offset.drift) * (offset.last - offset.first) < abs(offset.frames)
    }
    return {name: frames for name, frames in late.items() if frames}
