"""From images to cameras, for the formats of photogrammetry, which have a pose per image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from calibration.camera import Camera
from calibration.errors import InputError

_SAME_METRES = 1e-6
_SAME_RADIANS = 1e-6
_FRAME_NUMBER = re.compile(r"\.\d{3,}$")
_IMAGE_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


def camera_names(images: Sequence[str]) -> list[str]:
    """The camera of each image: the folder that it lies in, or its own name without frame number.

    Folders tell the cameras apart where there are several ("camA/camA.1001.jpg" is of camA). Where all images
    lie in one place, the file names do ("camA.1001.jpg" and "camA.jpg" are of camA too), unless that place is
    the folder of one camera, whose images are named after it.
    """
    paths = [PurePosixPath(image.replace("\\", "/")) for image in images]
    folders = {path.parent for path in paths}
    if len(folders) > 1 or _is_of_one_camera(paths):
        return [path.parent.name or _bare(path.name) for path in paths]
    return [_bare(path.name) for path in paths]


def _is_of_one_camera(paths: Sequence[PurePosixPath]) -> bool:
    """Whether all images are named after the folder that they lie in."""
    return all(path.parent.name and path.name.startswith(f"{path.parent.name}.") for path in paths)


def _bare(file_name: str) -> str:
    """A file's name without suffix and frame number."""
    stem = _IMAGE_SUFFIX.sub("", file_name)
    return _FRAME_NUMBER.sub("", stem) or stem


def one_pose_each(views: Sequence[Camera], images: Sequence[str], where: str) -> tuple[Camera, ...]:
    """One camera per name, of views that may show several images of it.

    Args:
        views: a camera for each image; those of one camera have one name.
        images: what each view's image is called.
        where: the file, for the error.

    Raises:
        InputError: two images of one camera have different poses or lenses: its rig is not static.
    """
    first: dict[str, tuple[Camera, str]] = {}
    for view, image in zip(views, images, strict=True):
        if not view.name:
            raise InputError(f"the image name {image!r} does not tell its camera", where=where)
        known, known_image = first.setdefault(view.name, (view, image))
        difference = _difference(known, view)
        if difference:
            raise InputError(
                f"images {known_image} and {image} are both of camera {view.name}, but {difference}",
                where=where,
                fix="Keep one image of each camera, or, where they are of several, name these apart",
            )
    return tuple(camera for camera, _ in first.values())


def _difference(a: Camera, b: Camera) -> str:
    if a.size != b.size or a.fisheye != b.fisheye:
        return "their sizes or lens models differ"
    if not (np.allclose(a.K, b.K, rtol=1e-9) and np.allclose(a.distortion, b.distortion, rtol=1e-9)):
        return "their lenses differ"
    apart = float(np.linalg.norm(a.centre - b.centre))
    turned = float(np.linalg.norm(a.R - b.R)) / np.sqrt(2)
    if apart > _SAME_METRES or turned > _SAME_RADIANS:
        return f"they stand {apart * 1000:.3g} mm and {np.degrees(turned):.3g} degrees apart"
    return ""
