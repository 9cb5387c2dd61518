"""The list files of WFLW: 98 labels a line, read as the 68 of 300-W."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.errors import InputError, UsageError
from detector.datasets.photograph import (
    IBUG68,
    LabelLayout,
    LabelledPhotograph,
    all_labelled,
    find_image,
)

LANDMARKS = 98
FACTS = 10
"""Numbers between the labels and the name: a box and six attributes."""

IMAGES = "WFLW_images"

TO_IBUG68 = (
    *range(0, 33, 2),
    *range(33, 38),
    *range(42, 47),
    *range(51, 60),
    *(60, 61, 63, 64, 65, 67),
    *(68, 69, 71, 72, 73, 75),
    *range(76, 96),
)
"""The labels of WFLW that stand for the 68: every other one of the contour, the upper edges of the brows."""


def read_wflw(path: Path, layout: LabelLayout) -> list[LabelledPhotograph]:
    """The faces of a list file.

    Images lie in a folder WFLW_images (or ``images``) beside the file or up to two folders above, as they
    do when WFLW is unpacked.

    Raises:
        UsageError: the layout is not ibug68.
        InputError: a line has another number of labels, or an image is missing.
    """
    if layout != IBUG68:
        raise UsageError(f"WFLW's labels are read as ibug68, not as {layout.name}")
    parents = (path.parent, *list(path.parent.parents)[:2])
    folders = tuple(parent / name for parent in parents for name in (IMAGES, "images", "."))
    found = []
    for number, line in enumerate(_lines(path), start=1):
        *numbers, name = line.split()
        where = f"{path}, line {number}"
        try:
            values = np.array(numbers, dtype=np.float64)
        except ValueError as error:
            raise InputError(f"not a line of WFLW ({error})", where=where) from error
        if len(values) not in (2 * LANDMARKS, 2 * LANDMARKS + FACTS):
            raise InputError(
                f"{len(values)} numbers, but a line of WFLW has those of {LANDMARKS} points", where=where
            )
        points = values[: 2 * LANDMARKS].reshape(-1, 2)[list(TO_IBUG68)]
        found.append(all_labelled(find_image(name, folders, path), points, layout))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list cannot be read ({error})", where=str(path)) from error
