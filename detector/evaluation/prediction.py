"""Predicting labelled faces, and the predictions beside their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.evaluation.labelled_faces import Image, LabelledFace
from detector.follow import FrameLandmarks
from detector.predictor import Predictor
from detector.search import SearchOptions, search

Progress = Callable[[int, int, str], None]
Floats = NDArray[np.float64]

LOOKS = 2
"""At each face: the second look is at the region that the first one's landmarks define."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Predictions of N faces beside the labels of a layout of L landmarks.

    Attributes:
        faces: of which these are.
        queries: (L, 3).
        mean: (N, L, 2) float64 pixels; NaN where no face was found.
        sigma: (N, L) pixels; NaN where no face was found.
        region: (N, 4) the regions looked at; NaN where no face was found.
        reasons: why there is no face, in words; empty where there is one.
    """

    faces: tuple[LabelledFace, ...]
    queries: Tensor
    mean: Floats
    sigma: Floats
    region: Floats
    reasons: tuple[str, ...]

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N,) where a face was found."""
        return np.array([not reason for reason in self.reasons])

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N, L) which landmarks can be compared: they have a label, and the face was found."""
        return np.stack([face.labelled for face in self.faces]) & self.found[:, None]

    @property
    def eyes(self) -> Floats:
        """(N,) pixels between the labelled outer corners of the eyes."""
        return np.array([face.eyes for face in self.faces])

    @property
    def box(self) -> Floats:
        """(N,) pixels, the size of the face's box."""
        return np.array([face.box for face in self.faces])

    @property
    def labels(self) -> Floats:
        """(N, L, 2) pixels."""
        return np.stack([face.points for face in self.faces])

    @property
    def distance(self) -> Floats:
        """Errors (N, L) in pixels; NaN where there is nothing to compare."""
        away = np.linalg.norm(self.mean - self.labels, axis=-1)
        return np.where(self.labelled, away, np.nan)

    @property
    def z(self) -> Floats:
        """Errors (N, L, 2) in units of sigma; NaN where there is nothing to compare."""
        z = (self.mean - self.labels) / self.sigma[..., None]
        return np.where(self.labelled[..., None], z, np.nan)

    def first(self, count: int) -> Comparison:
        """The first landmarks alone."""
        return replace(
            self, queries=self.queries[:count], mean=self.mean[:, :count], sigma=self.sigma[:, :count]
        )

    def split(self, counts: Sequence[int]) -> list[Comparison]:
        """The landmarks in parts of so many, one after the other, each with its own labels."""
        ends = np.cumsum(counts).tolist()
        return [self._part(slice(end - count, end)) for count, end in zip(counts, ends, strict=True)]

    def _part(self, chosen: slice) -> Comparison:
        faces = (
            replace(face, points=face.points[chosen], labelled=face.labelled[chosen]) for face in self.faces
        )
        return replace(
            self,
            faces=tuple(faces),
            queries=self.queries[chosen],
            mean=self.mean[:, chosen],
            sigma=self.sigma[:, chosen],
        )


def predict_faces(
    predictor: Predictor,
    faces: Sequence[LabelledFace],
    *,
    own_search: bool,
    options: SearchOptions | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Predict labelled faces.

    Args:
        predictor: whose layout begins with the landmarks that are labelled.
        faces: to look at.
        own_search: find the face by :func:`search`, as with a shoot; else start from the labels' region.
        options: of the search.
        progress: called with (done, total, name).

    Raises:
        InputError: an image cannot be read.
    """
    found = []
    for index, face in enumerate(faces):
        found.append(_predict(predictor, face.read(), None if own_search else face.region, options))
        if progress is not None:
            progress(index + 1, len(faces), face.name)
    return Comparison(
        faces=tuple(faces),
        queries=predictor.layout.queries.cpu(),
        mean=np.stack([each.mean for each in found]).astype(np.float64),
        sigma=np.stack([each.sigma for each in found]).astype(np.float64),
        region=np.stack([each.region for each in found]).astype(np.float64),
        reasons=tuple(each.reason for each in found),
    )


def _predict(
    predictor: Predictor, image: Image, region: NDArray[np.float32] | None, options: SearchOptions | None
) -> FrameLandmarks:
    """The landmarks of a face in a region, or of the one that the search finds."""
    pixels = predictor.upload(image)
    if region is None:
        found = search(predictor, pixels, options)
        if found.region is None:
            nothing = torch.full((len(predictor.layout), 2), torch.nan).numpy()
            return FrameLandmarks(nothing, nothing[:, 0], np.full(4, np.nan), found.uncertainty, found.reason)
        region = found.region
    else:
        for _ in range(LOOKS - 1):
            region = predictor.predict([pixels], region[None]).next_region[0]
    last = predictor.predict([pixels], region[None])
    return FrameLandmarks(last.mean[0], last.sigma[0], last.region[0], float(last.uncertainty[0]))
