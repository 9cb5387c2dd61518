"""Cameras as Metashape's XML; :mod:`calibration.formats.metashape` says what its numbers mean."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from calibration.camera import Camera, Rig
from calibration.errors import UsageError
from calibration.formats.conventions import brown_to_photogrammetry, to_image_centre
from calibration.whole_file import write_text


def write(rig: Rig, path: Path) -> None:
    """Write a chunk in metres with a sensor and a camera for each camera of the rig.

    Raises:
        UsageError: a camera has a rational lens, which Metashape does not know.
    """
    document = Element("document", version="1.5.0")
    chunk = SubElement(document, "chunk", label="vultus", enabled="true")
    sensors = SubElement(chunk, "sensors", next_id=str(len(rig)))
    cameras = SubElement(chunk, "cameras", next_id=str(len(rig)), next_group_id="0")
    for index, camera in enumerate(rig):
        _sensor(sensors, camera, index)
        _camera(cameras, camera, index)
    transform = SubElement(chunk, "transform")
    SubElement(transform, "rotation", locked="true").text = "1 0 0 0 1 0 0 0 1"
    SubElement(transform, "translation", locked="true").text = "0 0 0"
    SubElement(transform, "scale", locked="true").text = "1"
    indent(document)
    write_text(
        path, '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(document, encoding="unicode") + "\n"
    )


def _sensor(sensors: Element, camera: Camera, index: int) -> None:
    kind = "fisheye" if camera.fisheye else "frame"
    size = {"width": str(camera.width), "height": str(camera.height)}
    sensor = SubElement(sensors, "sensor", id=str(index), label=camera.name, type=kind)
    SubElement(sensor, "resolution", size)
    calibration = SubElement(sensor, "calibration", {"type": kind, "class": "adjusted"})
    SubElement(calibration, "resolution", size)
    for name, value in _numbers(camera).items():
        SubElement(calibration, name).text = repr(float(value))


def _numbers(camera: Camera) -> dict[str, float]:
    cx, cy = to_image_centre(camera.principal, camera.size)
    fx, fy = camera.focal
    shared = {"f": fy, "cx": cx, "cy": cy, "b1": fx - fy}
    if camera.fisheye:
        return shared | {f"k{index}": value for index, value in enumerate(camera.coefficients, start=1)}
    if camera.lens_model != "brown":
        raise UsageError(
            f"camera {camera.name} has a {camera.lens_model} lens, which Metashape does not know",
            fix="Calibrate with k1 k2 p1 p2 k3, or use another format",
        )
    (k1, k2, k3), (p1, p2) = brown_to_photogrammetry(camera.distortion)
    return shared | {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2}


def _camera(cameras: Element, camera: Camera, index: int) -> None:
    to_chunk = np.eye(4)
    to_chunk[:3, :3] = camera.R.T
    to_chunk[:3, 3] = camera.centre
    element = SubElement(
        cameras, "camera", id=str(index), sensor_id=str(index), label=camera.name, enabled="true"
    )
    SubElement(element, "transform").text = " ".join(repr(float(value)) for value in to_chunk.flat)
