"""COLMAP's camera models and those of vultus: what each parameter list means.

From COLMAP's `src/colmap/sensor/models.h`. Pixel (0, 0) is the corner of the image there, so that principal
points move by half a pixel on the way in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import InputError
from calibration.formats.conventions import camera_matrix, from_corner_origin, to_corner_origin

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """The lens of a camera of COLMAP, in the conventions of vultus: K (3, 3), coefficients, kind."""

    width: int
    height: int
    K: Array
    distortion: Array
    fisheye: bool


@dataclass(frozen=True)
class _Model:
    number: int
    focals: int
    coefficients: int
    fisheye: bool = False
    place: Callable[[Array], Array] = lambda given: given
    """Puts the model's coefficients in OpenCV's order and number."""

    @property
    def parameters(self) -> int:
        return self.focals + 2 + self.coefficients


def _radial(given: Array) -> Array:
    return np.pad(given, (0, 5 - given.size))


def _radial_fisheye(given: Array) -> Array:
    return np.pad(given, (0, 4 - given.size))


_MODELS = {
    "SIMPLE_PINHOLE": _Model(0, 1, 0),
    "PINHOLE": _Model(1, 2, 0),
    "SIMPLE_RADIAL": _Model(2, 1, 1, place=_radial),
    "RADIAL": _Model(3, 1, 2, place=_radial),
    "OPENCV": _Model(4, 2, 4),
    "OPENCV_FISHEYE": _Model(5, 2, 4, fisheye=True),
    "FULL_OPENCV": _Model(6, 2, 8),
    "SIMPLE_RADIAL_FISHEYE": _Model(8, 1, 1, fisheye=True, place=_radial_fisheye),
    "RADIAL_FISHEYE": _Model(9, 1, 2, fisheye=True, place=_radial_fisheye),
    "SIMPLE_FISHEYE": _Model(14, 1, 0, fisheye=True),
    "FISHEYE": _Model(15, 2, 0, fisheye=True),
}
_OTHERS = {
    7: "FOV",
    10: "THIN_PRISM_FISHEYE",
    11: "RAD_TAN_THIN_PRISM_FISHEYE",
    12: "SIMPLE_DIVISION",
    13: "DIVISION",
    16: "EUCM",
    17: "EQUIRECTANGULAR",
}


def model_name(number: int) -> str:
    """The name of a model by its number in binary files."""
    named = {model.number: name for name, model in _MODELS.items()} | _OTHERS
    return named.get(number, f"number {number}")


def model_number(name: str) -> int:
    """The number in binary files of a model that vultus writes."""
    return _MODELS[name].number


def parameter_count(name: str, where: str) -> int:
    """How many parameters a model has.

    Raises:
        InputError: it is one that the cameras of vultus cannot be.
    """
    if name not in _MODELS:
        raise InputError(
            f"COLMAP's camera model {name} is not one that vultus has",
            where=where,
            fix=f"Have COLMAP use one of: {', '.join(_MODELS)}",
        )
    return _MODELS[name].parameters


def lens_of(name: str, width: int, height: int, parameters: Sequence[float], where: str) -> Lens:
    """The lens that a model's parameters describe.

    Raises:
        InputError: the model is unknown, its parameters are too many, too few or not finite.
    """
    count = parameter_count(name, where)
    if len(parameters) != count or not np.all(np.isfinite(parameters)):
        raise InputError(
            f"the model {name} has {count} finite parameters, not {len(parameters)}", where=where
        )
    model, values = _MODELS[name], np.asarray(parameters, dtype=np.float64)
    focal, principal = values[: model.focals], values[model.focals : model.focals + 2]
    distortion = model.place(values[model.focals + 2 :])
    K = camera_matrix(focal, from_corner_origin(principal))
    return Lens(width, height, K, distortion, model.fisheye)


def parameters_of(camera: Camera) -> tuple[str, list[float]]:
    """The simplest model that a camera is exactly, and its parameters."""
    shared = [*camera.focal, *to_corner_origin(camera.principal)]
    coefficients = camera.coefficients
    if camera.fisheye:
        name = "OPENCV_FISHEYE"
    elif not np.any(coefficients):
        name, coefficients = "PINHOLE", coefficients[:0]
    elif not np.any(coefficients[4:]):
        name, coefficients = "OPENCV", coefficients[:4]
    else:
        name, coefficients = "FULL_OPENCV", camera.distortion
    return name, [float(value) for value in (*shared, *coefficients)]
