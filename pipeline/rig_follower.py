"""Following one head through all cameras of a shoot, frame by frame.

Each camera follows the head by itself. Where one has lost it and others are sure, the calibrated rig says
where it is, and the camera looks there; only where that fails, too, is it searched for, which takes the time
of twenty looks. So a take begins with a search in a few cameras. The rig also tells a camera that follows
another head than the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from detector.carry import LEAST_CAMERAS, Carried, carried_regions
from detector.follow import Follower, FrameLandmarks
from detector.look_ahead import Frame
from detector.predictor import Predictor
from detector.search import SearchOptions

CARRIED_UNCERTAIN, CARRIED_DRIFT = 0.15, 0.25
"""A head that other cameras place here is believed sooner than one that was only searched for."""

ENOUGH = 3
"""Cameras that must have searched, and agree, before the rest are told: two may see the same bystander."""

STRANGER = "the face that was found is not where the other cameras see the head"


@dataclass
class RigFollower:
    """Follows a head in C cameras, some or all of which are calibrated.

    Attributes:
        predictor: of the layout that is wanted.
        names: the C cameras.
        rig: the calibrated ones; None where there is no calibration.
        regions: (4,) or None, the last regions: C for each lane; to go on with an interrupted detection.
        options: of the search.
        lanes: stretches of the take that are looked at side by side, for the network's sake; each is followed
            for itself.
    """

    predictor: Predictor
    names: Sequence[str]
    rig: Rig | None = None
    regions: list[NDArray[np.float32] | None] = field(default_factory=list)
    options: SearchOptions = field(default_factory=SearchOptions)
    lanes: int = 1

    def __post_init__(self) -> None:
        self._follower = Follower(
            self.predictor, self.lanes * len(self.names), options=self.options, regions=list(self.regions)
        )
        calibrated = [name for name in self.names if self.rig is not None and name in self.rig.names]
        self._rig = self.rig.select(calibrated) if self.rig is not None and calibrated else None
        own = [self.names.index(name) for name in calibrated]
        self._lanes = [[lane * len(self.names) + index for index in own] for lane in range(self.lanes)]
        self._order = spread_order(self._rig) if self._rig is not None else []
        self._believed = replace(self.options, most_uncertain=CARRIED_UNCERTAIN, most_drift=CARRIED_DRIFT)

    def forget(self) -> None:
        """Start as with stored regions: nothing but those is remembered."""
        self._follower.forget()

    def step(self, images: Frame, coming: Sequence[Frame] = ()) -> list[FrameLandmarks]:
        """The landmarks of the next frame of each camera.

        Args:
            images: C images (H, W, 3) sRGB for each lane; None where a camera has none.
            coming: the like of frames after it, which make this quicker.
        """
        follower = self._follower
        follower.begin(images, coming)
        if self._rig is None:
            follower.search(follower.lost())
            return follower.end()
        told = [self._tell_the_lost(self._rig, lane) for lane in self._lanes]
        follower.search(follower.lost())
        for lane, those in zip(self._lanes, told, strict=True):
            self._turn_strangers(self._rig, lane, [i for i in lane if images[i] is not None], those)
        return follower.end()

    def _tell_the_lost(self, rig: Rig, lane: list[int]) -> dict[int, bool]:
        """Look where the rig says, in the cameras of a lane that have lost the head.

        Where too few are sure, some are searched first.

        Returns:
            the cameras that were told, and whether the head is there.
        """
        follower = self._follower
        followed = np.array([follower.found(i) is not None for i in lane])
        while lost := self._lost(lane):
            carried = self._carried(rig, lane)
            agreeing: NDArray[np.bool_] = carried.agreeing if carried else np.zeros(len(lane), dtype=np.bool_)
            missing = ENOUGH - int(agreeing.sum())
            if carried and (missing <= 0 or (agreeing & followed).sum() >= LEAST_CAMERAS):
                known = np.isfinite(carried.regions[:, 0])
                places = [place for place, i in enumerate(lane) if i in lost and known[place]]
                told = [lane[place] for place in places]
                good = follower.look(told, carried.regions[places], self._believed)
                return dict(zip(told, good.tolist(), strict=True))
            follower.search(sorted(lost[: max(1, missing)]))
        return {}

    def _lost(self, lane: list[int]) -> list[int]:
        """The cameras of a lane that have lost the head, in the order in which they are searched."""
        lost = set(self._follower.lost())
        return [lane[place] for place in self._order if lane[place] in lost]

    def _turn_strangers(self, rig: Rig, lane: list[int], looking: list[int], told: dict[int, bool]) -> None:
        """Turn the cameras of a lane that see another head than the rest, or see none, to where it is."""
        carried = self._carried(rig, lane)
        if carried is None:
            return
        follower = self._follower
        for place, index in enumerate(lane):
            if index not in looking or carried.agreeing[place] or told.get(index):
                continue
            region, turned = carried.regions[place], False
            if np.isfinite(region).all() and index not in told:
                turned = bool(follower.look([index], region[None], self._believed)[0])
            if follower.found(index) is not None and not turned:
                follower.refuse(index, STRANGER)

    def _carried(self, rig: Rig, lane: list[int]) -> Carried | None:
        """Where the cameras of a lane that are sure say that the head is."""
        found = [self._follower.found(i) for i in lane]
        if sum(each is not None for each in found) < LEAST_CAMERAS:
            return None
        count = len(self.predictor.layout)
        mean = [each.mean if each else np.full((count, 2), np.nan, np.float32) for each in found]
        sigma = [each.sigma if each else np.full(count, np.nan, np.float32) for each in found]
        seen = np.array([each is not None for each in found])
        queries = self.predictor.layout.queries.numpy()
        return carried_regions(rig, np.stack(mean), np.stack(sigma), seen, queries)


def spread_order(rig: Rig) -> list[int]:
    """Indices of the cameras so that the first few of them see a head from all sides.

    They are lined up as they stand along the rig; then comes the middle one, those at a quarter and at three
    quarters, and so on.
    """
    centres = np.stack([camera.centre for camera in rig])
    offsets = centres - centres.mean(axis=0)
    _, _, axes = np.linalg.svd(offsets, full_matrices=False)
    along = offsets @ axes[0]
    # the sign of an axis is nobody's choice: the first camera is on its positive side
    line = np.argsort(along if along[0] >= 0 else -along, kind="stable")
    bits = max(1, len(rig).bit_length())
    places = (int(f"{k:0{bits}b}"[::-1], 2) * len(rig) // 2**bits for k in range(1, 2**bits))
    order = list(dict.fromkeys(int(line[place]) for place in places))
    return order + [int(index) for index in line if int(index) not in order]
