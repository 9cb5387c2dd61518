"""RealityCapture's (RealityScan's) XMP sidecars: a file beside each image, in a folder.

The conventions are those of :mod:`calibration.formats.realitycapture`.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import assumed_unit, cameras_with_sizes, file_stem, given_size, head
from calibration.formats.image_names import camera_names, one_pose_each
from calibration.formats.realitycapture import Z_UP_NOTE, RealityCaptureCamera, from_camera
from calibration.formats.xml_fields import number_of, numbers_of, parse_xml
from calibration.whole_file import write_text

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_NAMESPACE = "http://www.capturingreality.com/ns/xcr/1.1#"
_COEFFICIENTS = {"perspective": (), "brown3": (0, 1, 2), "brown3t2": (0, 1, 2, 4, 5)} | {
    "brown4": (0, 1, 2, 3),
    "brown4t2": (0, 1, 2, 3, 4, 5),
}
"""Which of k1 k2 k3 k4 t1 t2 a distortion model has."""

_TEMPLATE = """\
<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xcr:Version="3" xcr:PosePrior="exact" xcr:Coordinates="absolute"
       xcr:DistortionModel="{model}" xcr:FocalLength35mm="{focal!r}"
       xcr:Skew="0" xcr:AspectRatio="1" xcr:PrincipalPointU="{u!r}" xcr:PrincipalPointV="{v!r}"
       xcr:CalibrationPrior="exact" xcr:CalibrationGroup="-1" xcr:DistortionGroup="-1"
       xcr:InTexturing="1" xcr:InMeshing="1" xmlns:xcr="http://www.capturingreality.com/ns/xcr/1.1#">
      <xcr:Rotation>{rotation}</xcr:Rotation>
      <xcr:Position>{position}</xcr:Position>
      <xcr:DistortionCoeficients>{distortion}</xcr:DistortionCoeficients>
    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>
"""


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read one sidecar, or all of a folder; `options.sizes` has to have the sizes of the images.

    Cameras without a size are left out and noted, unless none has one.

    Raises:
        InputError: naming the file and what is missing, malformed or not in vultus's lens.
    """
    unit, notes = assumed_unit(options, str(path))
    paths = sorted(p for p in path.iterdir() if p.suffix.lower() == ".xmp") if path.is_dir() else [path]
    if not paths:
        raise InputError("the folder holds no .xmp files", where=str(path))
    names = camera_names([one.stem for one in paths])
    kept, left_out = cameras_with_sizes(names, options)
    used = [(name, one) for name, one in zip(names, paths, strict=True) if name in kept]
    views = [_view(one, name, options, unit) for name, one in used]
    cameras = one_pose_each(views, [one.stem for _, one in used], str(path))
    return Rig(cameras, path.name, notes=(*notes, *left_out, Z_UP_NOTE))


def _view(path: Path, name: str, options: ReadOptions, unit: float) -> Camera:
    where = str(path)
    description = next(parse_xml(path).iter(f"{_RDF}Description"), None)
    if description is None:
        raise InputError("the file holds no description of a camera", where=where)
    R = numbers_of(_text(description, "Rotation"), 9, "Rotation", where).reshape(3, 3)
    centre = numbers_of(_text(description, "Position"), 3, "Position", where)
    focal = number_of(_text(description, "FocalLength35mm"), "FocalLength35mm", where)
    principal = [_optional(description, f"PrincipalPoint{axis}", 0.0, where) for axis in "UV"]
    for field, square in (("Skew", 0.0), ("AspectRatio", 1.0)):
        if abs(_optional(description, field, square, where) - square) > 1e-9:
            raise InputError(f"{field} is not {square:g}; only square pixels are read", where=where)
    lens = _distortion(description, where)
    one = RealityCaptureCamera(R, centre, focal, np.array(principal), lens)
    return one.to_camera(name, given_size(name, options, where), unit, where)


def _text(description: Element, field: str) -> str | None:
    """A field, which may be an attribute or an element."""
    name = f"{{{_NAMESPACE}}}{field}"
    return description.get(name) or description.findtext(name)


def _optional(description: Element, field: str, otherwise: float, where: str) -> float:
    text = _text(description, field)
    return otherwise if text is None else number_of(text, field, where)


def _distortion(description: Element, where: str) -> NDArray[np.float64]:
    """(6,) k1 k2 k3 k4 t1 t2 of those that the file's model has."""
    model = _text(description, "DistortionModel") or "perspective"
    if model not in _COEFFICIENTS:
        raise InputError(
            f"the distortion model {model!r} is not one that vultus has",
            where=where,
            fix=f"Have RealityCapture use one of: {', '.join(_COEFFICIENTS)}",
        )
    lens, kept = np.zeros(6), list(_COEFFICIENTS[model])
    if kept:
        text = _text(description, "DistortionCoeficients")
        count = len((text or "").split())
        given = numbers_of(text, count if count in (len(kept), 6) else 6, "DistortionCoeficients", where)
        lens[kept] = given[kept] if given.size == 6 else given
    return lens


def write(rig: Rig, path: Path) -> None:
    """Write a sidecar for each camera into a folder, or the one of a single camera; in metres.

    Raises:
        UsageError: a lens is not one that RealityCapture knows.
    """
    single = path.suffix.lower() == ".xmp" and len(rig) == 1
    files = [path if single else path / f"{file_stem(camera.name)}.xmp" for camera in rig]
    texts = [_sidecar(camera) for camera in rig]
    for file, text in zip(files, texts, strict=True):
        write_text(file, text)


def _sidecar(camera: Camera) -> str:
    one = from_camera(camera)
    return _TEMPLATE.format(
        model="brown3t2" if np.any(one.distortion[4:]) else "brown3",
        focal=one.focal,
        u=float(one.principal[0]),
        v=float(one.principal[1]),
        rotation=" ".join(repr(float(value)) for value in one.R.flat),
        position=" ".join(repr(float(value)) for value in one.centre),
        distortion=" ".join(repr(float(value)) for value in one.distortion),
    )


def recognises(path: Path) -> bool:
    """Whether a file, or one of a folder's, is a sidecar of RealityCapture's."""
    if path.is_dir():
        return any(recognises(one) for one in path.iterdir() if one.suffix.lower() == ".xmp")
    return _NAMESPACE in head(path)


RIG_FORMAT = Format(
    "realitycapture-xmp",
    "RealityCapture's XMP sidecars, a file per image",
    (".xmp",),
    folder=True,
    read=read,
    write=write,
    recognises=recognises,
)
