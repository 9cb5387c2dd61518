"""What a calibration tells of the cameras' clocks: where they are out of sync, and by how many frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.poses import Sightings
from calibration.from_boards.clocks.late_cameras import REACH
from calibration.from_boards.clocks.offsets import Clock, Offset, Undetermined
from calibration.from_boards.clocks.track import board_track
from calibration.from_boards.joint import JointFit
from calibration.from_boards.placing.sync import Disagreement

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

IN_TIME_FRAMES = 0.1
"""Within this part of a frame a camera counts as in sync: an actor's head moves less than a pixel in it."""

_IN_TIME_DEVIATIONS = 4.0
# An offset that hardly makes the images fit better may as well be an error of the lens.
_GAIN = 1.25
# So many images in a row that agree end a stretch; fewer are moments in which the board was held still.
_AGREEING_INSIDE = 2
# Cameras that say together where the board was at a frame.
_WITNESSES = 4
_MEASURED_AGAINST = "the other camera is measured against it"
_NOT_SHARED = "it shares too few frames with the others"
# Where a larger share of a camera's images disagrees, its offset is searched far and wide.
_OFTEN = 0.2


@dataclass(frozen=True)
class Stretch:
    """Images of one camera in a row that are out of sync.

    Attributes:
        first, last: frame numbers of the first and the last image that does not agree.
        rejected: how many of its images do not agree with the other cameras.
        images: how many it has between first and last.
        off_px: least and largest RMS distance of the rejected images from the board of the others, pixels;
            0 where no other camera says where it was.
        off_metres: the same at the depth of the board.
        offset: by how many frames it is late there.
    """

    first: int
    last: int
    rejected: int
    images: int
    off_px: tuple[float, float]
    off_metres: tuple[float, float]
    offset: Offset | Undetermined


@dataclass(frozen=True)
class Timing:
    """The clock of one camera.

    Attributes:
        stretches: where it is out of sync; none where one offset explains the whole take.
        rest: how late it is elsewhere.
    """

    stretches: tuple[Stretch, ...]
    rest: Offset | Undetermined

    @property
    def late(self) -> Offset | None:
        """The offset of the whole take, if that is sure and more than nothing."""
        late = isinstance(self.rest, Offset) and not self.stretches and is_late(self.rest)
        return self.rest if late and isinstance(self.rest, Offset) else None


def is_late(offset: Offset) -> bool:
    """Whether an offset is more than noise, and enough to matter."""
    most = max(abs(offset.at(offset.first)), abs(offset.at(offset.last)))
    sure = most > max(IN_TIME_FRAMES, _IN_TIME_DEVIATIONS * offset.deviation)
    return sure and offset.before_px > _GAIN * offset.after_px


def camera_timings(joint: JointFit, points: Array, turned: Ints | None, reference: int) -> list[Timing]:
    """The timing of each camera against the others.

    The camera that is off the most is measured against the others and has no say about them, and so on until
    the rest agree. Of two cameras that differ, the reference is believed.

    Args:
        joint: the fit.
        points: (N, 3) board points in metres.
        turned: the order (N,) of the points on the turned board, if it may be listed from either end.
        reference: index of the reference camera.
    """
    count = len(joint.state.lens)
    if count == 1:
        return [Timing((), Undetermined("there is no other camera"))]
    trusted = np.ones(count, dtype=bool)
    measure = _Measure(joint, points, turned)
    while True:
        timings = [measure.timing(camera, trusted) for camera in range(count)]
        off = np.array([_off(timing) for timing in timings]) * trusted
        off[reference] *= 0.99
        if not off.any():
            return timings
        if trusted.sum() == 2:
            last = int(np.flatnonzero(trusted)[off[trusted].argmin()])
            timings[last] = Timing(timings[last].stretches, Undetermined(_MEASURED_AGAINST))
            return timings
        trusted[int(off.argmax())] = False


