"""How many frames a camera runs late, by the board that the other cameras see move.

The others know where the board was at every moment, between their frames too. The offset is the time at which
that way of the board explains the camera's images best. The image numbered f of a camera that is o frames
late shows the moment f - o of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import CAMERA_SIZE, LENS_SIZE, Images, State, residuals
from calibration.from_boards.adjustment.poses import Sightings
from calibration.from_boards.adjustment.robust_fit import robust_fit
from calibration.from_boards.clocks.track import MAX_GAP, Track

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_IMAGES = 6
"""Fewer images than this do not tell an offset from noise."""

SURE_FRAMES = 0.25
"""Standard deviation in frames beyond which an offset is not known."""

_MOST_IMAGES = 80
_SCAN_STEP = 0.5
_BASELINE = 4.0  # frames, over which the board's speed is taken
# A drift is told where this many images show it, by this many deviations, and it comes to this many frames.
_DRIFT_IMAGES = 20
_DRIFT_DEVIATIONS = 5.0
_DRIFT_FRAMES = 0.3
# An offset explains a camera's images if most of them are off by no more than so many times the noise and
# this share of the board's motion in a frame, which is never quite even.
_MOST = 0.8
_NOISE_FACTOR = 2.0
_UNEVEN_SHARE = 0.05
# A scan in time tries each offset on so many images.
_SCAN_IMAGES = 40


@dataclass(frozen=True)
class Offset:
    """How late a camera is in some of its images.

    Attributes:
        first, last: the frame numbers between which it was measured.
        images: how many images took part.
        frames: how late it is, in frames, in the middle between first and last; negative where it is early.
        deviation: standard deviation of `frames`.
        drift: by how many frames it falls behind with each frame; 0 where that is not sure.
        before_px, after_px: RMS in pixels of the typical image, from the board that the others see at the
            frame of the same number, and at the moment that the offset says.
    """

    first: int
    last: int
    images: int
    frames: float
    deviation: float
    drift: float
    before_px: float
    after_px: float

    def at(self, frame: float) -> float:
        """How late the camera is at a frame."""
        return self.frames + self.drift * (frame - (self.first + self.last) / 2)


@dataclass(frozen=True)
class Undetermined:
    """Why an offset cannot be told, as a clause: "the board hardly moves"."""

    reason: str


@dataclass(frozen=True)
class Clock:
    """One camera's images against the way of the board.

    Attributes:
        state: the cameras.
        images: of one camera only.
        track: of the board, by the other cameras.
        points: (N, 3) board points in metres.
        turned: the order (N,) of the points on the turned board, if it may be listed from either end.
        noise_px: RMS in pixels of an image that fits.
        pose_free: whether the camera's own pose is to be found with the offset.
        rough_px: by how much more the images may be off where the track itself is rough.
    """

    state: State
    images: Sightings
    track: Track
    points: Array
    turned: Ints | None
    noise_px: float
    pose_free: bool = False
    rough_px: float = 0.0

    def of(self, images: Sightings) -> Clock:
        """The same for other images of the camera."""
        return replace(self, images=images)

    def freed(self, images: Sightings) -> Clock:
        """The same for other images of the camera, with its pose to be found too."""
        return replace(self, images=images, pose_free=True)

    def late(self, reach: float) -> Offset | Undetermined:
        """The offset of at most `reach` frames either way."""
        start = self.likely(reach)
        return self._apart() if start is None else self.near(start)

    def near(self, start: float) -> Offset | Undetermined:
        """The offset within a frame or so of one that is known roughly."""
        chosen = self._chosen(start)
        if len(chosen) < FEWEST_IMAGES:
            return self._apart()
        return replace(self, images=chosen)._refined(start)

    def likely(self, reach: float) -> float | None:
        """The offset, to half a frame, that the images like best; None where none can be tried."""
        tried = np.arange(-reach, reach + _SCAN_STEP / 2, _SCAN_STEP)
        tried = tried[np.argsort(np.abs(tried), kind="stable")]
        few = replace(self, images=spread(self.images, _SCAN_IMAGES))
        costs = np.array([few.cost(float(offset)) for offset in tried])
        return float(tried[costs.argmin()]) if np.isfinite(costs).any() else None

    def cost(self, offset: float) -> float:
        """The mean robust cost of the images that the track covers; infinite where these are too few."""
        covered = self.track.at(np.asarray(self.images.frame - offset, np.float64))[2]
        if covered.sum() < max(FEWEST_IMAGES, 0.5 * len(self.images)):
            return np.inf
        squared = replace(self, images=self.images.take(covered))._squared(offset).min(axis=0)
        return float(np.log1p(squared / self._scale**2).mean())

    @property
    def _scale(self) -> float:
        return max(1.0, 4 * self.noise_px, self.rough_px)

    def _apart(self) -> Undetermined:
        gap = int(np.median(np.diff(self.track.frames)))
        if gap > MAX_GAP:
            return Undetermined(
                f"the board was photographed every {gap} frames, and may have moved anywhere between"
            )
        return Undetermined("too few of its images lie between frames in which the others see the board")

    def _squared(self, offset: float) -> Array:
        """Mean squared distance in pixels of each image, as listed and from the other end if it has one."""
        off = self._residuals(np.full(len(self.images), offset))
        rows = [off]
        if self.turned is not None:
            pixels = self.images.pixels
            rows.append(off + pixels - pixels[:, self.turned])
        return np.array([np.nanmean((row**2).sum(-1), axis=1) for row in rows])

    def _residuals(self, late: Array, pose: Array | None = None) -> Array:
        """From the images to the board that the others see `late` (M,) frames before: (M, N, 2) pixels."""
        images = self.images
        R, t, _ = self.track.at(images.frame - late)
        state = replace(self.state, board_rotation=R, board_translation=t)
        if pose is not None:
            step = np.zeros((len(state.lens), CAMERA_SIZE))
            step[images.camera[0], LENS_SIZE:] = pose
            state = state.cameras_moved(step)
        return residuals(state, Images(images.camera, np.arange(len(images)), images.pixels), self.points)

    def _chosen(self, offset: float) -> Sightings:
        """Images that the track covers with a frame to spare, spread out, listed as it lists them."""
        images = self.images
        sides = [
            self.track.at(np.asarray(images.frame - offset + side, np.float64))[2]
            for side in (-1.0, 0.0, 1.0)
        ]
        images = spread(images.take(np.logical_and.reduce(sides)), _MOST_IMAGES)
        if self.turned is None or not len(images):
            return images
        other = replace(self, images=images)._squared(offset).argmin(axis=0) == 1
        return replace(
            images, pixels=np.where(other[:, None, None], images.pixels[:, self.turned], images.pixels)
        )

    def _refined(self, start: float) -> Offset | Undetermined:
        speed = self._speed(start)
        fit, most_px = self._fitted(start, drifts=False)
        # A track that does not move is all noise, and noise likes the time between frames best.
        if fit.deviation > SURE_FRAMES or speed < self.noise_px:
            return Undetermined(f"the board hardly moves: {speed:.2g} px from frame to frame")
        if len(self.images) >= _DRIFT_IMAGES:
            drifting, drifting_px = self._fitted(fit.frames, drifts=True)
            if drifting.drift:
                fit, most_px = drifting, drifting_px
        if most_px > self.rough_px + _NOISE_FACTOR * self.noise_px + _UNEVEN_SHARE * speed:
            return Undetermined(f"no one offset explains its images: some stay off by {most_px:.1f} px")
        return fit

    def _speed(self, offset: float) -> float:
        """By how many pixels the board moves from frame to frame in this camera, typically."""
        late = np.full(len(self.images), offset)
        step = self._residuals(late + _BASELINE / 2) - self._residuals(late - _BASELINE / 2)
        return float(np.nanmedian(np.linalg.norm(step, axis=-1))) / _BASELINE

    def _fitted(self, start: float, *, drifts: bool) -> tuple[Offset, float]:
        """The offset, its drift where that is asked for and sure; and the RMS that most images stay below."""
        frame = self.images.frame
        first, last = int(frame.min()), int(frame.max())
        share = (frame - (first + last) / 2) / max(last - first, 1)
        times = 2 if drifts else 1

        def left(x: Array) -> Array:
            late = x[0] + (x[1] * share if drifts else 0.0)
            off = self._residuals(late + np.zeros(len(frame)), x[times:] if self.pose_free else None)
            return off.reshape(len(frame), -1)

        x = np.zeros(times + (6 if self.pose_free else 0))
        x[0] = start
        steps = np.full(len(x), 1e-5)
        steps[:times] = 0.1
        fit = robust_fit(left, x, steps, self._scale)
        # The drift is fitted as what it comes to from first to last.
        sure = drifts and abs(fit.x[1]) > max(_DRIFT_DEVIATIONS * fit.deviations[1], _DRIFT_FRAMES)
        offset = Offset(
            first,
            last,
            len(frame),
            float(fit.x[0]),
            float(fit.deviations[0]),
            float(fit.x[1]) / max(last - first, 1) if sure else 0.0,
            float(np.sqrt(np.median(self._squared(0.0).min(axis=0)))),
            float(np.median(fit.rms)),
        )
        return offset, float(np.quantile(fit.rms, _MOST))


def spread(images: Sightings, most: int) -> Sightings:
    """At most so many of the images, evenly spread over the frames and in their order."""
    order = np.argsort(images.frame, kind="stable")
    return images.take(order[np.unique(np.linspace(0, len(order) - 1, min(len(order), most)).astype(int))])
