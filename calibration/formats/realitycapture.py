"""The camera of RealityCapture (RealityScan), which its CSV and XMP files share.

From Capturing Reality's articles "RealityCapture XMP Camera Math" and "Registration export and camera
orientations", with AliceVision's importer as the second source for the lens:

- The world is X east, Y north, Z up; we turn it so that Y is up. A rotation is world to camera, a position is
  the camera's centre.
- Image coordinates are divided by the larger side of the image and measured from its middle, so that
  `focal = f35 / 36 * max(w, h)` and the principal point is `size / 2 + (px, py) * max(w, h)`, where the
  image's corner is (0, 0). The files do not carry the image size.
- The radial terms are k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8. The tangential ones follow AliceVision and
  Fraunhofer's camorph, which both read t1, t2 as OpenCV's p2, p1; no export was at hand to check it.
- Rotation of heading, pitch, roll: the matrix in :func:`rotation_of`, checked against a pair of exports, CSV
  and XMP, of one camera.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.camera import Camera
from calibration.errors import InputError, UsageError
from calibration.formats.conventions import (
    brown_from_photogrammetry,
    brown_to_photogrammetry,
    camera_matrix,
    from_image_centre,
    from_z_up,
    pose_from_centre,
    to_image_centre,
    to_z_up,
)

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

FILM_WIDTH = 36.0
"""Millimetres of the larger side of the image, of a focal length "in 35 mm"."""

Z_UP_NOTE = "The world of RealityCapture has Z up; it was turned so that Y is up."

_NEGLIGIBLE_PX = 0.01
_WORST_FOCAL_PX = 0.5
"""Calibrations of square pixels find focal lengths that differ by this much and are no surer than that."""


@dataclass(frozen=True)
class RealityCaptureCamera:
    """A camera in RealityCapture's own conventions.

    Attributes:
        R: (3, 3) world to camera, the world Z up.
        centre: (3,) in the world's unit.
        focal: 35 mm equivalent.
        principal: (2,) from the middle of the image, by its larger side.
        distortion: (6,) k1 k2 k3 k4 t1 t2.
    """

    R: Array
    centre: Array
    focal: float
    principal: Array
    distortion: Array

    def to_camera(self, name: str, size: tuple[int, int], unit: float, where: str) -> Camera:
        """The camera in the conventions of vultus.

        Raises:
            InputError: the lens has a k4, which vultus's has not.
        """
        if self.distortion[3] != 0:
            raise InputError(
                f"the lens has k4 = {self.distortion[3]:g}, which the lens of vultus does not have",
                where=where,
                fix="In RealityCapture, align with the distortion model Brown3 (with tangential2)",
            )
        side = max(size)
        K = camera_matrix(self.focal / FILM_WIDTH * side, from_image_centre(self.principal * side, size))
        lens = brown_from_photogrammetry(self.distortion[:3], self.distortion[4:])
        R, centre = from_z_up(self.R, self.centre * unit)
        return Camera(name, *size, K, lens, R, pose_from_centre(R, centre))


def from_camera(camera: Camera) -> RealityCaptureCamera:
    """A camera of vultus in RealityCapture's conventions, in metres.

    Two focal lengths become their mean, which the log tells where it can be seen.

    Raises:
        UsageError: its lens is not Brown's, or its two focal lengths differ by more than
            half a pixel at the border of the image.
    """
    if camera.lens_model != "brown":
        raise UsageError(
            f"camera {camera.name} has a {camera.lens_model} lens, which RealityCapture does not know",
            fix="Calibrate with k1 k2 p1 p2 k3, or use another format",
        )
    focal, side = float(np.mean(camera.focal)), max(camera.size)
    off = float(np.max(np.abs(camera.focal / focal - 1) * np.asarray(camera.size) / 2))
    if off > _WORST_FOCAL_PX:
        raise UsageError(
            f"camera {camera.name} has two focal lengths, and RealityCapture one: "
            f"the border of the image would be {off:.2g} px off",
            fix="Write another format, such as metashape",
        )
    if off > _NEGLIGIBLE_PX:
        log.warning(
            "Camera %s: RealityCapture has one focal length; the mean of two was written, %.2g px off",
            *(camera.name, off),
        )
    radial, tangential = brown_to_photogrammetry(camera.distortion)
    R, centre = to_z_up(camera.R, camera.centre)
    principal = to_image_centre(camera.principal, camera.size) / side
    distortion = np.array([*radial, 0.0, *tangential])
    return RealityCaptureCamera(R, centre, focal / side * FILM_WIDTH, principal, distortion)


def rotation_of(heading_pitch_roll: ArrayLike) -> Array:
    """(3, 3) world (Z up) to camera of heading, pitch and roll (3,) in degrees; pitch 0 looks down."""
    z, y, x = np.radians(np.asarray(heading_pitch_roll, dtype=np.float64))
    cx, cy, cz = np.cos((x, y, z))
    sx, sy, sz = np.sin((x, y, z))
    return np.array(
        [
            [cx * cz + sx * sy * sz, -cx * sz + cz * sx * sy, -cy * sx],
            [-cy * sz, -cy * cz, -sy],
            [cx * sy * sz - cz * sx, cx * cz * sy + sx * sz, -cx * cy],
        ]
    )


def angles_of(R: Array) -> Array:
    """Heading, pitch and roll (3,) in degrees of a rotation, the inverse of :func:`rotation_of`.

    A camera that looks level has pitch 90, where heading and roll turn about one axis: then they are chosen
    so that together they give the rotation.
    """
    z = np.arctan2(-R[1, 0], -R[1, 1])
    y = np.arctan2(-R[1, 2], np.hypot(R[1, 0], R[1, 1]))
    cz, sz = np.cos(z), np.sin(z)
    x = np.arctan2(R[2, 1] * sz - R[2, 0] * cz, R[0, 0] * cz - R[0, 1] * sz)
    return np.array(np.degrees([z, y, x]))
