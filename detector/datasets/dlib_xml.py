"""dlib's XML of boxes with parts, as its imglab writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np

from calibration.errors import InputError
from detector.datasets.photograph import (
    LabelLayout,
    LabelledPhotograph,
    all_labelled,
    check_count,
    find_image,
)

Parts = dict[int, tuple[float, float]]


def read_dlib_xml(path: Path, layout: LabelLayout) -> list[LabelledPhotograph]:
    """All boxes with parts; parts are named by the number of their landmark, and some may be missing.

    Raises:
        InputError: the file is malformed, an image is missing, or parts have other names or numbers.
    """
    boxes = [(name, _parts(box, path)) for name, box in _boxes(_parse(path), path)]
    # a set of another layout shows in its largest number: single faces may lack parts
    largest = max((max(parts) for _, parts in boxes if parts), default=-1)
    if boxes:
        check_count(largest + 1, layout, path)
    found = []
    for name, parts in boxes:
        points = np.full((layout.count, 2), np.nan)
        for index, place in parts.items():
            points[index] = place
        found.append(all_labelled(find_image(name, (path.parent,), path), points, layout))
    return found


def _boxes(root: Element, path: Path) -> Iterator[tuple[str, Element]]:
    """The image's name and the box of each face that has parts and is not to be ignored."""
    for image in root.iter("image"):
        for box in image.iter("box"):
            if box.find("part") is not None and box.get("ignore", "0") in ("0", "false"):
                name = image.get("file")
                if name is None:
                    raise InputError("an image has no attribute file", where=str(path))
                yield name, box


def _parts(box: Element, path: Path) -> Parts:
    parts = {}
    for part in box.iter("part"):
        try:
            index = int(part.attrib["name"])
            parts[index] = (float(part.attrib["x"]), float(part.attrib["y"]))
        except (KeyError, ValueError) as error:
            raise InputError(f"a part has no number, x or y ({error})", where=str(path)) from error
        if index < 0:
            raise InputError(f"a part has the number {index}", where=str(path))
    return parts


def _parse(path: Path) -> Element:
    """The tree of an XML file without a document type: those can define entities that explode."""

    def refuse(*_: object) -> None:
        raise InputError("the XML declares a document type, which is refused", where=str(path))

    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    try:
        parser.Parse(path.read_bytes(), True)
    except (OSError, expat.ExpatError) as error:
        raise InputError(f"the XML cannot be read ({error})", where=str(path)) from error
    return builder.close()