def _off(timing: Timing) -> float:
    """By how many frames a camera is off through the whole take."""
    late = timing.late
    return 0.0 if late is None else max(abs(late.at(late.first)), abs(late.at(late.last)))


@dataclass(frozen=True)
class _Measure:
    joint: JointFit
    points: Array
    turned: Ints | None

    def timing(self, camera: int, trusted: Bools) -> Timing:
        """One camera against the others that are trusted."""
        sightings, agreeing = self.joint.sightings, self.joint.agreeing
        is_mine = sightings.camera == camera
        off = [one for one in self.joint.disagreements if one.camera == camera]
        clock = self._clock(camera, trusted)
        if clock is None:
            return Timing(self._stretches(camera, off, None), Undetermined(_NOT_SHARED))
        often = len(off) > _OFTEN * is_mine.sum()
        whole = clock.freed(sightings.take(is_mine)).late(REACH if often else 0.0)
        if isinstance(whole, Offset) and is_late(whole):
            return Timing((), whole)
        stretches = self._stretches(camera, off, clock)
        if not stretches:
            return Timing((), whole)
        return Timing(stretches, clock.freed(sightings.take(is_mine & agreeing)).late(0.0))

    def _clock(self, camera: int, trusted: Bools) -> Clock | None:
        """All images of a camera against the board as some of the others see it."""
        joint = self.joint
        mine = joint.sightings.camera == camera
        candidates = joint.agreeing & ~mine & trusted[joint.sightings.camera]
        others = joint.sightings.take(_witnesses(joint.sightings, candidates, camera))
        track = board_track(joint.state, others, self.points, turnable=self.turned is not None)
        if track is None or not mine.any():
            return None
        used = mine & joint.agreeing if (mine & joint.agreeing).any() else mine
        noise = float(np.median(joint.rms[used]))
        return Clock(joint.state, joint.sightings.take(mine), track, self.points, self.turned, noise)

    def _stretches(
        self, camera: int, off: Sequence[Disagreement], clock: Clock | None
    ) -> tuple[Stretch, ...]:
        sightings = self.joint.sightings
        frames = np.sort(sightings.frame[sightings.camera == camera])
        return tuple(self._stretch(frames, run, clock) for run in _runs(frames, off))

    def _stretch(self, frames: Ints, run: Sequence[Disagreement], clock: Clock | None) -> Stretch:
        first, last = run[0].frame, run[-1].frame
        px = [one.off_px for one in run if one.others] or [0.0]
        metres = [one.off_metres for one in run if one.others] or [0.0]
        offset: Offset | Undetermined = Undetermined(_NOT_SHARED)
        if clock is not None:
            inside = (clock.images.frame >= first) & (clock.images.frame <= last)
            offset = clock.of(clock.images.take(inside)).late(REACH)
        return Stretch(
            first,
            last,
            len(run),
            int(((frames >= first) & (frames <= last)).sum()),
            (min(px), max(px)),
            (min(metres), max(metres)),
            offset,
        )


def _runs(frames: Ints, off: Sequence[Disagreement]) -> list[list[Disagreement]]:
    """The disagreeing images of a camera with frames (M,) in order, as runs with few that agree between."""
    ordered = sorted(off, key=lambda one: one.frame)
    runs = [ordered[:1]] if ordered else []
    for before, one in pairwise(ordered):
        if ((frames > before.frame) & (frames < one.frame)).sum() > _AGREEING_INSIDE:
            runs.append([])
        runs[-1].append(one)
    return runs


def _witnesses(sightings: Sightings, candidates: Bools, camera: int) -> Ints:
    """Of the candidate images (M,), a few of each frame, the next cameras of the rig first."""
    index = np.flatnonzero(candidates)
    cameras = int(sightings.camera.max()) + 1
    order = index[np.lexsort(((sightings.camera[index] - camera) % cameras, sightings.frame[index]))]
    frame = sightings.frame[order]
    rank = np.arange(len(order)) - np.searchsorted(frame, frame)
    return order[rank < _WITNESSES]
