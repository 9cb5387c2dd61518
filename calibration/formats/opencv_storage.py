"""The fields of a file of OpenCV's or of ROS: `cv2.FileStorage` YAML, XML and JSON, and plain YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from calibration.errors import InputError

Array = NDArray[np.float64]
Fields = dict[str, Any]

SUFFIXES = (".yml", ".yaml", ".xml", ".json")

_FILE_STORAGE = ("%YAML", "<?xml", "<opencv_storage", "{")


def read_fields(path: Path) -> Fields:
    """The top-level numbers, strings and matrices of a file, by their keys in lower case.

    Raises:
        InputError: the file cannot be read, or holds no fields.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError("the file cannot be read as text", where=str(path)) from error
    parse = _file_storage if text.lstrip().startswith(_FILE_STORAGE) else _plain_yaml
    return {str(key).lower(): value for key, value in parse(text, path).items()}


def _file_storage(text: str, path: Path) -> Fields:
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except (SystemError, cv2.error) as error:
        raise InputError("the file cannot be read as OpenCV's", where=str(path)) from error
    root = storage.root()
    if not root.isMap():
        raise InputError("the file holds no fields", where=str(path))
    fields = _map(root)
    storage.release()
    return fields


def _map(node: Any) -> Fields:
    return {key: _value(node.getNode(key)) for key in node.keys()}  # noqa: SIM118 - no mapping


def _value(node: Any) -> Any:
    if node.isInt() or node.isReal():
        number = float(node.real())
        return int(number) if number.is_integer() else number
    if node.isString():
        return str(node.string())
    if node.isMap():
        matrix = node.mat()
        return _map(node) if matrix is None else matrix
    if node.isSeq():
        return [_value(node.at(index)) for index in range(node.size())]
    return None


def _plain_yaml(text: str, path: Path) -> Fields:
    """YAML without OpenCV's header, as ROS writes it."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError("the file cannot be read as YAML", where=str(path)) from error
    if not isinstance(document, dict):
        raise InputError("the file holds no fields", where=str(path))
    return document


def matrix(fields: Fields, names: tuple[str, ...], where: str) -> Array | None:
    """The first of the named fields that is there, as an array of finite numbers; None if none is.

    Raises:
        InputError: it is no matrix of numbers.
    """
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, dict):
            value = value.get("data")
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} must be a matrix of numbers", where=where) from error
        if not np.all(np.isfinite(array)):
            raise InputError(f"{name} must be a matrix of finite numbers", where=where)
        return array
    return None


def write_fields(fields: dict[str, Any], suffix: str) -> str:
    """The text of a file as `cv2.FileStorage` writes it in the format that the suffix names."""
    kinds = {".xml": cv2.FILE_STORAGE_FORMAT_XML, ".json": cv2.FILE_STORAGE_FORMAT_JSON}
    kind = kinds.get(suffix, cv2.FILE_STORAGE_FORMAT_YAML)
    storage = cv2.FileStorage(suffix, cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY | kind)
    for key, value in fields.items():
        storage.write(key, value)
    return str(storage.releaseAndGetString())
