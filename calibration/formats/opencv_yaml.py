"""OpenCV's YAML: one file per camera, as `cv2.FileStorage` writes it.

A file holds `image_width`, `image_height`, `camera_matrix`, `distortion_coefficients`, and, where the pose
is known, `R` (a matrix) or `rvec` (a Rodrigues vector) with `T` or `tvec`, world to camera. OpenCV has no
notion of units, so we write `units: m`, and a file with a translation must have them added.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError, UsageError
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import head, image_size, stated_unit
from calibration.whole_file import write_text

Array = NDArray[np.float64]

_ROTATIONS = ("R", "rotation_matrix", "rvec", "rotation_vector", "rotation")
_TRANSLATIONS = ("T", "t", "tvec", "translation_vector", "translation")
_SUFFIXES = (".yml", ".yaml")


def write(rig: Rig, path: Path) -> None:
    """Write a folder with a file per camera, or one file if `path` is one and the rig has one camera.

    Raises:
        UsageError: if several cameras are to go into one file.
    """
    if path.suffix.lower() in _SUFFIXES:
        if len(rig) != 1:
            raise UsageError(
                f"one OpenCV file holds one camera, and the rig has {len(rig)}",
                where=str(path),
                fix="Name a folder instead",
            )
        write_text(path, _text(rig.cameras[0], rig))
        return
    path.mkdir(parents=True, exist_ok=True)
    for camera in rig:
        write_text(path / f"{camera.name}.yml", _text(camera, rig))


def _text(camera: Camera, rig: Rig) -> str:
    storage = cv2.FileStorage(
        ".yml", cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY | cv2.FILE_STORAGE_FORMAT_YAML
    )
    storage.write("camera_name", camera.name)
    storage.write("image_width", camera.width)
    storage.write("image_height", camera.height)
    storage.write("camera_matrix", camera.K)
    storage.write("distortion_coefficients", camera.distortion[:5].reshape(5, 1))
    storage.write("units", "m")
    storage.write("R", camera.R)
    storage.write("T", camera.t.reshape(3, 1))
    if camera.name in rig.residual_px:
        storage.write("avg_reprojection_error", rig.residual_px[camera.name])
    return str(storage.releaseAndGetString())


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read one file, or all the `.yml` and `.yaml` files of a folder in the order of their names.

    Raises:
        InputError: naming the file and the field that is missing or wrong.
    """
    paths = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
    if not paths:
        raise InputError("the folder holds no .yml or .yaml files", where=str(path))
    read_all = [_read_camera(one, options) for one in paths]
    residuals = {camera.name: rms for camera, rms in read_all if rms is not None}
    return Rig(tuple(camera for camera, _ in read_all), path.name, residuals)


def _read_camera(path: Path, options: ReadOptions) -> tuple[Camera, float | None]:
    where = str(path)
    fields = _fields(path)
    width, height = image_size(fields.get("image_width"), fields.get("image_height"), where)
    K = _array(fields, ("camera_matrix", "K"), where)
    if K is None:
        raise InputError("camera_matrix is missing", where=where)
    lens = _array(fields, ("distortion_coefficients", "dist_coeffs", "D"), where)
    lens = np.zeros(5) if lens is None else lens.reshape(-1)
    # Longer vectors of OpenCV (rational, thin prism) are ours when the rest of them is zero.
    lens = lens[:5] if not np.any(lens[5:]) else lens
    rotation = _array(fields, _ROTATIONS, where)
    translation = _array(fields, _TRANSLATIONS, where)
    name = str(fields.get("camera_name") or path.stem)
    scale = stated_unit(fields.get("units"), options, where) if np.any(translation) else 1.0
    t = np.zeros(3) if translation is None else translation.reshape(-1) * scale
    camera = Camera(name, width, height, K, lens, _rotation(rotation), t)
    rms = fields.get("avg_reprojection_error")
    return camera, float(rms) if isinstance(rms, int | float) else None


def _fields(path: Path) -> dict[str, Any]:
    """The top-level numbers, strings and matrices of a file."""
    try:
        text = path.read_text(encoding="utf-8")
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except (OSError, ValueError, SystemError, cv2.error) as error:
        raise InputError("the file cannot be read as OpenCV YAML", where=str(path)) from error
    root = storage.root()
    if not root.isMap():
        raise InputError("the file holds no fields", where=str(path))
    fields = {key: _value(root.getNode(key)) for key in root.keys()}  # noqa: SIM118 - no mapping
    storage.release()
    return fields


def _value(node: Any) -> Any:
    if node.isInt() or node.isReal():
        number = float(node.real())
        return int(number) if number.is_integer() else number
    if node.isString():
        return str(node.string())
    if node.isMap():
        return node.mat()
    if node.isSeq():
        return [_value(node.at(index)) for index in range(node.size())]
    return None


def _array(fields: dict[str, Any], names: tuple[str, ...], where: str) -> Array | None:
    for name in names:
        if fields.get(name) is not None:
            try:
                return np.asarray(fields[name], dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise InputError(f"{name} must be a matrix of numbers", where=where) from error
    return None


def _rotation(value: Array | None) -> Array:
    """A Rodrigues vector or a matrix as a matrix; none is the identity. The camera refuses nonsense."""
    if value is None:
        return np.eye(3)
    return Rotation.from_rotvec(value.reshape(3)).as_matrix() if value.size == 3 else value


def recognises(path: Path) -> bool:
    """Whether a file, or one of a folder's files, names a camera matrix."""
    if path.is_dir():
        return any(one.suffix.lower() in _SUFFIXES for one in path.iterdir())
    return "camera_matrix" in head(path)


RIG_FORMAT = Format(
    "opencv", "OpenCV's FileStorage, a file per camera", _SUFFIXES, True, read, write, recognises
)
