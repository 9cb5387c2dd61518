"""All figures of a comparison: errors, regions of the head, sigma, movement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from detector.datasets import IBUG68
from detector.evaluation.errors import ErrorSummary, face_means, summarise
from detector.evaluation.movement import Movement, movements
from detector.evaluation.prediction import Comparison
from detector.evaluation.sigma import Spread, spread
from detector.head_regions import REGIONS, region_indices

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RegionScore:
    """One region of the head.

    Attributes:
        landmarks: how many lie in it.
        nme: their mean error, percent of the distance of the outer corners of the eyes.
        spread: of their errors in units of sigma.
    """

    landmarks: int
    nme: float
    spread: Spread


@dataclass(frozen=True, eq=False)
class LandmarkScore:
    """How far predictions are from the labels.

    Attributes:
        faces: how many.
        missed: in how many none was found.
        nme: in percent of the distance of the labelled outer corners of the eyes, as on 300-W.
        nme_box: in percent of the square root of the area of the box about the 68 landmarks.
        regions: the figures by region of the head.
        spread: of all errors in units of sigma.
        movement: how the predicted faces follow the labels; for the 68 landmarks.
        errors: (N,) mean errors in percent of the eyes' distance; NaN where no face was found.
    """

    faces: int
    missed: int
    nme: ErrorSummary
    nme_box: ErrorSummary
    regions: Mapping[str, RegionScore]
    spread: Spread
    movement: Mapping[str, Movement]
    errors: Floats

    def facts(self) -> dict[str, object]:
        """As JSON values; what is not a number is null."""
        facts = {
            "faces": self.faces,
            "missed": self.missed,
            "nme": asdict(self.nme),
            "nme_box": asdict(self.nme_box),
            "regions": {name: asdict(value) for name, value in self.regions.items()},
            "spread": asdict(self.spread),
            "movement": {name: asdict(value) for name, value in self.movement.items()},
        }
        return {name: json_value(value) for name, value in facts.items()}


def json_value(value: object) -> object:
    """Numbers rounded to four places, and null for those that JSON cannot say."""
    if isinstance(value, dict):
        return {key: json_value(each) for key, each in value.items()}
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


def score(comparison: Comparison) -> LandmarkScore:
    """The figures of a comparison."""
    distance, z = comparison.distance, comparison.z
    relative = 100 * distance / comparison.eyes[:, None]
    errors = face_means(relative)
    return LandmarkScore(
        faces=len(comparison.faces),
        missed=int((~comparison.found).sum()),
        nme=summarise(errors),
        nme_box=summarise(face_means(100 * distance / comparison.box[:, None])),
        regions=_regions(comparison, relative, z),
        spread=spread(z),
        movement=_movement(comparison),
        errors=errors,
    )


def landmarks_by_region(comparison: Comparison) -> dict[str, NDArray[np.bool_]]:
    """Which landmarks (L,) lie in each region of the head that has any."""
    indices = region_indices(comparison.queries).numpy()
    return {name: indices == k for k, name in enumerate(REGIONS) if (indices == k).any()}


def _regions(comparison: Comparison, relative: Floats, z: Floats) -> dict[str, RegionScore]:
    found = {}
    for name, chosen in landmarks_by_region(comparison).items():
        values = relative[:, chosen]
        known = values[np.isfinite(values)]
        nme = float(known.mean()) if known.size else float("nan")
        found[name] = RegionScore(int(chosen.sum()), nme, spread(z[:, chosen]))
    return found


def _movement(comparison: Comparison) -> dict[str, Movement]:
    if len(comparison.queries) != IBUG68.count:
        return {}
    whole = comparison.labelled.all(axis=1)
    return movements(comparison.mean[whole], comparison.labels[whole], comparison.box[whole])
