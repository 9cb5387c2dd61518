"""Following heads from frame to frame, in one camera or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detector.look_ahead import Frame, LookAhead
from detector.predictor import Prediction, Predictor
from detector.search import Found, SearchOptions, acceptable, search

KEEP = 0.04
"""Drift below which a region stays as it is: a still head keeps its crop, and its landmarks their calm."""


LOST_AGAIN = "the head that the search found was lost when looked at closely"


@dataclass(frozen=True, eq=False)
class FrameLandmarks:
    """The landmarks of one image, or why there are none.

    Attributes:
        mean: (L, 2) float32 full-resolution image pixels; NaN without a face.
        sigma: (L,) float32 pixels; NaN without a face.
        region: (4,) float32, the region looked at: cx, cy, size in pixels, roll; NaN without a face.
        uncertainty: geometric mean of sigma over the head, in half sides of the region.
        reason: why there is no face; empty when there is one.
        remark: what a person ought to know of a face, such as that there was more than one.
    """

    mean: NDArray[np.float32]
    sigma: NDArray[np.float32]
    region: NDArray[np.float32]
    uncertainty: float
    reason: str = ""
    remark: str = ""

    @property
    def found(self) -> bool:
        """Whether a face was found."""
        return not self.reason


@dataclass
class Follower:
    """Follows the head of each of C cameras through their frames.

    All that it remembers is the region that it last looked at in each camera, so that an interrupted
    detection can go on from a stored region with the same result.

    Attributes:
        predictor: of the layout that is wanted.
        cameras: how many images come at a time.
        passes: at most so many looks at a frame, each about the landmarks of the one before.
        options: of the search, when a head is new or lost.
        regions: per camera (4,) or None, the last region.
    """

    predictor: Predictor
    cameras: int = 1
    passes: int = 2
    options: SearchOptions = field(default_factory=SearchOptions)
    regions: list[NDArray[np.float32] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.regions = self.regions or [None] * self.cameras
        self._ahead = LookAhead(self.predictor, self.cameras)
        self._images: Frame = ()
        self._before: list[NDArray[np.float32] | None] = []
        self._results: list[FrameLandmarks | None] = []
        self._searched: dict[int, Found] = {}

    def step(self, images: Frame, coming: Sequence[Frame] = ()) -> list[FrameLandmarks]:
        """The landmarks of the next frame of each camera.

        Args:
            images: C images (H, W, 3) uint8 RGB; None where a camera has none.
            coming: the like of frames after it, which make this quicker and change nothing but the rounding.
        """
        self.begin(images, coming)
        self.search(self.lost())
        return self.end()

    def forget(self) -> None:
        """Start as with stored regions: nothing but those is remembered."""
        self._ahead.forget()

    def begin(self, images: Frame, coming: Sequence[Frame] = ()) -> None:
        """Go to the next frame, as :meth:`step`, and look at it where the heads were last."""
        self._ahead.show(images, coming)
        self._images, self._before = images, list(self.regions)
        self._results, self._searched = [None] * len(images), {}
        self._look([i for i, image in enumerate(images) if image is not None and self.regions[i] is not None])

    def found(self, camera: int) -> FrameLandmarks | None:
        """The landmarks of a camera in this frame, as far as its head is found by now."""
        return self._results[camera]

    def lost(self) -> list[int]:
        """The cameras that have an image of this frame, in which no head is found by now and none sought."""
        images = enumerate(self._images)
        return [
            i
            for i, image in images
            if image is not None and self._results[i] is None and i not in self._searched
        ]

    def search(self, cameras: Sequence[int]) -> None:
        """Look for the heads of some cameras everywhere; of several, the nearest to where it was."""
        for i in cameras:
            image = self._images[i]
            if image is not None:
                self._searched[i] = search(self.predictor, image, self.options, near=self._before[i])
                self.regions[i] = self._searched[i].region
        self._look([i for i in cameras if self.regions[i] is not None])

    def look(
        self, cameras: Sequence[int], regions: NDArray[np.floating], options: SearchOptions
    ) -> NDArray[np.bool_]:
        """Look for the heads of N cameras at regions (N, 4) that something else told; from there they go on.

        Returns:
            (N,) where there is a head by these options. Elsewhere all stays as it was.
        """
        if not len(cameras):
            return np.zeros(0, dtype=bool)
        prediction = self._passes(cameras, np.asarray(regions, np.float32))
        good = acceptable(prediction, options)
        for k, i in enumerate(cameras):
            if good[k]:
                self.regions[i], self._results[i] = prediction.region[k], landmarks_of(prediction, k)
                # what the search had to say was of another place
                self._searched.pop(i, None)
        return good

    def refuse(self, camera: int, reason: str) -> None:
        """Forget the head of a camera, which is found to be the wrong one."""
        self.regions[camera] = None
        self._results[camera] = self._nothing(reason)
        self._searched.pop(camera, None)

    def end(self) -> list[FrameLandmarks]:
        """What came of this frame in each camera."""
        return [self._told(result, self._searched.get(i)) for i, result in enumerate(self._results)]

    def _look(self, which: list[int]) -> None:
        """Predict from the regions of some cameras; where that shows no head, there is no result."""
        if not which:
            return
        start = np.stack([region for i in which if (region := self.regions[i]) is not None])
        prediction = self._passes(which, start)
        good = acceptable(prediction, self.options)
        for k, i in enumerate(which):
            self.regions[i] = prediction.region[k] if good[k] else None
            self._results[i] = landmarks_of(prediction, k) if good[k] else None

    def _passes(self, cameras: Sequence[int], regions: NDArray[np.float32]) -> Prediction:
        prediction = self._ahead.predict(cameras, regions)
        for _ in range(self.passes - 1):
            keep = prediction.drift() <= KEEP
            if keep.all():
                break
            # a region that runs away is caught by the test of drift, not followed to infinity
            moved = np.where(keep[:, None], prediction.region, prediction.next_region)
            prediction = self._ahead.predict(cameras, moved)
        return prediction

    def _told(self, result: FrameLandmarks | None, searched: Found | None) -> FrameLandmarks:
        """The result with what the search had to say of it, or nothing and the reason why."""
        if result is not None:
            return replace(result, remark=searched.remark) if searched is not None else result
        if searched is None:
            return self._nothing("there is no image")
        return self._nothing(searched.reason or LOST_AGAIN)

    def _nothing(self, reason: str) -> FrameLandmarks:
        count = len(self.predictor.layout)
        nothing = np.float32(np.nan)
        return FrameLandmarks(
            np.full((count, 2), nothing), np.full(count, nothing), np.full(4, nothing), float("nan"), reason
        )


def landmarks_of(prediction: Prediction, index: int) -> FrameLandmarks:
    """The landmarks of one of the images of a prediction."""
    return FrameLandmarks(
        prediction.mean[index],
        prediction.sigma[index],
        prediction.region[index],
        float(prediction.uncertainty[index]),
    )
