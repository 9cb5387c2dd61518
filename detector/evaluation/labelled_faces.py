"""Faces whose landmarks are known, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.datasets import IBUG68, LabelledPhotograph
from detector.layouts import Layout
from detector.metrics import OUTER_EYES
from detector.region import aligned_region_from_landmarks

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LabelledFace:
    """One face with labels.

    Attributes:
        name: what to call it.
        read: gives the image, (H, W, 3) uint8 RGB.
        points: (L, 2) float64 pixels of the landmarks of some layout; zero where not labelled.
        labelled: (L,) which have a label.
        eyes: pixels between the labelled outer corners of the eyes, the unit of NME on 300-W.
        box: square root of the area of the box about the 68 landmarks, pixels: a unit that does not vanish
            in profiles (Bulat and Tzimiropoulos 2017).
        region: (4,) float32, the region that the labels define: cx, cy, size in pixels, roll in radians.
    """

    name: str
    read: Callable[[], Image]
    points: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    eyes: float
    box: float
    region: NDArray[np.float32]


def faces_of_photographs(photographs: Sequence[LabelledPhotograph], sparse: Layout) -> list[LabelledFace]:
    """The photographs whose outer corners of the eyes are labelled; without those there is no unit.

    Args:
        photographs: labelled with the 68 landmarks.
        sparse: the layout "ibug68".

    Raises:
        InputError: the labels are of another layout, or no photograph has both corners.
    """
    if any(each.layout != IBUG68.name for each in photographs):
        raise InputError(f"the labels are not those of {IBUG68.name}")
    usable = [each for each in photographs if each.labelled[list(OUTER_EYES)].all()]
    if not usable:
        raise InputError(
            "no face has labels at the outer corners of both eyes, which give the unit of errors"
        )
    return [_face(each, sparse) for each in usable]


def _face(photograph: LabelledPhotograph, sparse: Layout) -> LabelledFace:
    points, labelled = photograph.points, photograph.labelled
    return LabelledFace(
        name=photograph.path.stem,
        read=photograph.read,
        points=points,
        labelled=labelled,
        eyes=eye_distance(points),
        box=box_size(points[labelled]),
        region=labelled_region(points, labelled, sparse),
    )


def eye_distance(sparse: NDArray[np.float64]) -> float:
    """Pixels between the outer corners of the eyes, of the 68 landmarks (68, 2)."""
    left, right = OUTER_EYES
    return float(np.linalg.norm(sparse[left] - sparse[right]))


def box_size(points: NDArray[np.float64]) -> float:
    """Square root of the area of the box about landmarks (L, 2)."""
    return float(np.sqrt(np.ptp(points, axis=0).prod()))


def labelled_region(
    points: NDArray[np.float64], labelled: NDArray[np.bool_], layout: Layout
) -> NDArray[np.float32]:
    """The region (4,) that labels (L, 2) of a layout define."""
    where = torch.as_tensor(points, dtype=torch.float32)[None]
    trust = torch.as_tensor(labelled, dtype=torch.float32)[None]
    region = aligned_region_from_landmarks(where, layout.queries.cpu(), trust)[0]
    return np.asarray(region.numpy(), dtype=np.float32)
