"""OpenCV's files, one per camera, YAML, XML or JSON as `cv2.FileStorage` writes them, and ROS's camera_info.

A file holds `image_width`, `image_height`, `camera_matrix`, `distortion_coefficients`, and, where the pose
is known, `R` (a matrix) or `rvec` (a Rodrigues vector) with `T` or `tvec`, world to camera. OpenCV has no
notion of units, so we write `units: m`, and a file with a translation must have them added or said.

A fisheye is told by `fisheye_model: 1` (OpenCV's calibration sample) or `distortion_model: equidistant`
(ROS); four coefficients that nothing names are k1 k2 p1 p2. A folder with the `intrinsics.yml`
(M1 D1 M2 D2) and `extrinsics.yml` (R T) of OpenCV's stereo sample is a rig of the cameras left and right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError, UsageError
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import file_stem, given_size, head, image_size, stated_unit
from calibration.formats.opencv_storage import SUFFIXES, Fields, matrix, read_fields, write_fields
from calibration.whole_file import write_text

Array = NDArray[np.float64]

_CAMERA_MATRIX = ("camera_matrix", "k", "intrinsic_matrix")
_DISTORTION = ("distortion_coefficients", "dist_coeffs", "dist_coeff", "d")
_ROTATIONS = ("r", "rotation_matrix", "rvec", "rotation_vector", "rotation")
_TRANSLATIONS = ("t", "tvec", "translation_vector", "translation")
_MODELS = {"plumb_bob": False, "radtan": False, "brown": False, "pinhole": False} | {
    "rational_polynomial": False,
    "rational": False,
    "equidistant": True,
    "fisheye": True,
    "kannala_brandt": True,
}
_OF_A_FOLDER = (".yml", ".yaml", ".xml")
_STEREO = ("intrinsics.yml", "extrinsics.yml")


def write(rig: Rig, path: Path) -> None:
    """Write a folder with a file per camera, or one file if `path` is one and the rig has one camera.

    Raises:
        UsageError: if several cameras are to go into one file, or a camera's name cannot be a file's.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        if len(rig) != 1:
            raise UsageError(
                f"one OpenCV file holds one camera, and the rig has {len(rig)}",
                where=str(path),
                fix="Name a folder instead",
            )
        write_text(path, write_fields(_record(rig.cameras[0], rig), suffix))
        return
    names = [file_stem(camera.name) for camera in rig]
    for name, camera in zip(names, rig, strict=True):
        write_text(path / f"{name}.yml", write_fields(_record(camera, rig), ".yml"))


