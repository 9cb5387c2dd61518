"""Mistakes between a rig and its footage: images swapped, mirrored, turned, of another size, out of step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.camera import Camera
from fitting.camera_checks.hypothesis import CameraMistake, Hypothesis, Kind, Suspects, numbered
from fitting.camera_checks.lenses import HALF, with_lens
from fitting.camera_checks.sample import Sample

Array = NDArray[np.float64]

_NEIGHBOURS = 3
_SAME_PLACE = 1e-3
_MOST_PAIRS = 300
_ASPECT = 0.01
_SELDOM = 0.1


def swapped(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """Each two of the suspects with each other's images."""
    for first, second in list(combinations(suspects.single, 2))[:_MOST_PAIRS]:
        yield Hypothesis(
            "swapped",
            (first, second),
            "their images or their calibrations are swapped",
            "Exchange their folders of images in the shoot file, or their names in the calibration",
            lambda sample, pair=(first, second): exchanged(sample, *pair),  # type: ignore[misc]
        )


def exchanged(sample: Sample, first: int, second: int) -> Sample:
    """Each of two cameras with all that the calibration says of the other, but for its name."""
    cameras = list(sample.rig.cameras)
    names = [camera.name for camera in cameras]
    cameras[first], cameras[second] = cameras[second], cameras[first]
    return sample.with_rig(replace(camera, name=name) for camera, name in zip(cameras, names, strict=True))


