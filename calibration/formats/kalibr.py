"""Kalibr's camchain YAML: a chain of cameras, each placed against the one before it.

`T_cn_cnm1` takes points from camera n - 1 to camera n, so that the poses are products along the chain and the
world is the first camera's. Lengths are metres. Kalibr detects corners with OpenCV, so that its pixels are
ours. Its camera model is `pinhole` with `radtan` (k1 k2 p1 p2), `equidistant` (OpenCV's fisheye) or `none`;
the others are refused by name. Cameras are called cam0, cam1, ... there; ours keep their names in `label` and
in `rostopic`. Source: the page "yaml formats" of Kalibr's wiki.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.conventions import camera_matrix
from calibration.formats.entry import Format, ReadOptions
from calibration.formats.fields import head, metres_per_unit
from calibration.formats.lens_refit import in_brown
from calibration.formats.numbers import numbers, rotation, size_pair
from calibration.whole_file import write_text

Array = NDArray[np.float64]

_COEFFICIENTS = {"radtan": 4, "equidistant": 4, "none": 0}
_CAMERA = re.compile(r"cam(\d+)")
_IMAGE_TOPIC = re.compile(r"image|compressed")


def read(path: Path, options: ReadOptions) -> Rig:
    """Read a chain; the first camera is the world.

    Raises:
        InputError: naming the file and the camera and field that is missing, wrong or not understood.
    """
    chain = _chain(path)
    scale = metres_per_unit(options.units or "m", str(path))
    names = _names(chain)
    cameras: list[Camera] = []
    pose = np.eye(4)
    for index, (key, fields) in enumerate(chain.items()):
        where = f"{path}: {key}"
        if index > 0:
            pose = _step(fields, scale, where) @ pose
        cameras.append(_camera(names[key], fields, pose, where))
    return Rig(tuple(cameras), path.name)


def _chain(path: Path) -> dict[str, dict[str, Any]]:
    """The cameras cam0, cam1, ... of a file, in the order of their numbers."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the file cannot be read as YAML ({reason})", where=str(path)) from error
    fields = document if isinstance(document, dict) else {}
    found = {int(match[1]): key for key in fields if (match := _CAMERA.fullmatch(str(key)))}
    if not found:
        raise InputError("the file holds no cameras cam0, cam1, ...", where=str(path))
    if sorted(found) != list(range(len(found))):
        missing = next(number for number in range(max(found)) if number not in found)
        raise InputError(f"cam{missing} is missing, so that the chain is broken", where=str(path))
    chain = {str(found[number]): fields[found[number]] for number in sorted(found)}
    for key, camera in chain.items():
        if not isinstance(camera, dict):
            raise InputError(f"{key} holds no fields", where=str(path))
    return chain


def _names(chain: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A name for each camera: its label, else what its topic says, else cam0, cam1, ..."""
    said = {
        key: str(fields.get("label") or _topic_name(fields.get("rostopic")) or key)
        for key, fields in chain.items()
    }
    counts = Counter(said.values())
    return {key: name if counts[name] == 1 else key for key, name in said.items()}


def _topic_name(topic: object) -> str:
    """`left` of /rig/left/image_raw: the last part that says which camera it is."""
    parts = [part for part in str(topic or "").split("/") if part and not _IMAGE_TOPIC.match(part)]
    return parts[-1] if parts else ""


def _step(fields: dict[str, Any], scale: float, where: str) -> Array:
    """The transform (4, 4) from the camera before, in metres."""
    matrix = numbers(fields.get("T_cn_cnm1"), (4, 4), "T_cn_cnm1", where)
    if not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise InputError("T_cn_cnm1 does not end in 0 0 0 1", where=where)
    step = np.eye(4)
    step[:3, :3] = rotation(matrix[:3, :3], "T_cn_cnm1", where)
    step[:3, 3] = matrix[:3, 3] * scale
    return step


def _camera(name: str, fields: dict[str, Any], pose: Array, where: str) -> Camera:
    model = fields.get("camera_model")
    if model != "pinhole":
        raise InputError(
            f"camera_model {model!r} is not understood" if model else "camera_model is missing",
            where=where,
            fix="Calibrate with Kalibr's pinhole-radtan or pinhole-equi",
        )
    lens, fisheye = _lens(fields, where)
    width, height = size_pair(fields.get("resolution"), where)
    fu, fv, pu, pv = numbers(fields.get("intrinsics"), (4,), "intrinsics", where)
    K = camera_matrix((fu, fv), (pu, pv))
    return Camera(name, width, height, K, lens, pose[:3, :3], pose[:3, 3], fisheye)


def _lens(fields: dict[str, Any], where: str) -> tuple[Array, bool]:
    """The coefficients in OpenCV's order, and whether they are a fisheye's."""
    model = fields.get("distortion_model")
    if model not in _COEFFICIENTS:
        raise InputError(
            f"distortion_model {model!r} is not understood" if model else "distortion_model is missing",
            where=where,
            fix=f"Understood are: {', '.join(_COEFFICIENTS)}",
        )
    given = fields.get("distortion_coeffs", [] if model == "none" else None)
    return numbers(given, (_COEFFICIENTS[model],), "distortion_coeffs", where), model == "equidistant"


def write(rig: Rig, path: Path) -> None:
    """Write the rig as a chain in its order, in metres; its world becomes the first camera's.

    Raises:
        UsageError: if a lens is too far from any that radtan can be.
    """
    chain = {}
    before = np.eye(4)
    for index, camera in enumerate(rig):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = camera.R, camera.t
        fields = _fields(camera)
        if index > 0:
            fields["T_cn_cnm1"] = (pose @ np.linalg.inv(before)).tolist()
            fields["cam_overlaps"] = [index - 1]
        chain[f"cam{index}"] = fields
        before = pose
    write_text(path, yaml.safe_dump(chain, default_flow_style=None, width=1000))


def _fields(camera: Camera) -> dict[str, Any]:
    lens = camera.coefficients if camera.fisheye else in_brown(camera, 4, "Kalibr")
    return {
        "camera_model": "pinhole",
        "intrinsics": [*camera.focal.tolist(), *camera.principal.tolist()],
        "distortion_model": "equidistant" if camera.fisheye else "radtan",
        "distortion_coeffs": lens.tolist(),
        "resolution": [camera.width, camera.height],
        "rostopic": f"/{camera.name}/image_raw",
        "label": camera.name,
    }


RIG_FORMAT = Format(
    "kalibr",
    "Kalibr's camchain YAML: a chain of relative poses, in metres",
    (".yaml", ".yml"),
    read=read,
    write=write,
    recognises=lambda path: re.search(r"(?m)^cam\d+:", head(path)) is not None,
)
