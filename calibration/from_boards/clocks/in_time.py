"""Calibrate cameras whose clocks differ as if their images had been taken at the moments of the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calibration.errors import CalibrationError
from calibration.from_boards.adjustment.poses import Sightings
from calibration.from_boards.clocks.between_frames import Late
from calibration.from_boards.clocks.late_cameras import find_late
from calibration.from_boards.clocks.offsets import Offset
from calibration.from_boards.clocks.timing import camera_timings
from calibration.from_boards.joint import JointFit
from calibration.from_boards.placing.lineup import Lineup
from calibration.from_boards.steps import Steps

Solved = tuple[Lineup, JointFit, dict[str, CalibrationError]]
"""The cameras that could be calibrated, their fit, and why the others could not."""

ROUNDS = 5
"""How often a rig is calibrated at most."""

_WHOLE = 0.05  # images that only need other numbers are better than curves between them
_NOTHING = 0.02
_FEW = 0.03  # share of the images that may disagree more by chance
_AS_GOOD = 1.15  # a board that several cameras share is never quite where each alone would have it


def solve_in_time(
    solve: Callable[[Late], Solved],
    everyone: Callable[[Late], tuple[Lineup, Sightings]],
    steps: Steps,
    *,
    known: int,
    find: bool,
) -> tuple[Solved, Late]:
    """Calibrate, find cameras that are late, and calibrate again without the delay.

    Args:
        solve: calibrates with the frame numbers of some cameras put right.
        everyone: the cameras whose lens is known, and their images, numbered in the same way.
        steps: told of each of at most :data:`ROUNDS` rounds.
        known: how many cameras have no lens.
        find: whether to look for delays at all.

    Returns:
        the best that was found, and the delays that it assumes.

    Raises:
        CalibrationError: what `solve` raises where no delay explains it.
    """
    if not find:
        return solve({}), {}
    late: dict[str, float] = {}
    best: tuple[Solved, Late] | None = None
    for _ in range(ROUNDS):
        steps.step("cameras and boards")
        try:
            solved = solve(late)
        except CalibrationError:
            more = _unplaced(*everyone(late))
            if best is None and not more:
                raise
        else:
            lineup, joint, left_out = solved
            if best is None or _better(solved, best[0], known):
                best = solved, dict(late)
            more = _placed(lineup, joint, late)
            if len(left_out) > known:
                more = _unplaced(*everyone(late)) or more
        if not more:
            break
        late = _together(late, more)
    return (solve({}), {}) if best is None else best


def _better(solved: Solved, before: Solved, known: int) -> bool:
    """Whether a delay brought cameras back, or took nothing from a rig in which none is missing."""
    if len(solved[2]) != len(before[2]):
        return len(solved[2]) < len(before[2])
    now, then = (len(joint.disagreements) for _, joint, _ in (solved, before))
    return now < then or (len(solved[2]) == known and now <= then + _FEW * len(solved[1].sightings))


def _unplaced(lineup: Lineup, sightings: Sightings) -> Late:
    """Whole delays by lenses alone."""
    found = find_late(lineup.start(), sightings, lineup.points, lineup.turned)
    return {lineup.names[index]: frames for index, frames in found.items()}


def _together(late: Late, more: Late) -> dict[str, float]:
    """Delays that were assumed and what was found on top: whole frames first, their parts later."""
    total = {name: late.get(name, 0.0) + more.get(name, 0.0) for name in {*late, *more}}
    whole = {
        name: round(frames)
        for name, frames in total.items()
        if (name not in late and round(frames)) or abs(frames - round(frames)) < _WHOLE
    }
    return {name: frames for name, frames in (total | whole).items() if frames}


def _placed(lineup: Lineup, joint: JointFit, late: Late) -> Late:
    """Delays of cameras that could be placed, as where the board moves slowly."""
    if not late and _in_step(joint):
        return {}
    timings = camera_timings(joint, joint.points, lineup.turned, lineup.reference)
    more = {}
    for name, timing in zip(lineup.names, timings, strict=True):
        offset = timing.rest if name in late else timing.late
        # Poses that were found from few frames bend a constant delay into a small drift.
        if isinstance(offset, Offset) and abs(offset.drift) * (offset.last - offset.first) < abs(
            offset.frames
        ):
            more[name] = offset.frames
    return {name: frames for name, frames in more.items() if abs(frames) > _NOTHING}


def _in_step(joint: JointFit) -> bool:
    """Whether nothing speaks of a delay: all images agree, and as well as for board poses of their own."""
    camera, worse = joint.sightings.camera, joint.rms / joint.sightings.rms
    cameras = np.unique(camera[joint.shared])
    typical = [np.median(worse[joint.shared & (camera == one)]) for one in cameras]
    return not joint.disagreements and max(typical, default=0.0) < _AS_GOOD
