"""The fields of a file of OpenCV's or of ROS: `cv2.FileStorage` YAML, XML and JSON, and plain YAML.

They are written by `cv2.FileStorage` itself but not read by it: on a damaged file the parser of OpenCV 5.0
may end the whole process ("corrupted size vs. prev_size"), where a person is to get an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from calibration.errors import InputError
from calibration.formats.numbers import numbers
from calibration.formats.xml_fields import parse_xml

Array = NDArray[np.float64]
Fields = dict[str, Any]

SUFFIXES = (".yml", ".yaml", ".xml", ".json")


class _Loader(yaml.SafeLoader):
    """YAML that knows OpenCV's tags for matrices, which are maps with their numbers in "data"."""


def _matrix_map(loader: _Loader, node: yaml.Node) -> Any:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.YAMLError("a matrix without fields")
    return loader.construct_mapping(node, deep=True)


for _tag in ("opencv-matrix", "opencv-nd-matrix"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _matrix_map)


def read_fields(path: Path) -> Fields:
    """The top-level numbers, strings and matrices of a file, by their keys in lower case.

    Raises:
        InputError: the file cannot be read, or holds no fields.
    """
    read = _xml_fields if path.suffix.lower() == ".xml" else _yaml_fields
    return {str(key).lower(): value for key, value in read(path).items()}


def _yaml_fields(path: Path) -> Fields:
    """The fields of YAML, and of JSON, which is YAML too."""
    try:
        text = path.read_text(encoding="utf-8")
        # "%YAML:1.0", OpenCV's header up to version 4, is no YAML.
        _, _, body = text.partition("\n") if text.startswith("%YAML") else ("", "", text)
        document = yaml.load(body, Loader=_Loader)
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the file cannot be read as YAML ({reason})", where=str(path)) from error
    if not isinstance(document, dict):
        raise InputError("the file holds no fields", where=str(path))
    return document


def _xml_fields(path: Path) -> Fields:
    root = parse_xml(path)
    if root.tag != "opencv_storage":
        raise InputError("the file is not OpenCV's: its root is no opencv_storage", where=str(path))
    return {element.tag: _xml_value(element) for element in root}


def _xml_value(element: Element) -> Any:
    """A matrix as a map with its data in a list, a number, or a string, which may be in quotes."""
    if len(element):
        return {"data": (element.findtext("data") or "").split()}
    text = (element.text or "").strip()
    try:
        return float(text)
    except ValueError:
        return text.strip('"')


def matrix(fields: Fields, names: tuple[str, ...], where: str) -> Array | None:
    """The first of the named fields that is there, as an array of finite numbers; None if none is.

    Raises:
        InputError: it is no matrix of numbers.
    """
    name = next((name for name in names if fields.get(name) is not None), None)
    if name is None:
        return None
    value = fields[name]
    try:
        array = np.asarray(value.get("data") if isinstance(value, dict) else value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{name} must be a matrix of numbers", where=where) from error
    return numbers(array, (-1,) * array.ndim, name, where)


def write_fields(fields: dict[str, Any], suffix: str) -> str:
    """The text of a file as `cv2.FileStorage` writes it in the format that the suffix names."""
    kinds = {".xml": cv2.FILE_STORAGE_FORMAT_XML, ".json": cv2.FILE_STORAGE_FORMAT_JSON}
    kind = kinds.get(suffix, cv2.FILE_STORAGE_FORMAT_YAML)
    storage = cv2.FileStorage(suffix, cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY | kind)
    for key, value in fields.items():
        storage.write(key, value)
    return str(storage.releaseAndGetString())
