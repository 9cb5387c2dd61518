"""The camera and the rig: OpenCV axes, metres, and pixels whose (0, 0) is the centre of the top-left one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import InputError
from calibration.lens import COEFFICIENTS, distort, distort_jacobian, undistort

Array = NDArray[np.float64]

MIN_DEPTH = 1e-2
"""Metres. Points nearer (or behind the camera) project as if they were at this depth: finite, far outside."""

LensModel = Literal["brown", "rational", "fisheye"]

_ROTATION_TOLERANCE = 1e-4
_LARGEST = 1e10
"""No pixel, metre or lens coefficient comes near it; what does would overflow further on."""
_UNDERSTOOD = "4 or 5 (k1 k2 p1 p2 k3), 8 (with k4 k5 k6), or a fisheye's 4"


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera, `x_cam = R @ x_world + t`; its arrays are float64 and read-only.

    Attributes:
        name: the name of the camera, as its folder of images is called.
        width: image width in pixels.
        height: image height in pixels.
        K: (3, 3) focal lengths and principal point in pixels, no skew.
        distortion: (8,) k1 k2 p1 p2 k3 k4 k5 k6 (OpenCV), or a fisheye's k1 k2 k3 k4; fewer values (0, 4 or
            5) are filled up with zeros.
        R: (3, 3) rotation from world to camera axes (x right, y down, z forward).
        t: (3,) translation in metres.
        fisheye: whether the lens is OpenCV's equidistant fisheye; see :mod:`calibration.lens`.

    Raises:
        InputError: if a size, matrix or vector is not what a camera can have.
    """

    name: str
    width: int
    height: int
    K: Array
    distortion: Array = field(default_factory=lambda: np.zeros(COEFFICIENTS))
    R: Array = field(default_factory=lambda: np.eye(3))
    t: Array = field(default_factory=lambda: np.zeros(3))
    fisheye: bool = False

    def __post_init__(self) -> None:
        given = np.asarray(self.distortion, dtype=np.float64).reshape(-1)
        if given.size not in (0, 4, 5, COEFFICIENTS):
            raise self._error(f"has {given.size} distortion values; {_UNDERSTOOD} are understood")
        if self.fisheye and np.any(given[4:]):
            raise self._error("is a fisheye with more than its four coefficients k1 k2 k3 k4")
        self._hold("distortion", np.pad(given, (0, COEFFICIENTS - given.size)), (COEFFICIENTS,))
        self._hold("K", self.K, (3, 3))
        self._hold("R", self.R, (3, 3))
        self._hold("t", self.t, (3,))
        self._check()

    def _hold(self, attribute: str, value: ArrayLike, shape: tuple[int, ...]) -> None:
        array = np.array(value, dtype=np.float64)
        # NaN is below no limit.
        if array.size != np.prod(shape) or not np.all(np.abs(array) < _LARGEST):
            raise self._error(f"needs {attribute} as {shape} finite numbers, not an array of {array.shape}")
        array = array.reshape(shape)
        array.flags.writeable = False
        object.__setattr__(self, attribute, array)

    def _check(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise self._error(f"has an image size of {self.width} x {self.height}")
        if not (self.K[0, 0] > 0 and self.K[1, 1] > 0):
            raise self._error("needs positive focal lengths in K")
        if abs(self.K[0, 1]) > 1e-6 * self.K[0, 0]:
            raise self._error("has a K with skew, which the camera model does not have")
        if not np.allclose(self.K[[1, 2, 2, 2], [0, 0, 1, 2]], [0, 0, 0, 1], atol=1e-9):
            raise self._error("needs a K that is zero below its diagonal and ends in 1")
        orthogonal = np.allclose(self.R @ self.R.T, np.eye(3), atol=_ROTATION_TOLERANCE)
        if not orthogonal:
            raise self._error("needs a rotation matrix in R")
        if np.linalg.det(self.R) < 0:
            raise self._error("needs a rotation matrix in R, not a mirrored one: an axis has the wrong sign")

    def _error(self, what: str) -> InputError:
        return InputError(what, where=f"Camera {self.name}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def focal(self) -> Array:
        """(2,) focal lengths in pixels."""
        return self.K[[0, 1], [0, 1]]

    @property
    def principal(self) -> Array:
        """(2,) principal point in pixels."""
        return self.K[:2, 2]

    @property
    def lens_model(self) -> LensModel:
        """The simplest of OpenCV's lens models that the distortion fits in."""
        if self.fisheye:
            return "fisheye"
        return "rational" if np.any(self.distortion[5:]) else "brown"

    @property
    def coefficients(self) -> Array:
        """(4,), (5,) or (8,) the coefficients that the lens model has."""
        return self.distortion[: {"fisheye": 4, "brown": 5, "rational": COEFFICIENTS}[self.lens_model]]

    @property
    def centre(self) -> Array:
        """(3,) position of the camera in the world, in metres."""
        return -self.R.T @ self.t

    def to_camera(self, points: ArrayLike) -> Array:
        """World points (..., 3) in metres to camera axes (..., 3)."""
        return np.asarray(points, dtype=np.float64) @ self.R.T + self.t

    def project(self, points: ArrayLike) -> Array:
        """World points (..., 3) in metres to distorted pixels (..., 2).

        Points less than :data:`MIN_DEPTH` in front of the camera, or behind it, give finite pixels that
        mean nothing; ask :meth:`to_camera` for the depth where that matters.
        """
        local = self.to_camera(points)
        ideal = local[..., :2] / np.maximum(local[..., 2:], MIN_DEPTH)
        return distort(ideal, self.distortion, self.fisheye) * self.focal + self.principal

    def jacobian(self, points: ArrayLike) -> Array:
        """The derivative (..., 2, 3) of :meth:`project` by its world points (..., 3), pixels per metre."""
        local = self.to_camera(points)
        depth = np.maximum(local[..., 2], MIN_DEPTH)
        ideal = local[..., :2] / depth[..., None]
        perspective = np.zeros((*depth.shape, 2, 3))
        perspective[..., 0, 0] = perspective[..., 1, 1] = 1 / depth
        perspective[..., :, 2] = -ideal / depth[..., None]
        lens = distort_jacobian(ideal, self.distortion, self.fisheye) * self.focal[:, None]
        return np.asarray(lens @ perspective @ self.R)

    def normalise(self, pixels: ArrayLike) -> Array:
        """Distorted pixels (..., 2) to ideal normalised coordinates (..., 2), by Newton's method."""
        bent = (np.asarray(pixels, dtype=np.float64) - self.principal) / self.focal
        return undistort(bent, self.distortion, self.fisheye)


@dataclass(frozen=True, eq=False)
class Rig:
    """The cameras of a shoot in one world (right-handed, Y up, metres).

    Attributes:
        cameras: the cameras, in the order in which arrays list them.
        source: where the rig comes from, in words.
        residual_px: RMS reprojection error in pixels by camera name, where known.
        notes: what a person should know about it, a sentence each.

    Raises:
        InputError: if two cameras share a name.
    """

    cameras: tuple[Camera, ...]
    source: str = ""
    residual_px: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cameras", tuple(self.cameras))
        doubled = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubled:
            raise InputError(f"two cameras of the rig are called {', '.join(doubled)}", where=self.source)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cameras, in order."""
        return tuple(camera.name for camera in self.cameras)

    def __len__(self) -> int:
        return len(self.cameras)

    def __iter__(self) -> Iterator[Camera]:
        return iter(self.cameras)

    def __getitem__(self, name: str) -> Camera:
        for camera in self.cameras:
            if camera.name == name:
                return camera
        known = ", ".join(self.names) or "none"
        raise InputError(f"the rig has no camera {name!r}; its cameras are: {known}", where=self.source)

    def select(self, names: Iterable[str]) -> Rig:
        """The rig of the named cameras only, in the order of `names`."""
        cameras = tuple(self[name] for name in names)
        residual_px = {c.name: self.residual_px[c.name] for c in cameras if c.name in self.residual_px}
        return Rig(cameras, self.source, residual_px, self.notes)