def mirrored_images(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """The images of one camera, or of all, mirrored left to right."""
    groups = [suspects.every, *((index,) for index in suspects.single)]
    for cameras in dict.fromkeys(groups):
        yield Hypothesis(
            "mirrored-images",
            cameras,
            numbered("{its} images are mirrored", len(cameras)),
            "Mirror the images back and detect again"
            if len(cameras) < len(suspects.every)
            else "Mirror the images back and detect again, or the rig, if that is of a left-handed world",
            lambda sample, cameras=cameras: mirrored_back(sample, cameras),  # type: ignore[misc]
            in_rig=False,
            prior=_SELDOM,
        )


def mirrored_back(sample: Sample, cameras: tuple[int, ...]) -> Sample:
    """As if the images of some cameras were mirrored back.

    A detector that sees a mirrored face calls left what is right: so each landmark is taken from its
    partner on the other side of the head, or from between the nearest to where that would be.
    """
    apart, near = KDTree(sample.head).query(sample.head * (-1.0, 1.0, 1.0), k=_NEIGHBOURS)
    share = 1 / (np.square(apart) + _SAME_PLACE**2)
    share /= share.sum(1, keepdims=True)
    pixels = sample.pixels.copy()
    for index in cameras:
        partner = np.einsum("lk,flki->fli", share, sample.pixels[:, near, index])
        partner[..., 0] = sample.sizes[index, 0] - 1 - partner[..., 0]
        pixels[:, :, index] = partner
    return replace(sample, pixels=pixels)


def turned(camera: Camera, quarters: int) -> Camera:
    """The camera whose images are turned by so many quarters of a circle clockwise.

    The tangential distortion turns with the axes; the radial one knows no direction.
    """
    result = camera
    for _ in range(quarters % 4):
        (fx, fy), (cx, cy) = result.focal, result.principal
        k1, k2, p1, p2, *rest = result.distortion
        if not result.fisheye:
            p1, p2 = p2, -p1
        # a pixel (x, y) comes to (height - 1 - y, x), a direction (x, y, z) to (-y, x, z)
        quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        K = np.array([[fy, 0, result.height - 1 - cy], [0, fx, cx], [0, 0, 1]])
        lens = np.array([k1, k2, p1, p2, *rest])
        lens = lens[:4] if result.fisheye else lens
        sideways = replace(result, K=K, distortion=lens, R=quarter @ result.R, t=quarter @ result.t)
        result = replace(sideways, width=result.height, height=result.width)
    return result


def turned_images(quarters: int) -> Kind:
    """The images turned since the calibration."""
    degrees = {1: "90 degrees clockwise", 2: "180 degrees", 3: "90 degrees anticlockwise"}[quarters]
    return CameraMistake(
        "turned-images",
        f"{{its}} images are turned by {degrees} against the calibration",
        "Turn the images back, or turn the calibration with them",
        lambda camera: turned(camera, quarters),
    )


def other_size(sample: Sample) -> Iterator[Hypothesis]:
    """Why the images of some cameras are of another size than their calibration: one reason for all of them.

    The first is the likeliest: scaled where the proportions are the same, turned where width and height
    are exchanged, else cropped.
    """
    wrong = tuple(
        index for index, camera in enumerate(sample.rig) if camera.size != tuple(sample.sizes[index].tolist())
    )
    if not wrong:
        return
    sizes = {camera.name: sample.sizes[index] for index, camera in enumerate(sample.rig)}
    for what, fix, fit in _SIZES:
        if all(fit(sample.rig.cameras[index], sample.sizes[index]) is not None for index in wrong):
            yield Hypothesis(
                "image-size",
                wrong,
                f"{numbered('{its}', len(wrong))} images are not of the calibration's size: {what}",
                fix,
                lambda sample, fit=fit: sample.with_cameras(  # type: ignore[misc]
                    lambda camera: fit(camera, sizes[camera.name]) or camera, wrong
                ),
            )


Size = NDArray[np.int64]
_Fit = Callable[[Camera, Size], Camera | None]


def _resized(camera: Camera, size: Size) -> Camera | None:
    factor = size / np.array(camera.size)
    if abs(factor[0] / factor[1] - 1) > _ASPECT:
        return None
    lens = with_lens(camera, camera.focal * factor, (camera.principal + HALF) * factor - HALF)
    return _of_size(lens, size)


def _squeezed(camera: Camera, size: Size) -> Camera | None:
    factor = size / np.array(camera.size)
    if abs(factor[0] / factor[1] - 1) <= _ASPECT:
        return None
    lens = with_lens(camera, camera.focal * factor, (camera.principal + HALF) * factor - HALF)
    return _of_size(lens, size)


def _cropped_to_middle(camera: Camera, size: Size) -> Camera | None:
    border = (np.array(camera.size) - size) / 2
    return _of_size(with_lens(camera, camera.focal, camera.principal - border), size)


def _of_size(camera: Camera, size: Size) -> Camera:
    """Only the size was wrong, or the images are cropped at right and bottom."""
    return replace(camera, width=int(size[0]), height=int(size[1]))


def _turned(quarters: int) -> _Fit:
    def fit(camera: Camera, size: Size) -> Camera | None:
        result = turned(camera, quarters)
        return result if result.size == tuple(size.tolist()) else None

    return fit


_SIZES: tuple[tuple[str, str, _Fit], ...] = (
    ("they are scaled", "Scale K with the images, or give images of the full size", _resized),
    (
        "they are turned by 90 degrees clockwise",
        "Turn the images back, or the calibration with them",
        _turned(1),
    ),
    (
        "they are turned by 90 degrees anticlockwise",
        "Turn the images back, or the calibration with them",
        _turned(3),
    ),
    (
        "they are cropped about the middle",
        "Take the offset of the crop from cx and cy",
        _cropped_to_middle,
    ),
    (
        "they are cropped at right and bottom, or only the size in the file is wrong",
        "Correct the width and the height in the file",
        _of_size,
    ),
    (
        "they are stretched to other proportions (a desqueeze, or non-square pixels)",
        "Scale fx and cx, fy and cy with the images' width and height",
        _squeezed,
    ),
)

FOOTAGE: tuple[Kind, ...] = (
    swapped,
    mirrored_images,
    turned_images(1),
    turned_images(2),
    turned_images(3),
)
"""Mistakes that lie between rig and images, as far as a single frame shows them."""
