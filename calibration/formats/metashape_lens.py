"""The lens of a sensor of Metashape's; :mod:`calibration.formats.metashape` says what its numbers mean."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from calibration.formats.conventions import brown_from_photogrammetry, camera_matrix, from_image_centre
from calibration.formats.fields import image_size
from calibration.formats.xml_fields import number_of

Array = NDArray[np.float64]

_FRAME = ("frame",)
_FISHEYE = ("fisheye", "equidistant_fisheye")
_RE_OPTIMISE = "In Metashape, optimise the cameras without {} and export again"


@dataclass(frozen=True)
class Lens:
    """A lens in the conventions of vultus: size in pixels, K (3, 3), coefficients, kind."""

    size: tuple[int, int]
    K: Array
    distortion: Array
    fisheye: bool


def lens_of(sensor: Element, where: str) -> Lens:
    """The lens of a sensor, by its adjusted calibration.

    Raises:
        InputError: it has none, lacks its size or focal length, or has what vultus's lens does not.
    """
    where = f"{where}: sensor {sensor.get('label') or sensor.get('id', '')}"
    calibration = _calibration(sensor, where)
    kind = calibration.get("type") or sensor.get("type") or "frame"
    if kind not in (*_FRAME, *_FISHEYE):
        known = ", ".join((*_FRAME, *_FISHEYE))
        raise InputError(f"its projection is {kind!r}; {known} can be read", where=where)
    if calibration.find("corrections") is not None:
        fix = _RE_OPTIMISE.format("additional corrections")
        raise InputError("it has additional corrections, which are not a lens model", where=where, fix=fix)
    given = {name: _value(calibration, name, where) for name in _NAMES}
    if given["f"] is None:
        raise InputError("its calibration has no f (PhotoScan before 1.2 wrote fx and fy)", where=where)
    values = {name: value or 0.0 for name, value in given.items()}
    _refuse(values, ("b2", "p3", "p4"), where)
    size = _size(calibration, sensor, where)
    K = camera_matrix(
        (values["f"] + values["b1"], values["f"]), from_image_centre((values["cx"], values["cy"]), size)
    )
    if kind in _FISHEYE:
        _refuse(values, ("p1", "p2"), where)
        return Lens(size, K, np.array([values[f"k{index}"] for index in (1, 2, 3, 4)]), fisheye=True)
    _refuse(values, ("k4",), where)
    radial = [values[f"k{index}"] for index in (1, 2, 3)]
    return Lens(size, K, brown_from_photogrammetry(radial, (values["p1"], values["p2"])), fisheye=False)


_NAMES = ("f", "cx", "cy", "b1", "b2", "k1", "k2", "k3", "k4", "p1", "p2", "p3", "p4")


def _calibration(sensor: Element, where: str) -> Element:
    """The calibration that the alignment found; the given one where there is no other."""
    found = sensor.findall("calibration")
    if not found:
        raise InputError("it has no calibration", where=where, fix="Align the photos first")
    return next((one for one in found if one.get("class") == "adjusted"), found[-1])


def _value(calibration: Element, name: str, where: str) -> float | None:
    text = calibration.findtext(name)
    return None if text is None else number_of(text, name, where)


def _refuse(values: dict[str, float], names: tuple[str, ...], where: str) -> None:
    used = [name for name in names if values[name]]
    if used:
        listed = ", ".join(f"{name} = {values[name]:g}" for name in used)
        raise InputError(
            f"its calibration has {listed}, which the lens of vultus does not have",
            where=where,
            fix=_RE_OPTIMISE.format(", ".join(used)),
        )


def _size(calibration: Element, sensor: Element, where: str) -> tuple[int, int]:
    for element in (calibration.find("resolution"), sensor.find("resolution")):
        if element is not None:
            sides = [number_of(element.get(side), f"its {side}", where) for side in ("width", "height")]
            return image_size(sides[0], sides[1], where)
    raise InputError("it has no resolution", where=where)
