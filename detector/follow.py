"""Following heads from frame to frame, in one camera or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detector.look_ahead import Frame, LookAhead
from detector.predictor import Picture, Prediction, Predictor
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

    def step(self, images: Frame, coming: Sequence[Frame] = ()) -> list[FrameLandmarks]:
        """The landmarks of the next frame of each camera.

        Args:
            images: C images (H, W, 3) uint8 RGB; None where a camera has none.
            coming: the like of frames after it, which make this quicker and change nothing but the rounding.
        """
        self._ahead.show(images, coming)
        results: list[FrameLandmarks | None] = [None] * len(images)
        before = list(self.regions)
        known = [i for i, image in enumerate(images) if image is not None and before[i] is not None]
        self._look(known, results)
        lost = [i for i, image in enumerate(images) if image is not None and results[i] is None]
        searched = {i: self._search(images[i], i, before[i]) for i in lost}
        self._look([i for i in lost if self.regions[i] is not None], results)
        return [self._told(result, searched.get(i)) for i, result in enumerate(results)]

    def forget(self) -> None:
        """Start as with stored regions: nothing but those is remembered."""
        self._ahead.forget()

    def look(
        self, camera: int, region: NDArray[np.floating], options: SearchOptions
    ) -> FrameLandmarks | None:
        """Look for a camera's head in its image of this frame, at a region (4,) that something else told.

        From there it is followed.

        Returns:
            its landmarks; None, and all stays as it was, where that shows no head by these options.
        """
        prediction = self._passes([camera], np.asarray(region, np.float32)[None])
        if not acceptable(prediction, options)[0]:
            return None
        self.regions[camera] = prediction.region[0]
        return landmarks_of(prediction, 0)

    def refuse(self, camera: int, reason: str) -> FrameLandmarks:
        """Forget the head of a camera, which is found to be the wrong one."""
        self.regions[camera] = None
        return self._nothing(reason)

    def _look(self, which: list[int], results: list[FrameLandmarks | None]) -> None:
        """Predict from the regions of some cameras; where that shows no head, the result stays None."""
        if not which:
            return
        start = np.stack([region for i in which if (region := self.regions[i]) is not None])
        prediction = self._passes(which, start)
        good = acceptable(prediction, self.options)
        for k, i in enumerate(which):
            self.regions[i] = prediction.region[k] if good[k] else None
            if good[k]:
                results[i] = landmarks_of(prediction, k)

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

    def _search(self, image: Picture | None, camera: int, last: NDArray[np.float32] | None) -> Found | None:
        """Look for the head of a camera everywhere; of several, that nearest to where it was last."""
        if image is None:
            return None
        found = search(self.predictor, image, self.options, near=last)
        self.regions[camera] = found.region
        return found

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
