"""Mistakes in the lenses of a rig: K of another size or order, distortion that is not that of the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from fitting.camera_checks.hypothesis import CameraMistake, Kind

Array = NDArray[np.float64]

_SELDOM, _VERY_SELDOM = 0.1, 0.2
_SCALES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 2, 2.0, 3.0, 4.0)
_FULL_FRAME_MM = 36.0
_SHORTEST = 0.3
"""Of the image's width: a focal length below it (118 degrees of view) is likelier in another unit."""
_NEAR_CORNER = 0.25
_SWAPPED_APART, _SWAPPED_ALIKE = 0.02, 0.03
HALF = 0.5


def with_lens(camera: Camera, focal: Array, principal: Array) -> Camera:
    """The camera with another K: focal lengths (2,) and principal point (2,), pixels."""
    K = np.eye(3)
    K[[0, 1], [0, 1]], K[:2, 2] = focal, principal
    return replace(camera, K=K)


def scaled(camera: Camera, factor: float) -> Camera:
    """K of images that were so many times as large; pixel (0, 0) is the centre of the first in either."""
    return with_lens(camera, factor * camera.focal, factor * (camera.principal + HALF) - HALF)


def shifted(camera: Camera, pixels: float) -> Camera:
    """The principal point moved by as much in x and in y."""
    return with_lens(camera, camera.focal, camera.principal + pixels)


def from_middle(camera: Camera) -> Camera | None:
    """The principal point counted from the middle of the image; None where it is no such offset."""
    size = np.array(camera.size, dtype=np.float64)
    if np.any(np.abs(camera.principal) > _NEAR_CORNER * size):
        return None
    return with_lens(camera, camera.focal, camera.principal + (size - 1) / 2)


def principal_swapped(camera: Camera) -> Camera | None:
    """cx and cy exchanged; None where they are the same."""
    first, second = camera.principal
    if abs(first - second) < _SWAPPED_APART * max(camera.size):
        return None
    return with_lens(camera, camera.focal, camera.principal[::-1])


def order_swapped(camera: Camera) -> Camera | None:
    """fy and cx exchanged; None where the focal lengths are alike already."""
    (fx, fy), (cx, cy) = camera.focal, camera.principal
    if abs(fy / fx - 1) < _SWAPPED_ALIKE or cx <= 0:
        return None
    return with_lens(camera, np.array([fx, cx]), np.array([fy, cy]))


def from_millimetres(camera: Camera) -> Camera | None:
    """A focal length in millimetres of a sensor 36 mm wide, in pixels; None for one that can be pixels."""
    if camera.focal[0] > _SHORTEST * camera.width:
        return None
    return with_lens(camera, camera.focal * camera.width / _FULL_FRAME_MM, camera.principal)


def from_image_widths(camera: Camera) -> Camera | None:
    """K as parts of the image's width and height, in pixels; None for one that is not."""
    if max(camera.focal.max(), camera.principal.max()) > 10:
        return None
    size = np.array(camera.size, dtype=np.float64)
    return with_lens(camera, camera.focal * size, camera.principal * size - HALF)


def rescaled(factor: float) -> Kind:
    """K of images of another size."""
    said = f"1/{1 / factor:.3g}" if factor > 1 else f"{1 / factor:.3g}"
    return CameraMistake(
        "scaled-intrinsics",
        f"{{its}} K is of images {said} times the size of these",
        f"Multiply focal lengths and principal point{{s}} by {factor:.4g}",
        lambda camera: scaled(camera, factor),
        prior=_SELDOM,
    )


def half_pixel(by: float) -> Kind:
    """Pixel (0, 0) as the corner of the first pixel instead of its centre, or the reverse."""
    how = (
        "{its} principal point{s} {is_} half a pixel too far right and down, as of a program that has the "
        "corner of the first pixel at (0, 0), such as COLMAP"
        if by < 0
        else "{its} principal point{s} {is_} half a pixel too far left and up, as if half a pixel was taken "
        "off a K that has the centre of the first pixel at (0, 0) already"
    )
    return CameraMistake(
        "half-pixel",
        how,
        f"{'Subtract' if by < 0 else 'Add'} 0.5 {'from' if by < 0 else 'to'} cx and cy",
        lambda camera: shifted(camera, by),
        single=False,
    )


