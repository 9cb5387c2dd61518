"""Sparse models of COLMAP: a folder with cameras and images, as text or binary files.

COLMAP's axes are OpenCV's and its pose is world to camera, as ours; its pixel (0, 0) is the corner of the
image. A camera of ours is the folder that its images lie in ("camA/camA.1001.jpg" is of camA), or the name of
its image; several images of one camera must agree on its pose. The world of COLMAP has no unit, nor an
upright axis. Points, rigs and frames of a model are not needed and not read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.colmap_models import Lens, parameters_of
from calibration.formats.colmap_records import (
    CameraRecord,
    ImageRecord,
    cameras_binary,
    cameras_text,
    images_binary,
    images_text,
    read_cameras_binary,
    read_cameras_text,
    read_images_binary,
    read_images_text,
)
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import assumed_unit, file_stem
from calibration.formats.image_names import camera_names, one_pose_each
from calibration.formats.numbers import numbers
from calibration.whole_file import write_bytes, write_text

_NO_ROTATION = 1e-6
"""The length of a quaternion below which it says nothing; it should be 1."""

_NO_POINTS = (
    "# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n# Number of points: 0\n"
)


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read a model's folder, whichever of the two kinds it is (binary, if it has both).

    Raises:
        InputError: a file is missing, cut off or malformed; a camera model is not one of ours; a camera's
            images have different poses.
    """
    scale, notes = assumed_unit(options, str(path))
    cameras, images = _records(path)
    lenses = {camera.number: camera.lens(str(path)) for camera in cameras}
    if not images:
        raise InputError("the model has no images, so that no camera has a place", where=str(path))
    names = camera_names([image.name for image in images])
    views = [_view(image, name, lenses, scale, str(path)) for image, name in zip(images, names, strict=True)]
    found = one_pose_each(views, [image.name for image in images], str(path))
    return Rig(found, f"COLMAP model {path.name}", notes=notes)


def _records(path: Path) -> tuple[list[CameraRecord], list[ImageRecord]]:
    if _has(path, ".bin"):
        return read_cameras_binary(path / "cameras.bin"), read_images_binary(path / "images.bin")
    if _has(path, ".txt"):
        return read_cameras_text(path / "cameras.txt"), read_images_text(path / "images.txt")
    raise InputError(
        "there is no model of COLMAP here: no cameras.bin and images.bin, nor the same as .txt",
        where=str(path),
        fix="Name the folder of the model, often sparse/0",
    )


def _view(image: ImageRecord, name: str, lenses: Mapping[int, Lens], scale: float, where: str) -> Camera:
    where = f"{where}: image {image.name}"
    if image.camera not in lenses:
        raise InputError(f"its camera {image.camera} is not among the cameras", where=where)
    quaternion = numbers(image.quaternion, (4,), "its quaternion", where)
    if np.linalg.norm(quaternion) < _NO_ROTATION:
        raise InputError("its quaternion is no rotation", where=where)
    lens = lenses[image.camera]
    R = Rotation.from_quat(quaternion, scalar_first=True).as_matrix()
    t = numbers(image.translation, (3,), "its translation", where) * scale
    return Camera(name, lens.width, lens.height, lens.K, lens.distortion, R, t, fisheye=lens.fisheye)


def write_text_model(rig: Rig, path: Path) -> None:
    """Write `cameras.txt`, `images.txt` and an empty `points3D.txt` into a folder, in metres."""
    cameras, images = _to_records(rig)
    write_text(path / "cameras.txt", cameras_text(cameras))
    write_text(path / "images.txt", images_text(images))
    write_text(path / "points3D.txt", _NO_POINTS)


def write_binary_model(rig: Rig, path: Path) -> None:
    """Write `cameras.bin`, `images.bin` and an empty `points3D.bin` into a folder, in metres."""
    cameras, images = _to_records(rig)
    write_bytes(path / "cameras.bin", cameras_binary(cameras))
    write_bytes(path / "images.bin", images_binary(images))
    write_bytes(path / "points3D.bin", struct.pack("<Q", 0))


def _to_records(rig: Rig) -> tuple[list[CameraRecord], list[ImageRecord]]:
    """A camera and an image, "NAME/NAME.jpg", for each camera of the rig."""
    cameras, images = [], []
    for number, camera in enumerate(rig, start=1):
        model, parameters = parameters_of(camera)
        cameras.append(CameraRecord(number, model, camera.width, camera.height, tuple(parameters)))
        turn = Rotation.from_matrix(camera.R).as_quat(scalar_first=True, canonical=True)
        name = file_stem(camera.name)
        pose = tuple(turn.tolist()), tuple(camera.t.tolist())
        images.append(ImageRecord(number, *pose, number, f"{name}/{name}.jpg"))
    return cameras, images


def recognises(path: Path) -> bool:
    """Whether a folder holds a model."""
    return _has(path, ".bin") or _has(path, ".txt")


def _has(path: Path, suffix: str) -> bool:
    return all((path / f"{stem}{suffix}").is_file() for stem in ("cameras", "images"))


RIG_FORMAT = Format(
    "colmap",
    "a sparse model of COLMAP: a folder, binary (reads text too)",
    folder=True,
    read=read,
    write=write_binary_model,
    recognises=recognises,
)
TEXT_RIG_FORMAT = Format(
    "colmap-text",
    "a sparse model of COLMAP: a folder, text (reads binary too)",
    folder=True,
    read=read,
    write=write_text_model,
    recognises=recognises,
)
