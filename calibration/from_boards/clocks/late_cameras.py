"""Which cameras run late or early through the whole take, before anything is known of where they stand.

Where a camera's clock is off by frames, no frame agrees with the others and the camera cannot be placed. Two
cameras are then laid over each other in time: at the right offset, and at no other, one pose between them
explains how each saw the board move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import State
from calibration.from_boards.adjustment.poses import HALF_TURN, Sightings
from calibration.from_boards.clocks.offsets import FEWEST_IMAGES, Clock, Offset, spread
from calibration.from_boards.clocks.track import Track, steady_track

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH = 50
"""Frames by which a camera may be late or early: two seconds at 25 frames a second."""

_SCAN_IMAGES = 40
_SEEDS = 6
# A pose from one image, seen from another side, puts the board this far off.
_ROUGH_PX = 10.0


def find_late(state: State, sightings: Sightings, points: Array, turned: Ints | None) -> Mapping[int, int]:
    """By how many whole frames cameras are late against most of the others.

    Args:
        state: lenses; the poses of its cameras are not used.
        sightings: M images, each with its own pose.
        points: (N, 3) board points in metres.
        turned: the order (N,) of the points on the turned board, if it may be listed from either end.

    Returns:
        by index, the cameras that are a frame or more late (positive) or early; those that the footage does
        not tell are taken to be in time.
    """
    parts = [sightings.take(sightings.camera == camera) for camera in range(len(state.lens))]
    parts = [part.take(np.argsort(part.frame)) for part in parts]
    late = {0: 0.0}
    tried: set[int] = {0}
    while (pair := _next_pair(parts, late, tried)) is not None:
        parent, child = pair
        tried.add(child)
        offset = _Pair(state, parts[parent], parts[child], points, turned).offset()
        if offset is not None:
            late[child] = late[parent] + offset.frames
    usual = Counter(round(frames) for frames in late.values()).most_common(1)[0][0]
    return {camera: round(frames) - usual for camera, frames in late.items() if round(frames) != usual}


def _next_pair(
    parts: Sequence[Sightings], late: Mapping[int, float], tried: set[int]
) -> tuple[int, int] | None:
    """A camera whose time is known and one not yet tried: those that share most frame numbers."""
    shared = {
        (parent, child): len(np.intersect1d(parts[parent].frame, parts[child].frame))
        for parent in late
        for child in range(len(parts))
        if child not in tried
    }
    best = max(shared, key=lambda pair: shared[pair], default=None)
    return best if best is not None and shared[best] >= FEWEST_IMAGES else None


@dataclass(frozen=True)
class _Pair:
    """Two cameras of which only the lenses are known; their images in the order of the frames."""

    state: State
    first: Sightings
    second: Sightings
    points: Array
    turned: Ints | None

    def offset(self) -> Offset | None:
        """How late the second is against the first; None where the footage does not tell."""
        few = spread(self.second, _SCAN_IMAGES)
        track = self._track()
        trials = [
            (self._clock(seed, few, track).cost(float(offset)), offset, seed)
            for offset in sorted(range(-REACH, REACH + 1), key=abs)
            for seed in self._seeds(track, few, offset)
        ]
        if not trials:
            return None
        _, offset, seed = min(trials, key=lambda trial: trial[0])
        found = self._clock(seed, self.second, track).near(float(offset))
        return found if isinstance(found, Offset) else None

    def _track(self) -> Track:
        """The board in the axes of the first camera."""
        turnable = self.turned is not None
        return steady_track(self.first.frame, self.first.R, self.first.t, turnable=turnable)

    def _seeds(self, track: Track, images: Sightings, offset: int) -> list[State]:
        """Poses of the second camera in the axes of the first, an image of each a proposal."""
        R, t, covered = track.at(images.frame.astype(np.float64) - offset)
        inside = np.flatnonzero(covered)
        if len(inside) < FEWEST_IMAGES:
            return []
        chosen = inside[np.unique(np.linspace(0, len(inside) - 1, _SEEDS).astype(int))]
        ends = [np.eye(3)] if self.turned is None else [np.eye(3), HALF_TURN]
        return [self._placed(images.R[k] @ end @ R[k].T, images.t[k], t[k]) for k in chosen for end in ends]

    def _placed(self, R: Array, mine: Array, world: Array) -> State:
        rotation, translation = self.state.camera_rotation.copy(), self.state.camera_translation.copy()
        camera = int(self.second.camera[0])
        rotation[camera], translation[camera] = R, mine - R @ world
        return replace(self.state, camera_rotation=rotation, camera_translation=translation)

    def _clock(self, state: State, images: Sightings, track: Track) -> Clock:
        noise = float(np.median(images.rms))
        return Clock(
            state, images, track, self.points, self.turned, noise, pose_free=True, rough_px=_ROUGH_PX
        )
