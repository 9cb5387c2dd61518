"""``read_dataset``: labelled photographs, whatever format they are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from calibration.errors import InputError, UsageError
from detector.datasets.coco import read_coco
from detector.datasets.dlib_xml import read_dlib_xml
from detector.datasets.photograph import IBUG68, LabelLayout, LabelledPhotograph
from detector.datasets.pts import read_pts_folder
from detector.datasets.wflw import read_wflw

Reader = Callable[[Path, LabelLayout], list[LabelledPhotograph]]

FORMATS: Mapping[str, Reader] = MappingProxyType(
    {"pts": read_pts_folder, "dlib": read_dlib_xml, "coco": read_coco, "wflw": read_wflw}
)
"""The readers by the name of their format."""

FORMAT_OF_SUFFIX = {".xml": "dlib", ".json": "coco", ".txt": "wflw"}


def read_dataset(path: Path, format: str = "auto", layout: LabelLayout = IBUG68) -> list[LabelledPhotograph]:
    """All labelled faces of a dataset.

    Args:
        path: a folder of images beside .pts files; or a file of labels: dlib's .xml, COCO's .json, WFLW's
            .txt; or a folder that holds one such file.
        format: "pts", "dlib", "coco" or "wflw"; "auto" tells by what is there.
        layout: what the labels stand for. WFLW's 98 are read as the 68 of ibug68.

    Raises:
        UsageError: there is no such format.
        InputError: there is no dataset, or it is malformed; the message names the file.
    """
    if format == "auto":
        format, path = _recognised(path)
    if format not in FORMATS:
        raise UsageError(
            f"there is no dataset format named {format!r}", fix=f"Choose one of {', '.join(FORMATS)}"
        )
    if not path.exists():
        raise InputError("there is no such dataset", where=str(path))
    if path.is_dir() != (format == "pts"):
        kind = "a folder" if format == "pts" else "a file"
        raise InputError(f"a dataset of the format {format} is {kind}", where=str(path))
    found = FORMATS[format](path, layout)
    if not found:
        raise InputError("no photographs with labels", where=str(path))
    return found


def _recognised(path: Path) -> tuple[str, Path]:
    """The format and the path of its labels."""
    if not path.exists():
        raise InputError("there is no such dataset", where=str(path))
    if path.is_file():
        if path.suffix.lower() in FORMAT_OF_SUFFIX:
            return FORMAT_OF_SUFFIX[path.suffix.lower()], path
        raise InputError("not a file of labels (.xml, .json or .txt)", where=str(path))
    if next(path.rglob("*.pts"), None) is not None:
        return "pts", path
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in FORMAT_OF_SUFFIX)
    if len(files) == 1:
        return FORMAT_OF_SUFFIX[files[0].suffix.lower()], files[0]
    if files:
        names = ", ".join(file.name for file in files)
        raise InputError(f"several files of labels ({names})", where=str(path), fix="Name one of them")
    raise InputError("no photographs with labels (.pts, .xml, .json or .txt)", where=str(path))
