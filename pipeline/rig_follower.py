"""Following one head through all cameras of a shoot, frame by frame.

Each camera follows the head by itself. Where one has lost it and two others are sure, the calibrated rig says
where it is, and the camera looks there. It does so too where a camera follows another head than the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from detector.carry import Carried, carried_regions
from detector.follow import Follower, FrameLandmarks
from detector.look_ahead import Frame
from detector.predictor import Predictor
from detector.search import SearchOptions

CARRIED_UNCERTAIN, CARRIED_DRIFT = 0.15, 0.25
"""A head that other cameras place here is believed sooner than one that was only searched for."""

STRANGER = "the face that was found is not where the other cameras see the head"


@dataclass
class RigFollower:
    """Follows a head in C cameras, some or all of which are calibrated.

    Attributes:
        predictor: of the layout that is wanted.
        names: the C cameras.
        rig: the calibrated ones; None where there is no calibration.
        regions: per camera (4,) or None, the last region; to go on with an interrupted detection.
        options: of the search.
    """

    predictor: Predictor
    names: Sequence[str]
    rig: Rig | None = None
    regions: list[NDArray[np.float32] | None] = field(default_factory=list)
    options: SearchOptions = field(default_factory=SearchOptions)

    def __post_init__(self) -> None:
        self._follower = Follower(
            self.predictor, len(self.names), options=self.options, regions=list(self.regions)
        )
        calibrated = [name for name in self.names if self.rig is not None and name in self.rig.names]
        self._calibrated = [self.names.index(name) for name in calibrated]
        self._rig = self.rig.select(calibrated) if self.rig is not None and calibrated else None
        self._believed = replace(self.options, most_uncertain=CARRIED_UNCERTAIN, most_drift=CARRIED_DRIFT)

    def forget(self) -> None:
        """Start as with stored regions: nothing but those is remembered."""
        self._follower.forget()

    def step(self, images: Frame, coming: Sequence[Frame] = ()) -> list[FrameLandmarks]:
        """The landmarks of the next frame of each camera.

        Args:
            images: C images (H, W, 3) sRGB; None where a camera has none.
            coming: the like of frames after it, which make this quicker.
        """
        found = self._follower.step(images, coming)
        carried = self._carried(found)
        if carried is None:
            return found
        for place, index in enumerate(self._calibrated):
            region = carried.regions[place]
            if images[index] is None or carried.agreeing[place]:
                continue
            again = None
            if np.isfinite(region).all():
                again = self._follower.look(index, region, self._believed)
            if again is not None:
                found[index] = again
            elif found[index].found:
                found[index] = self._follower.refuse(index, STRANGER)
        return found

    def _carried(self, found: Sequence[FrameLandmarks]) -> Carried | None:
        """Where the cameras that are sure say that the head is."""
        if self._rig is None:
            return None
        rows = [found[i] for i in self._calibrated]
        return carried_regions(
            self._rig,
            np.stack([row.mean for row in rows]),
            np.stack([row.sigma for row in rows]),
            np.array([row.found for row in rows]),
            self.predictor.layout.queries.numpy(),
        )