def _record(camera: Camera, rig: Rig) -> dict[str, Any]:
    fisheye = {"fisheye_model": 1} if camera.fisheye else {}
    residual = rig.residual_px.get(camera.name)
    return {
        "camera_name": camera.name,
        "image_width": camera.width,
        "image_height": camera.height,
        **fisheye,
        "camera_matrix": camera.K,
        "distortion_coefficients": camera.coefficients.reshape(-1, 1),
        "units": "m",
        "R": camera.R,
        "T": camera.t.reshape(3, 1),
    } | ({} if residual is None else {"avg_reprojection_error": float(residual)})


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read one file, or all files of a folder that hold a camera, in the order of their names.

    Raises:
        InputError: naming the file and the field that is missing or wrong.
    """
    if path.is_dir() and all((path / name).is_file() for name in _STEREO):
        return _read_stereo(path, options)
    paths = sorted(p for p in path.iterdir() if p.suffix.lower() in _OF_A_FOLDER) if path.is_dir() else [path]
    if not paths:
        raise InputError(f"the folder holds no {', '.join(_OF_A_FOLDER)} files", where=str(path))
    read_all = [_read_camera(one, read_fields(one), options) for one in paths]
    residuals = {camera.name: rms for camera, rms, _ in read_all if rms is not None}
    notes = tuple(note for _, _, note in read_all if note)
    return Rig(tuple(camera for camera, _, _ in read_all), path.name, residuals, notes)


def _read_camera(path: Path, fields: Fields, options: ReadOptions) -> tuple[Camera, float | None, str]:
    """A camera, its RMS residual in pixels where known, and what to tell a person about it."""
    where = str(path)
    width, height = image_size(fields.get("image_width"), fields.get("image_height"), where)
    K = matrix(fields, _CAMERA_MATRIX, where)
    if K is None:
        raise InputError("camera_matrix is missing", where=where)
    name = str(fields.get("camera_name") or path.stem)
    fisheye = _is_fisheye(fields, where)
    lens = _coefficients(matrix(fields, _DISTORTION, where), where)
    note = ""
    if fisheye is None and lens.size == 4 and np.any(lens):
        note = (
            f"Camera {name}: the file does not name its lens model; its 4 numbers were read as k1 k2 p1 p2."
        )
    translation = matrix(fields, _TRANSLATIONS, where)
    t = np.zeros(3) if translation is None else translation.reshape(-1)
    if np.any(t):
        t = t * stated_unit(fields.get("units"), options, where)
    R = _rotation(matrix(fields, _ROTATIONS, where), where)
    camera = Camera(name, width, height, K, lens, R, t, fisheye=bool(fisheye))
    rms = fields.get("avg_reprojection_error")
    return camera, float(rms) if isinstance(rms, int | float) else None, note


def _is_fisheye(fields: Fields, where: str) -> bool | None:
    """Whether the file says that the lens is a fisheye; None if it says nothing."""
    if fields.get("fisheye_model") is not None:
        return bool(fields["fisheye_model"])
    named = next((fields[key] for key in ("distortion_model", "model") if fields.get(key)), None)
    if named is None:
        return None
    if str(named).lower() not in _MODELS:
        raise InputError(
            f"the distortion model {named!r} is not one of vultus",
            where=where,
            fix=f"Understood are: {', '.join(_MODELS)}",
        )
    return _MODELS[str(named).lower()]


def _coefficients(given: Array | None, where: str) -> Array:
    """OpenCV's 4, 5 or 8 coefficients; of 12 and 14 the thin prism and the tilt must be zero."""
    lens = np.zeros(5) if given is None else given.reshape(-1)
    if lens.size not in (12, 14):
        return lens
    extra = {"thin prism (s1 to s4)": lens[8:12], "tilted sensor (tau x, tau y)": lens[12:]}
    used = [name for name, values in extra.items() if np.any(values)]
    if used:
        raise InputError(
            f"the lens has {' and '.join(used)} coefficients, which the camera model of vultus does not have",
            where=where,
            fix="Calibrate with at most the rational model (8 coefficients)",
        )
    return lens[:8]


def _rotation(value: Array | None, where: str) -> Array:
    """A Rodrigues vector or a matrix as a matrix; none is the identity. The camera refuses nonsense."""
    if value is None:
        return np.eye(3)
    if value.size not in (3, 9):
        raise InputError(
            f"the rotation has {value.size} numbers; a matrix or a vector is needed", where=where
        )
    return Rotation.from_rotvec(value.reshape(3)).as_matrix() if value.size == 3 else value


def _read_stereo(folder: Path, options: ReadOptions) -> Rig:
    """The pair of OpenCV's stereo sample; the left camera is the world, `x_right = R @ x_left + T`."""
    inside, between = (read_fields(folder / name) for name in _STEREO)
    where = str(folder)
    found = {key: matrix(inside, (key,), where) for key in ("m1", "d1", "m2", "d2")}
    rotation, translation = matrix(between, ("r",), where), matrix(between, ("t",), where)
    if found["m1"] is None or found["m2"] is None or rotation is None or translation is None:
        raise InputError("M1, M2 (intrinsics.yml), R or T (extrinsics.yml) is missing", where=where)
    t = translation.reshape(-1) * stated_unit(between.get("units"), options, str(folder / _STEREO[1]))
    sizes = {name: given_size(name, options, where) for name in ("left", "right")}
    left = Camera("left", *sizes["left"], found["m1"], _coefficients(found["d1"], where))
    R = _rotation(rotation, where)
    right = Camera("right", *sizes["right"], found["m2"], _coefficients(found["d2"], where), R, t)
    return Rig((left, right), folder.name)


def recognises(path: Path) -> bool:
    """Whether a file, or one of a folder's files, names a camera matrix."""
    if path.is_dir():
        files = [one for one in path.iterdir() if one.suffix.lower() in _OF_A_FOLDER]
        return any(recognises(one) for one in files)
    start = head(path)
    return "camera_matrix" in start.lower() or ("opencv-matrix" in start and "M1" in start)


RIG_FORMAT = Format(
    "opencv",
    "OpenCV's FileStorage or ROS's camera_info, a file per camera",
    SUFFIXES,
    folder=True,
    read=read,
    write=write,
    recognises=recognises,
)
