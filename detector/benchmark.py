"""The error of the 68 landmarks on labelled photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import UsageError
from detector.follow import FrameLandmarks
from detector.metrics import FAILURE, GROUPS, normalised_errors
from detector.photographs import LANDMARKS, Photograph, list_photographs
from detector.predictor import Predictor
from detector.region import region_from_landmarks
from detector.search import SearchOptions, search

Progress = Callable[[int, int, str], None]

REFINEMENTS = 2


@dataclass(frozen=True, eq=False)
class LandmarkScore:
    """Errors on photographs, in percent of the distance of the outer eye corners.

    Attributes:
        photographs: how many.
        missed: in how many no face was found; each counts as a failure, and not into the other numbers.
        mean, median: of the photographs' mean errors.
        failures: FR10, percent of photographs whose mean error exceeds 10, missed ones included.
        groups: mean error of jaw, brows, nose, eyes and mouth.
        spread: root mean square of (mean - label) / sigma per axis; 1 if sigma were right for these labels.
        errors: (N, 68) all errors; NaN rows where missed.
    """

    photographs: int
    missed: int
    mean: float
    median: float
    failures: float
    groups: Mapping[str, float]
    spread: float
    errors: NDArray[np.float64]

    def facts(self) -> dict[str, object]:
        """The numbers as JSON values."""
        return {
            "photographs": self.photographs,
            "missed": self.missed,
            "nme": round(self.mean, 3),
            "nme_median": round(self.median, 3),
            "fr10": round(self.failures, 2),
            "groups": {name: round(value, 3) for name, value in self.groups.items()},
            "spread": round(self.spread, 3),
        }


def evaluate_landmarks(
    predictor: Predictor,
    folder: Path,
    *,
    own_search: bool,
    options: SearchOptions | None = None,
    progress: Progress | None = None,
) -> LandmarkScore:
    """Predict the 68 landmarks of all photographs of a folder and compare.

    Args:
        predictor: of the layout "ibug68".
        folder: images beside .pts files, as 300-W has them.
        own_search: find the face by :func:`search`, as with a shoot; else start from the labels' region.
        options: of the search.
        progress: called with (done, total, name).

    Raises:
        UsageError: the predictor's layout is another one.
        InputError: there are no labelled photographs.
    """
    if len(predictor.layout) != LANDMARKS:
        raise UsageError("photographs with 68 labels need the layout ibug68")
    photographs = list_photographs(folder)
    errors = np.full((len(photographs), LANDMARKS), np.nan)
    z: list[NDArray[np.float64]] = []
    for index, photograph in enumerate(photographs):
        found = _predict(predictor, photograph, own_search, options)
        if found.found:
            labelled, predicted = torch.as_tensor(photograph.points), torch.as_tensor(found.mean).double()
            errors[index] = 100 * normalised_errors(predicted[None], labelled[None])[0].numpy()
            z.append((found.mean - photograph.points) / found.sigma[:, None])
        if progress is not None:
            progress(index + 1, len(photographs), photograph.path.name)
    return score(errors, np.concatenate(z) if z else np.empty((0, 2)))


def score(errors: NDArray[np.float64], z: NDArray[np.float64]) -> LandmarkScore:
    """Sum up errors (N, 68) in percent, NaN rows where nothing was found, and z scores (M, 2)."""
    found = ~np.isnan(errors[:, 0])
    means = errors[found].mean(axis=1) if found.any() else np.full(1, np.nan)
    failed = int((~found).sum()) + int((means > 100 * FAILURE).sum())
    groups = {
        name: float(errors[found][:, part].mean()) if found.any() else float("nan")
        for name, part in GROUPS.items()
    }
    return LandmarkScore(
        photographs=len(errors),
        missed=int((~found).sum()),
        mean=float(means.mean()),
        median=float(np.median(means)),
        failures=100.0 * failed / len(errors),
        groups=groups,
        spread=float(np.sqrt(np.mean(np.square(z)))) if z.size else float("nan"),
        errors=errors,
    )


def _predict(
    predictor: Predictor, photograph: Photograph, own_search: bool, options: SearchOptions | None
) -> FrameLandmarks:
    image = photograph.read()
    if own_search:
        found = search(predictor, image, options)
        if found.region is None:
            nothing = np.full((LANDMARKS, 2), np.nan, dtype=np.float32)
            return FrameLandmarks(nothing, nothing[:, 0], nothing[0], found.uncertainty, found.reason)
        region = found.region[None]
    else:
        points = torch.as_tensor(photograph.points, dtype=torch.float32)[None]
        region = region_from_landmarks(points, predictor.layout.queries).numpy()
        for _ in range(REFINEMENTS - 1):
            region = predictor.predict([image], region).next_region
    last = predictor.predict([image], region)
    return FrameLandmarks(last.mean[0], last.sigma[0], last.region[0], float(last.uncertainty[0]))
