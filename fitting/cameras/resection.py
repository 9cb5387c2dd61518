"""Where one camera stands, from a head that the other cameras know: does it stand where it was calibrated?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera
from fitting.observations import Observations

Array = NDArray[np.float64]

PATCHES = 12
"""Parts of a face whose errors are each other's strangers: what a detector gets wrong, neighbours share."""

_ROUNDS = 30
_SIGMA_FLOOR = 0.5
_USUAL = 2.0
_SMALL_PX = 0.05
_STILL = 1e-7


@dataclass(frozen=True, eq=False)
class View:
    """What one camera saw of a head that is known; F frames, L landmarks.

    Attributes:
        points: (F, L, 3) metres, where the head is. pixels: (F, L, 2), NaN where not seen.
        sigma: (F, L) pixels.
    """

    points: Array
    pixels: Array
    sigma: Array

    @classmethod
    def of(cls, observations: Observations, index: int, points: Array) -> View:
        """What one camera saw of a head whose landmarks are at `points` (F, L, 3)."""
        used = observations.used[:, index]
        pixels = np.where(used[..., None], observations.mean[:, index].astype(np.float64), np.nan)
        return cls(points, pixels, np.where(used, observations.sigma[:, index].astype(np.float64), 1.0))

    @property
    def head(self) -> Array:
        """(N, 3) metres, the points that were seen."""
        return self.points[self.used]

    @property
    def used(self) -> NDArray[np.bool_]:
        """(F, L) what was seen."""
        return np.asarray(np.isfinite(self.pixels).all(-1))


@dataclass(frozen=True)
class Habit:
    """What a camera's landmarks are off by in every frame alike, as a detector or a head model has it.

    Attributes:
        px: root mean square over the landmarks, pixels.
        repeats: by how much more a camera's landmarks agree with each other than strangers would, in the
            square: the information in them is that many times less than their number says.
    """

    px: float
    repeats: float

    def among(self, times: float) -> Habit:
        """The same, where there are so many times the landmarks."""
        return replace(self, repeats=1 + (self.repeats - 1) * times)


def resect(camera: Camera, view: View, rotation: float, translation: float) -> Camera:
    """The camera moved to where its landmarks are the nearest to the head's.

    Landmarks that are far off count for less; what is far adapts, so that a camera that was pushed hard is
    found too.

    Args:
        camera: as it was calibrated. view: what it saw.
        rotation, translation: radians and metres that it may have moved by, one standard deviation.
    """
    used = view.used
    points, pixels = view.points[used], view.pixels[used]
    certainty = 1 / (np.square(view.sigma[used]) + _SIGMA_FLOOR**2)
    prior = np.repeat([rotation, translation], 3) ** -2.0
    turn, shift = Rotation.identity(), np.zeros(3)
    moved = camera
    for _ in range(_ROUNDS):
        apart = pixels - moved.project(points)
        off = np.linalg.norm(apart, axis=-1)
        usual = _USUAL * max(float(np.median(off)), _SMALL_PX)
        weight = certainty / (1 + (off / usual) ** 2) ** 2
        along = moved.jacobian(points) @ moved.R.T
        arm = moved.to_camera(points) - moved.t
        slope = np.concatenate((np.cross(arm[:, None], along), along), axis=-1)
        system = np.einsum("n,nip,niq->pq", weight, slope, slope) + np.diag(prior)
        so_far = np.concatenate((turn.as_rotvec(), shift))
        step = np.linalg.solve(system, np.einsum("n,nip,ni->p", weight, slope, apart) - prior * so_far)
        turn, shift = Rotation.from_rotvec(step[:3]) * turn, shift + step[3:]
        moved = replace(camera, R=turn.as_matrix() @ camera.R, t=camera.t + shift)
        if np.abs(step).max() < _STILL:
            break
    return moved


def habit_of(camera: Camera, view: View) -> Habit:
    """What is off alike in all frames, once the camera stands where it should."""
    used = view.used
    apart = np.where(used[..., None], view.pixels - camera.project(view.points), 0.0)
    off = np.linalg.norm(apart, axis=-1)
    kept = used & (off < 3 * _USUAL * max(float(np.median(off[used])), _SMALL_PX))
    count = kept.sum(0)
    several = count > 1
    total = float(np.square(off[kept]).mean())
    if not several.any():
        return Habit(float(np.sqrt(total)), 1 + kept.sum() / PATCHES)
    mean = (apart * kept[..., None]).sum(0)[several] / count[several][:, None]
    scatter = np.square((apart - mean_over(apart, kept)) * kept[..., None]).sum((0, 2))[several]
    # the mean of n frames has a part of their scatter in it
    noise = scatter / (count[several] - 1) / count[several]
    alike = max(float(np.square(mean).sum(-1).mean() - noise.mean()), 0.0)
    share = min(alike / max(total, 1e-12), 1.0)
    return Habit(float(np.sqrt(alike)), float(1 + kept.sum() * share / PATCHES))


def mean_over(values: Array, kept: NDArray[np.bool_]) -> Array:
    """(L, n) means of (F, L, n) over the frames that are kept (F, L); 0 where there are none."""
    return np.asarray((values * kept[..., None]).sum(0) / np.maximum(kept.sum(0), 1)[:, None])