def _without_distortion(camera: Camera) -> Camera | None:
    return replace(camera, distortion=np.zeros(0), fisheye=False) if np.any(camera.distortion) else None


def _negated(camera: Camera) -> Camera | None:
    return replace(camera, distortion=-camera.coefficients) if np.any(camera.distortion) else None


def _third_in_place(camera: Camera) -> Camera | None:
    k1, k2, third, fourth, fifth = camera.distortion[:5]
    if camera.lens_model != "brown" or not np.any((third, fourth, fifth)):
        return None
    return replace(camera, distortion=np.array([k1, k2, fourth, fifth, third]))


def _tangential_swapped(camera: Camera) -> Camera | None:
    k1, k2, p1, p2, k3 = camera.distortion[:5]
    if camera.lens_model != "brown" or p1 == p2:
        return None
    return replace(camera, distortion=np.array([k1, k2, p2, p1, k3]))


def _fisheye(camera: Camera) -> Camera | None:
    if camera.lens_model != "brown" or camera.distortion[4] or not np.any(camera.distortion):
        return None
    return replace(camera, distortion=camera.distortion[:4], fisheye=True)


INTRINSICS: tuple[Kind, ...] = (
    CameraMistake(
        "principal-point-from-middle",
        "{its} principal point{s} {is_} in the corner of the image: 0, or an offset from the middle",
        "Add (width - 1) / 2 to cx and (height - 1) / 2 to cy; where the file has zeros, the true principal "
        "point is lost, and what is found besides may come from that",
        from_middle,
    ),
    CameraMistake(
        "principal-point-swapped",
        "cx and cy of {its} K {is_} exchanged",
        "Exchange cx and cy",
        principal_swapped,
        prior=_SELDOM,
    ),
    CameraMistake(
        "intrinsics-order",
        "{its} K was read in another order: fy and cx {is_} exchanged",
        "Read the intrinsics as fx, cx, fy, cy instead of fx, fy, cx, cy, or the reverse",
        order_swapped,
        prior=_SELDOM,
    ),
    CameraMistake(
        "focal-in-millimetres",
        "{its} focal length{s} {is_} in millimetres (of a sensor 36 mm wide), not in pixels",
        "Multiply the focal length by the image's width and divide it by the sensor's",
        from_millimetres,
        prior=_SELDOM,
    ),
    CameraMistake(
        "normalised-intrinsics",
        "{its} K {is_} in image widths and heights, not in pixels",
        "Multiply fx and cx by the image's width, fy and cy by its height",
        from_image_widths,
        prior=_SELDOM,
    ),
    *(rescaled(factor) for factor in _SCALES),
)
"""Mistakes in K."""

DISTORTION: tuple[Kind, ...] = (
    CameraMistake(
        "already-undistorted",
        "the images are undistorted already, but {its} lens{s} still have distortion coefficients",
        "Set the distortion to zero, and take K from the program that undistorted the images",
        _without_distortion,
    ),
    CameraMistake(
        "distortion-sign",
        "{its} distortion is that of the inverse model: the coefficients have the wrong signs",
        "Change the signs of the coefficients, or import them as those of an undistortion",
        _negated,
        prior=_SELDOM,
    ),
    CameraMistake(
        "distortion-order",
        "{its} distortion was read in another order: k1 k2 k3 p1 p2 instead of k1 k2 p1 p2 k3",
        "Bring the coefficients into OpenCV's order",
        _third_in_place,
        prior=_SELDOM,
    ),
    CameraMistake(
        "tangential-swapped",
        "p1 and p2 of {its} distortion {is_} exchanged",
        "Exchange p1 and p2",
        _tangential_swapped,
        prior=_VERY_SELDOM,
    ),
    CameraMistake(
        "fisheye",
        "{its} distortion is a fisheye's (k1 k2 k3 k4), taken for k1 k2 p1 p2",
        "Mark the camera{s} as fisheye",
        _fisheye,
        prior=_SELDOM,
    ),
)
"""Mistakes in the distortion that need no coefficients to be found."""

HALF_PIXELS: tuple[Kind, ...] = (half_pixel(-HALF), half_pixel(HALF))
