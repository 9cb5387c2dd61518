"""What the detector saw: the landmarks of all frames and cameras, as 2D Gaussians."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]
Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Observations:
    """Landmarks of one sequence; F frames, C cameras, L landmarks.

    Attributes:
        frames: (F,) int64 frame numbers, strictly increasing; gaps are legal.
        mean: (F, C, L, 2) distorted full-resolution pixels; anything where not seen. Single precision is
            enough: a ten thousandth of a pixel.
        sigma: (F, C, L) standard deviation in pixels, positive; infinite for a landmark to be ignored.
        seen: (F, C) bool, false where a camera has no face in a frame.
        points: the L landmarks on the head model's surface.
        fps: frames per second.

    Raises:
        InputError: if the shapes do not agree or the frame numbers do not increase.
    """

    frames: NDArray[np.int64]
    mean: Floats
    sigma: Floats
    seen: NDArray[np.bool_]
    points: SurfacePoints
    fps: float = 24.0

    def __post_init__(self) -> None:
        shape = self.mean.shape
        fits = (
            len(shape) == 4
            and shape[3] == 2
            and self.sigma.shape == shape[:3]
            and self.seen.shape == shape[:2]
            and self.frames.shape == shape[:1]
            and len(self.points) == shape[2]
        )
        if not fits:
            raise InputError(
                f"landmarks of shape {shape}, sigmas {self.sigma.shape}, seen {self.seen.shape}, frames "
                f"{self.frames.shape} and {len(self.points)} surface points do not belong together"
            )
        if np.any(np.diff(self.frames) <= 0):
            raise InputError("the frame numbers of the landmarks do not increase")
        if not self.fps > 0:
            raise InputError(f"{self.fps} frames per second make no sense")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(F, C, L)."""
        frames, cameras, landmarks = self.sigma.shape
        return frames, cameras, landmarks

    @property
    def used(self) -> NDArray[np.bool_]:
        """(F, C, L) bool: the landmarks that take part in a fit."""
        return self.seen[:, :, None] & np.isfinite(self.sigma)

    @property
    def weights(self) -> Floats:
        """(F, C, L) `1 / sigma^2`, zero where not seen."""
        return np.where(self.used, 1 / np.where(self.used, self.sigma, 1.0) ** 2, 0.0)

    @property
    def seeing(self) -> NDArray[np.bool_]:
        """(F, C) the cameras that see anything in each frame."""
        return np.asarray(self.used.any(-1))

    @property
    def views(self) -> NDArray[np.int64]:
        """(F,) number of cameras that see anything in each frame."""
        return np.asarray(self.seeing.sum(-1), dtype=np.int64)

    def select_frames(self, index: NDArray[np.int64]) -> Observations:
        """The frames at the given positions only; these very ones, without a copy, if that is all of them."""
        if np.array_equal(index, np.arange(len(self.frames))):
            return self
        return replace(
            self,
            frames=self.frames[index],
            mean=self.mean[index],
            sigma=self.sigma[index],
            seen=self.seen[index],
        )

    def select_cameras(self, index: NDArray[np.int64]) -> Observations:
        """The cameras at the given positions only."""
        return replace(self, mean=self.mean[:, index], sigma=self.sigma[:, index], seen=self.seen[:, index])

    def select_landmarks(self, index: NDArray[np.int64]) -> Observations:
        """The landmarks at the given positions only."""
        points = self.points.subset(index)
        return replace(self, mean=self.mean[:, :, index], sigma=self.sigma[:, :, index], points=points)

    def between_vertices(self, points: SurfacePoints) -> Observations:
        """The landmarks of other points, where these are all V vertices: weighted means of the corners'."""

        def mixed(values: Floats) -> Array:
            return np.asarray((values[:, :, points.vertices] * points.weights).sum(-1))

        mean, sigma = np.stack([mixed(self.mean[..., axis]) for axis in range(2)], axis=-1), mixed(self.sigma)
        return replace(self, mean=mean, sigma=np.where(np.isnan(sigma), np.inf, sigma), points=points)

    def check(self, names: Iterable[str]) -> None:
        """Refuse pixels and sigmas that are no numbers.

        Args:
            names: the C camera names, for the message.

        Raises:
            InputError: naming the first frame and camera that is at fault.
        """
        cameras = list(names)
        if len(cameras) != self.shape[1]:
            raise InputError(f"the landmarks have {self.shape[1]} cameras, the rig has {len(cameras)}")
        bad_sigma = self.seen[:, :, None] & ~(self.sigma > 0)
        bad_mean = self.used & ~np.isfinite(self.mean).all(-1)
        for bad, what in ((bad_sigma, "a sigma that is no positive number"), (bad_mean, "a NaN position")):
            if bad.any():
                frame, camera, landmark = np.argwhere(bad)[0]
                raise InputError(
                    f"landmark {landmark} has {what}",
                    where=f"Frame {self.frames[frame]}, camera {cameras[camera]}",
                    fix="Detect this camera again, or mark the frame as not seen",
                )


def softened(observations: Observations, rig: Rig, depths: Array, floor_px: float, spread: float) -> Floats:
    """Sigmas that admit what a detector does not know: its own optimism, and what a landmark *is*.

    Adds in quadrature a floor in pixels and a spread in metres, seen at the head's depth: a point of the
    skin is the same point on two actors only to about a millimetre.

    Args:
        observations: the landmarks.
        rig: C cameras.
        depths: (F, C) metres from each camera to the head.
        floor_px: pixels.
        spread: metres.

    Returns:
        (F, C, L) pixels, in the precision of the observations.
    """
    focal = np.array([camera.focal.mean() for camera in rig])
    spread_px = spread * focal / np.maximum(depths, 1e-2)
    admitted = floor_px**2 + spread_px[:, :, None] ** 2
    # In place: there may be a hundred million of them.
    squared = np.square(observations.sigma)
    squared += admitted.astype(squared.dtype)
    return np.asarray(np.sqrt(squared, out=squared))
