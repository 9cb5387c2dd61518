"""COCO keypoints, and the faces of COCO-WholeBody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.datasets.image_files import stored_size_and_orientation, turn_points
from detector.datasets.photograph import (
    LabelLayout,
    LabelledPhotograph,
    all_labelled,
    check_count,
    find_image,
)

FACE = "face_kpts"
"""Where COCO-WholeBody keeps the 68 landmarks of a person's face."""


def read_coco(path: Path, layout: LabelLayout) -> list[LabelledPhotograph]:
    """All annotations that have keypoints; those of visibility 0 are not labelled.

    Images lie beside the file, in a folder ``images`` there, or beside the folder that it is in.

    Raises:
        InputError: the file is malformed, an image is missing, or the keypoints are of another number.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in content["images"]}
        pairs = [(images[each["image_id"]], _keypoints(each)) for each in content["annotations"]]
        return [_photograph(path, image, points, layout) for image, points in pairs if points is not None]
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"not COCO keypoints ({problem})", where=str(path)) from error


def _keypoints(annotation: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Points (L, 2) of an annotation, NaN where not labelled; None if it has none at all."""
    values = annotation.get(FACE, annotation.get("keypoints"))
    if values is None or (FACE in annotation and not annotation.get("face_valid", True)):
        return None
    triples = np.array(values, dtype=np.float64).reshape(-1, 3)
    if not triples[:, 2].any():
        return None
    return np.where(triples[:, 2:] > 0, triples[:, :2], np.nan)


def _photograph(
    path: Path, image: Mapping[str, Any], points: NDArray[np.float64], layout: LabelLayout
) -> LabelledPhotograph:
    folders = (path.parent, path.parent / "images", path.parent.parent, path.parent.parent / "images")
    name = image["file_name"]
    check_count(len(points), layout, f"{path}, {name}")
    file = find_image(name, folders, path)
    if "width" in image and "height" in image:
        points = _upright(file, points, (int(image["width"]), int(image["height"])))
    return all_labelled(file, points, layout)


def _upright(file: Path, points: NDArray[np.float64], stated: tuple[int, int]) -> NDArray[np.float64]:
    """Turn points along with the image, if the stated size is that of before it is turned.

    Raises:
        InputError: the image has another size than the file of labels says.
    """
    stored, orientation = stored_size_and_orientation(file)
    upright = stored[::-1] if orientation >= 5 else stored
    if stated == upright:
        return points
    if stated != stored:
        raise InputError(
            f"the image is {upright[0]} x {upright[1]}, its labels are for {stated[0]} x {stated[1]}",
            where=str(file),
        )
    return turn_points(points, stored, orientation)
