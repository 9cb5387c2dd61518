"""Photographs with 68 labels in .pts files, as 300-W has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png")
LANDMARKS = 68


@dataclass(frozen=True, eq=False)
class Photograph:
    """One labelled photograph.

    Attributes:
        path: of the image.
        points: (68, 2) float64, pixels; pixel (0, 0) is the centre of the top-left one.
    """

    path: Path
    points: NDArray[np.float64]

    def read(self) -> NDArray[np.uint8]:
        """The image, (H, W, 3) uint8 RGB.

        Raises:
            InputError: it cannot be decoded.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError("the photograph cannot be read", where=str(self.path))
        return np.ascontiguousarray(image[..., ::-1])


def list_photographs(folder: Path) -> list[Photograph]:
    """All photographs of a folder that have labels, by name.

    Raises:
        InputError: the folder holds none, or a .pts file is malformed.
    """
    images = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES)
    found = [
        Photograph(p, read_pts(p.with_suffix(".pts"))) for p in images if p.with_suffix(".pts").is_file()
    ]
    if not found:
        raise InputError("no photographs with labels (.pts)", where=str(folder))
    return found


def read_pts(path: Path) -> NDArray[np.float64]:
    """Labels (68, 2) in pixels from 0; the file counts from 1.

    Raises:
        InputError: the file does not hold 68 points.
    """
    lines = (
        path.read_text(encoding="ascii", errors="replace").replace("{", "\n").replace("}", "\n").split("\n")
    )
    rows = [fields for line in lines if len(fields := line.split()) == 2 and not fields[0].endswith(":")]
    try:
        points = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"not a list of points ({error})", where=str(path)) from error
    if points.shape != (LANDMARKS, 2):
        raise InputError(f"{len(points)} points, expected {LANDMARKS}", where=str(path))
    return points - 1.0
