"""A camera that was moved after its calibration: placed again by the landmarks that the others agree on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from calibration.camera import Camera
from fitting.camera_checks.hypothesis import Hypothesis, Suspects
from fitting.camera_checks.sample import Sample

Array = NDArray[np.float64]

_LANDMARKS, _FEWEST = 400, 12
# A bump is likelier than a camera that stands somewhere else altogether.
_PRIOR, _FARTHER = 0.25, 0.1
_BUMP_DEGREES, _BUMP_MILLIMETRES = 2.0, 50.0
_CLEARLY, _BEND, _STEPS = 1.25, 0.1, 60


@dataclass(frozen=True, eq=False)
class Resection:
    """A camera placed again.

    Attributes:
        camera: with its new pose.
        turned: radians by which it turned.
        moved: how far its centre moved, in units of the rig.
    """

    camera: Camera
    turned: float
    moved: float


@dataclass(frozen=True, eq=False)
class MovedCamera:
    """A camera that stands elsewhere than the calibration says.

    Attributes:
        points: (F, L, 3) the landmarks, as the cameras that agree see them.
    """

    points: Array

    def __call__(self, sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
        """Each suspect that sees enough of the points."""
        for index in suspects.single:
            camera, pixels = sample.rig.cameras[index], sample.pixels[:, :, index]
            known = np.isfinite(self.points).all(-1) & np.isfinite(pixels).all(-1)
            if known.sum() < _FEWEST:
                continue
            found = resect(camera, self.points[known], pixels[known], float(sample.radius_px[index]))
            yield _hypothesis(index, found, 1000 * sample.metres * found.moved)


def _hypothesis(index: int, found: Resection, millimetres: float) -> Hypothesis:
    degrees = np.degrees(found.turned)
    far = np.log2(1 + degrees / _BUMP_DEGREES + millimetres / _BUMP_MILLIMETRES)
    how = f"{degrees:.2g} degrees and {millimetres:.2g} mm"
    return Hypothesis(
        "moved",
        (index,),
        f"it looks or stands elsewhere than the calibration says, by about {how}: moved, or badly calibrated",
        "Calibrate it again; until then the corrected pose, found from the head, is the better one",
        lambda sample: sample.with_cameras(lambda _: found.camera, (index,)),
        prior=_PRIOR + _FARTHER * float(far),
    )


def resect(camera: Camera, points: Array, pixels: Array, radius_px: float) -> Resection:
    """The pose under which a camera sees points (N, 3) in pixels (N, 2) best, from where it stood on.

    A turn alone, unless a move explains the pixels clearly better: with the errors that a detector has, the
    two can hardly be told apart, and both together follow its errors the further.

    Args:
        camera: lens and first pose.
        points: in units of the rig. pixels: distorted.
        radius_px: of the face in the image; residuals beyond a tenth of it count less and less.
    """
    kept = np.linspace(0, len(points) - 1, min(_LANDMARKS, len(points))).astype(int)
    task = _Resection(camera, points[kept], pixels[kept], radius_px)
    turned, wholly = task.solved(turn_only=True), task.solved(turn_only=False)
    result = turned if task.error_px(turned) < _CLEARLY * task.error_px(wholly) else wholly
    turn = float(Rotation.from_matrix(result.R @ camera.R.T).magnitude())
    return Resection(result, turn, float(np.linalg.norm(result.centre - camera.centre)))


@dataclass(frozen=True, eq=False)
class _Resection:
    """What :func:`resect` takes."""

    camera: Camera
    points: Array
    pixels: Array
    radius_px: float

    def solved(self, *, turn_only: bool) -> Camera:
        camera, middle = self.camera, self.points.mean(0)
        depth = max(float(np.linalg.norm(camera.to_camera(middle))), 1e-6)

        def placed(move: Array) -> Camera:
            R = Rotation.from_rotvec(move[:3]).as_matrix() @ camera.R
            if turn_only:
                return replace(camera, R=R, t=-R @ camera.centre)
            # about the middle of the points, so that turn and shift are nearly independent
            return replace(camera, R=R, t=camera.to_camera(middle) + depth * move[3:] - R @ middle)

        def residual(move: Array) -> Array:
            return np.asarray((placed(move).project(self.points) - self.pixels).ravel())

        start = np.zeros(3 if turn_only else 6)
        solution = least_squares(
            residual, start, loss="soft_l1", f_scale=_BEND * self.radius_px, max_nfev=_STEPS
        )
        return placed(solution.x)

    def error_px(self, camera: Camera) -> float:
        """Median residual."""
        return float(np.median(np.linalg.norm(camera.project(self.points) - self.pixels, axis=-1)))
