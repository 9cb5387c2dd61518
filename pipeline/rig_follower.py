"""Following one head through all cameras of a shoot, frame by frame.

Each camera follows the head by itself. Where one has lost it and two others are sure, the calibrated rig says
where it is, and the camera looks there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from detector.carry import carried_regions
from detector.follow import Follower, FrameLandmarks
from detector.predictor import Predictor
from detector.search import SearchOptions, acceptable
from pipeline.frames.images import Image

CARRIED = SearchOptions(most_uncertain=0.15, most_drift=0.25)
"""A head that other cameras place here is believed sooner than one that was only searched for."""


@dataclass
class RigFollower:
    """Follows a head in C cameras, some or all of which are calibrated.

    Attributes:
        predictor: of the layout that is wanted.
        names: the C cameras.
        rig: the calibrated ones; None where there is no calibration.
        regions: per camera (3,) or None, the last region; to go on with an interrupted detection.
    """

    predictor: Predictor
    names: Sequence[str]
    rig: Rig | None = None
    regions: list[NDArray[np.float32] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._follower = Follower(self.predictor, len(self.names), regions=list(self.regions))
        calibrated = [name for name in self.names if self.rig is not None and name in self.rig.names]
        self._calibrated = [self.names.index(name) for name in calibrated]
        self._rig = self.rig.select(calibrated) if self.rig is not None and calibrated else None

    def step(self, images: Sequence[Image | None]) -> list[FrameLandmarks]:
        """The landmarks of the next frame of each camera.

        Args:
            images: C images (H, W, 3) sRGB; None where a camera has none.
        """
        found = self._follower.step(images)
        lost = [i for i in self._calibrated if images[i] is not None and not found[i].found]
        for index, region in self._carried(found, lost):
            image = images[index]
            if image is not None:
                found[index] = self._look(index, image, region) or found[index]
        return found

    def _carried(
        self, found: Sequence[FrameLandmarks], lost: Sequence[int]
    ) -> list[tuple[int, NDArray[np.float64]]]:
        """Where the rig says that the head is, for the cameras that lost it."""
        if not lost or self._rig is None:
            return []
        rows = [found[i] for i in self._calibrated]
        regions = carried_regions(
            self._rig,
            np.stack([row.mean for row in rows]),
            np.stack([row.sigma for row in rows]),
            np.array([row.found for row in rows]),
            self.predictor.layout.queries.numpy(),
        )
        if regions is None:
            return []
        placed = zip(self._calibrated, regions, strict=True)
        return [(i, region) for i, region in placed if i in lost and np.isfinite(region).all()]

    def _look(self, index: int, image: Image, region: NDArray[np.float64]) -> FrameLandmarks | None:
        prediction = self.predictor.predict([image], region[None])
        if not acceptable(prediction, CARRIED)[0]:
            return None
        self._follower.regions[index] = prediction.region[0]
        return FrameLandmarks(
            prediction.mean[0], prediction.sigma[0], prediction.region[0], float(prediction.uncertainty[0])
        )
