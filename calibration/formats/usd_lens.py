"""What USD has no names for, in attributes of a camera: image size, matrix, lens, residual, its own name.

Ours are `vultus:...`. The lens is written in NVIDIA's `omni:lensdistortion:opencvPinhole:...` and
`...:opencvFisheye:...` too, which renderers read, and read from there where ours are absent. There, the
centre of the first pixel is (0.5, 0.5).
Source: the schema of the extension omni.usd.schema.omni_lens_distortion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import InputError
from calibration.formats.conventions import camera_matrix, from_corner_origin, to_corner_origin
from calibration.formats.fields import image_size
from calibration.formats.numbers import numbers

Array = NDArray[np.float64]

_OMNI = "omni:lensdistortion"
_OMNI_SCHEMAS = {
    "opencvPinhole": "OmniLensDistortionOpenCvPinholeAPI",
    "opencvFisheye": "OmniLensDistortionOpenCvFisheyeAPI",
}
_OMNI_COEFFICIENTS = {
    "opencvPinhole": ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "opencvFisheye": ("k1", "k2", "k3", "k4"),
}
_PRISM = ("s1", "s2", "s3", "s4")


@dataclass(frozen=True)
class UsdLens:
    """What the attributes say of a camera's image.

    Attributes:
        size: (width, height) in pixels; None where they do not say.
        K: (3, 3); None where only the film back knows.
        distortion: the coefficients that :class:`calibration.camera.Camera` takes.
        fisheye: whether they are a fisheye's.
        drives: whether renderers take K from here and not from the film back.
    """

    size: tuple[int, int] | None = None
    K: Array | None = None
    distortion: Array = field(default_factory=lambda: np.zeros(0))
    fisheye: bool = False
    drives: bool = False


def write_lens(prim: Any, camera: Camera, residual_px: float | None) -> None:
    """Author the attributes on a camera prim."""
    from pxr import Gf, Sdf

    kinds = Sdf.ValueTypeNames
    size = Gf.Vec2i(*camera.size)
    ours = [
        ("name", kinds.String, camera.name),
        ("imageSize", kinds.Int2, size),
        ("cameraMatrix", kinds.Matrix3d, Gf.Matrix3d(*camera.K.ravel().tolist())),
        ("lensModel", kinds.Token, camera.lens_model),
        ("distortion", kinds.DoubleArray, camera.coefficients.tolist()),
    ]
    if residual_px is not None:
        ours.append(("residualPx", kinds.Double, float(residual_px)))
    for name, kind, value in ours:
        _author(prim, f"vultus:{name}", kind, value)
    model = "opencvFisheye" if camera.fisheye else "opencvPinhole"
    prim.AddAppliedSchema(_OMNI_SCHEMAS[model])
    _author(prim, f"{_OMNI}:model", kinds.Token, model)
    _author(prim, f"{_OMNI}:{model}:imageSize", kinds.Int2, size)
    cx, cy = to_corner_origin(camera.principal)
    values = {"fx": camera.focal[0], "fy": camera.focal[1], "cx": cx, "cy": cy}
    values |= dict(zip(_OMNI_COEFFICIENTS[model], camera.distortion, strict=False))
    for name, value in values.items():
        _author(prim, f"{_OMNI}:{model}:{name}", kinds.Float, float(value))


def _author(prim: Any, name: str, kind: Any, value: Any) -> None:
    prim.CreateAttribute(name, kind, custom=True).Set(value)


def read_lens(prim: Any, where: str) -> UsdLens:
    """The attributes of a camera prim, ours before those of others.

    Raises:
        InputError: naming the attribute that makes no sense.
    """
    if _value(prim, "vultus:imageSize") is not None:
        return _our_lens(prim, where)
    model = _value(prim, f"{_OMNI}:model")
    if model is None:
        return UsdLens()
    if model not in _OMNI_SCHEMAS:
        raise InputError(
            f"the lens model {model!r} is not understood",
            where=where,
            fix=f"Understood are: {', '.join(_OMNI_SCHEMAS)}",
        )
    return _omni_lens(prim, str(model), where)


def _our_lens(prim: Any, where: str) -> UsdLens:
    distortion = numbers(_value(prim, "vultus:distortion"), (-1,), "vultus:distortion", where)
    K = numbers(_value(prim, "vultus:cameraMatrix"), (3, 3), "vultus:cameraMatrix", where)
    fisheye = _value(prim, "vultus:lensModel") == "fisheye"
    return UsdLens(_size(prim, "vultus:imageSize", where), K, distortion, fisheye)


def _omni_lens(prim: Any, model: str, where: str) -> UsdLens:
    def get(name: str) -> float:
        label = f"{_OMNI}:{model}:{name}"
        value = _value(prim, label)
        return 0.0 if value is None else float(numbers(value, (), label, where))

    if model == "opencvPinhole" and any(get(name) for name in _PRISM):
        raise InputError("the lens has thin-prism coefficients, which are not understood", where=where)
    size = _size(prim, f"{_OMNI}:{model}:imageSize", where)
    K = camera_matrix((get("fx"), get("fy")), from_corner_origin((get("cx"), get("cy"))))
    distortion = np.array([get(name) for name in _OMNI_COEFFICIENTS[model]])
    return UsdLens(size, K, distortion, model == "opencvFisheye", drives=True)


def _size(prim: Any, label: str, where: str) -> tuple[int, int]:
    width, height = numbers(_value(prim, label), (2,), label, where)
    return image_size(float(width), float(height), where)


def _value(prim: Any, name: str) -> Any:
    """The value of an attribute; None where there is none."""
    attribute = prim.GetAttribute(name)
    return attribute.Get() if attribute else None


def said_name(prim: Any) -> str:
    """The name that the attributes give to a camera, else that of its prim."""
    said = _value(prim, "vultus:name")
    return said if isinstance(said, str) and said else str(prim.GetName())


def said_residual(prim: Any, where: str) -> float | None:
    """The residual in pixels that the attributes give to a camera, if they do."""
    said = _value(prim, "vultus:residualPx")
    return None if said is None else float(numbers(said, (), "vultus:residualPx", where))
