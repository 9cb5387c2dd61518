"""Folders of images beside .pts files, as 300-W has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.datasets.photograph import (
    SUFFIXES,
    LabelLayout,
    LabelledPhotograph,
    all_labelled,
    check_count,
)


def read_pts_folder(folder: Path, layout: LabelLayout) -> list[LabelledPhotograph]:
    """All photographs of a folder and its subfolders that have labels, by name.

    Raises:
        InputError: a .pts file is malformed or has another number of points.
    """
    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [
        all_labelled(path, read_pts(path.with_suffix(".pts"), layout), layout)
        for path in images
        if path.with_suffix(".pts").is_file()
    ]


def read_pts(path: Path, layout: LabelLayout) -> NDArray[np.float64]:
    """Labels (L, 2) in pixels from 0; the file counts from 1. NaN where it says so.

    Raises:
        InputError: the file does not hold as many points as the layout.
    """
    text = path.read_text(encoding="ascii", errors="replace")
    lines = text.replace("{", "\n").replace("}", "\n").split("\n")
    rows = [fields for line in lines if len(fields := line.split()) == 2 and not fields[0].endswith(":")]
    try:
        points = np.array(rows, dtype=np.float64).reshape(-1, 2)
    except ValueError as error:
        raise InputError(f"not a list of points ({error})", where=str(path)) from error
    check_count(len(points), layout, path)
    return points - 1.0
