"""A labelled photograph, whatever format its labels came in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.datasets.image_files import read_upright

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Of the images that stand beside label files."""


@dataclass(frozen=True)
class LabelLayout:
    """What the labels of a dataset stand for.

    Attributes:
        name: of the layout of queries.
        count: its landmarks.
    """

    name: str
    count: int


IBUG68 = LabelLayout("ibug68", 68)
"""The 68 landmarks of 300-W, which most sets have."""


@dataclass(frozen=True, eq=False)
class LabelledPhotograph:
    """One face with labels; an image with several faces counts several times.

    Labels are in the upright image, as viewers and labelling tools show it: an EXIF orientation applies
    to the image and not to the labels. (COCO states the size of its images: where that is the size of
    the image before it was turned, the labels are turned along.)

    Attributes:
        path: of the image.
        points: (L, 2) float64, pixels; (0, 0) is the centre of the top-left one. Zero where not labelled.
        labelled: (L,) which of them have a label.
        layout: name of the layout that they follow.
    """

    path: Path
    points: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    layout: str = IBUG68.name

    def read(self) -> NDArray[np.uint8]:
        """The image, (H, W, 3) uint8 RGB, upright.

        Raises:
            InputError: it is missing, truncated, or not an image.
        """
        return read_upright(self.path)


def all_labelled(path: Path, points: NDArray[np.float64], layout: LabelLayout) -> LabelledPhotograph:
    """A photograph with points (L, 2), of which those that are not finite have no label."""
    labelled = np.logical_and.reduce(np.isfinite(points), axis=1)
    return LabelledPhotograph(path, np.where(labelled[:, None], points, 0.0), labelled, layout.name)


def check_count(found: int, layout: LabelLayout, where: object) -> None:
    """Compare a number of labels with what the layout has.

    Raises:
        InputError: it is another one; the message says which layout was expected.
    """
    if found != layout.count:
        raise InputError(
            f"{found} points, but the layout {layout.name} has {layout.count}",
            where=str(where),
            fix="Name the layout that these labels follow",
        )


def find_image(name: str, folders: tuple[Path, ...], where: Path) -> Path:
    """The image of this relative name, in the first of some folders that has it.

    Raises:
        InputError: none has.
    """
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"the image {name} is missing", where=str(where), fix=f"Put it into {folders[0]}")
