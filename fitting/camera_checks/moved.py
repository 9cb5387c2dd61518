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
_PRIOR = 0.3


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
        metres: one unit of the rig.
    """

    points: Array
    metres: float

    def __call__(self, sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
        """Each suspect that sees enough of the points."""
        for index in suspects.single:
            camera, pixels = sample.rig.cameras[index], sample.pixels[:, :, index]
            known = np.isfinite(self.points).all(-1) & np.isfinite(pixels).all(-1)
            if known.sum() < _FEWEST:
                continue
            found = resect(camera, self.points[known], pixels[known], float(sample.radius_px[index]))
            yield self._hypothesis(index, found)

    def _hypothesis(self, index: int, found: Resection) -> Hypothesis:
        how = f"{np.degrees(found.turned):.2g} degrees and {1000 * self.metres * found.moved:.2g} mm"
        return Hypothesis(
            "moved",
            (index,),
            f"it stands elsewhere than the calibration says, by {how}: moved, or badly calibrated",
            "Calibrate it again; until then the corrected pose, found from the head, is the better one",
            lambda sample: sample.with_cameras(lambda _: found.camera, (index,)),
            prior=_PRIOR,
        )


def resect(camera: Camera, points: Array, pixels: Array, radius_px: float) -> Resection:
    """The pose under which a camera sees points (N, 3) in pixels (N, 2) best, from where it stood on.

    Args:
        camera: lens and first pose.
        points: in units of the rig. pixels: distorted.
        radius_px: of the face in the image; residuals beyond a tenth of it count less and less.
    """
    kept = np.linspace(0, len(points) - 1, min(_LANDMARKS, len(points))).astype(int)
    points, pixels = points[kept], pixels[kept]
    middle = points.mean(0)

    def placed(move: Array) -> Camera:
        # about the middle of the points, so that turn and shift are nearly independent
        R = Rotation.from_rotvec(move[:3]).as_matrix() @ camera.R
        return replace(camera, R=R, t=camera.to_camera(middle) + move[3:] - R @ middle)

    def residual(move: Array) -> Array:
        return np.asarray((placed(move).project(points) - pixels).ravel())

    scale = np.repeat(max(float(np.linalg.norm(camera.to_camera(middle))), 1e-6), 3)
    steps = np.concatenate([np.ones(3), scale])
    solution = least_squares(
        residual, np.zeros(6), x_scale=steps, loss="soft_l1", f_scale=0.1 * radius_px, max_nfev=60
    )
    result = placed(solution.x)
    turn = float(Rotation.from_matrix(result.R @ camera.R.T).magnitude())
    return Resection(result, turn, float(np.linalg.norm(result.centre - camera.centre)))
