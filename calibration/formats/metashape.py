"""Agisoft Metashape's cameras: the XML of "Export Cameras" (Agisoft XML).

What it means, from the appendix "Camera models" of Agisoft's manual and Agisoft's own COLMAP export script
(github.com/agisoft-llc/metashape-scripts, export_for_gaussian_splatting.py):

- `u = w/2 + cx + x' (f + b1) + y' b2`, `v = h/2 + cy + y' f`; the centre of the first pixel is (0.5, 0.5).
- `x' = x (1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8) + p1 (r^2 + 2 x^2) + 2 p2 x y`: against OpenCV p1 and p2
  change places. A fisheye has the same with the angle from the axis as r, which is OpenCV's fisheye model
  where p1 and p2 are zero.
- A camera's transform goes from camera axes (OpenCV's) to the chunk's; the chunk's (or, with components, the
  component's) transform goes on to the world: `X = scale * R @ X_chunk + T`, scale first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.entry import NOTHING_SAID, Format, ReadOptions
from calibration.formats.fields import assumed_unit, head, metres_per_unit
from calibration.formats.image_names import camera_names, one_pose_each
from calibration.formats.metashape_lens import Lens, lens_of
from calibration.formats.metashape_writer import write
from calibration.formats.xml_fields import number_of, numbers_of, parse_xml

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _ToWorld:
    """From a chunk's axes and unit to the world's."""

    rotation: Array
    translation: Array
    scale: float


@dataclass(frozen=True)
class _Placed:
    """An aligned photo: its name, sensor, and pose camera to chunk (4, 4) with the way on to the world."""

    label: str
    sensor: str
    transform: Array
    to_world: _ToWorld


def read(path: Path, options: ReadOptions = NOTHING_SAID) -> Rig:
    """Read the aligned and enabled cameras of a file's chunk.

    A world that the file scales (by a reference or a scale bar) is in metres; one that it does not is in the
    unit that a person gives, else taken for metres, and a note says so.

    Raises:
        InputError: naming the sensor or camera and what is missing, malformed, or not in vultus's lens.
    """
    where = str(path)
    chunk = _chunk(parse_xml(path), where)
    placed, left_out, scaled = _placed_cameras(chunk, where)
    lenses = {
        sensor.get("id", ""): lens_of(sensor, where)
        for sensor in chunk.findall("sensors/sensor")
        if sensor.get("id", "") in {one.sensor for one in placed}
    }
    unit, notes = _unit(options, scaled, where)
    labels = [one.label for one in placed]
    names = camera_names(labels)
    views = [_view(one, name, lenses, unit, where) for one, name in zip(placed, names, strict=True)]
    if left_out:
        notes = (*notes, f"Without a place in the file, and left out: {', '.join(left_out)}.")
    return Rig(one_pose_each(views, labels, where), path.name, notes=notes)


def _chunk(root: Element, where: str) -> Element:
    chunks = root.findall("chunk") if root.tag == "document" else []
    if not chunks:
        raise InputError("the file holds no chunk of Metashape's", where=where)
    if len(chunks) > 1:
        raise InputError(f"the file holds {len(chunks)} chunks", where=where, fix="Export one chunk alone")
    return chunks[0]


def _placed_cameras(chunk: Element, where: str) -> tuple[list[_Placed], list[str], bool]:
    """The photos that have a place, the labels of those that have none, and whether the world is scaled."""
    worlds = _worlds(chunk, where)
    placed, left_out = [], []
    for camera in chunk.findall("cameras//camera"):
        label = camera.get("label") or camera.get("id") or ""
        if camera.get("enabled", "true") in ("false", "0"):
            continue
        transform = camera.find("transform")
        if transform is None:
            left_out.append(label)
            continue
        here = f"{where}: camera {label}"
        matrix = numbers_of(transform.text, 16, "its transform", here).reshape(4, 4)
        world = worlds.get(camera.get("component_id", ""), worlds[""])
        placed.append(_Placed(label, camera.get("sensor_id", ""), matrix, world or _IN_CHUNK))
    if not placed:
        raise InputError("no camera of the file has a place", where=where, fix="Align the photos first")
    return placed, left_out, any(world is not None for world in worlds.values())


_IN_CHUNK = _ToWorld(np.eye(3), np.zeros(3), 1.0)


def _worlds(chunk: Element, where: str) -> dict[str, _ToWorld | None]:
    """The way to the world of the chunk ("") and of each component that has one of its own."""
    worlds = {"": _to_world(chunk.find("transform"), where)}
    for component in chunk.findall("components/component"):
        own = _to_world(component.find("transform"), where)
        if own is not None:
            worlds[component.get("id", "")] = own
    return worlds


def _to_world(transform: Element | None, where: str) -> _ToWorld | None:
    if transform is None or transform.find("rotation") is None:
        return None
    rotation = numbers_of(transform.findtext("rotation"), 9, "the rotation of the chunk", where).reshape(3, 3)
    translation = numbers_of(transform.findtext("translation"), 3, "the translation of the chunk", where)
    scale = number_of(transform.findtext("scale"), "the scale of the chunk", where)
    if scale <= 0:
        raise InputError(f"the scale of the chunk is {scale}", where=where)
    return _ToWorld(rotation, translation, scale)


def _unit(options: ReadOptions, scaled: bool, where: str) -> tuple[float, tuple[str, ...]]:
    if not scaled:
        return assumed_unit(options, where)
    return (metres_per_unit(options.units, where) if options.units else 1.0), ()


def _view(one: _Placed, name: str, lenses: dict[str, Lens], unit: float, where: str) -> Camera:
    where = f"{where}: camera {one.label}"
    if one.sensor not in lenses:
        raise InputError(f"its sensor {one.sensor!r} is not among the sensors", where=where)
    lens, world = lenses[one.sensor], one.to_world
    R = (world.rotation @ one.transform[:3, :3]).T
    centre = (world.scale * world.rotation @ one.transform[:3, 3] + world.translation) * unit
    return Camera(name, *lens.size, lens.K, lens.distortion, R, -R @ centre, fisheye=lens.fisheye)


def recognises(path: Path) -> bool:
    """Whether an XML file is a document with a chunk."""
    start = head(path)
    return "<document" in start and "<chunk" in start


RIG_FORMAT = Format(
    "metashape",
    "Agisoft Metashape's exported cameras (XML)",
    (".xml",),
    read=read,
    write=write,
    recognises=recognises,
)
