"""Predictions of frames to come, made together with those that are wanted now.

A network is quicker with several images at a time, but where to look in a frame is known only from the frame
before. Most heads stay in their region for many frames: so the next frames are looked at too, in the region
that is wanted now. A guess that turns out right is used; of one that is wrong nothing is kept. What comes out
is therefore what one frame after the other gives, up to the rounding of sums that are taken in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.predictor import Picture, Prediction, Predictor

FIRST_REACH = 3
"""Frames to come that are guessed at first."""

Frame = Sequence[Picture | None]


@dataclass(frozen=True, eq=False)
class _Look:
    """One image of a camera in one region (4,)."""

    camera: int
    image: Picture
    region: NDArray[np.float32]

    def same(self, other: _Look) -> bool:
        """Whether the other look shows the same."""
        return self.image is other.image and np.array_equal(self.region, other.region)


@dataclass
class LookAhead:
    """Answers for one frame of C cameras after the other.

    How far it reaches follows from the frames since :meth:`forget` alone, so that a detection that goes on
    from there repeats the same sums.

    Attributes:
        predictor: that looks.
        cameras: C.
    """

    predictor: Predictor
    cameras: int
    _frame: Frame = ()
    _coming: Sequence[Frame] = ()
    _guesses: list[tuple[_Look, Prediction]] = field(default_factory=list)
    _reach: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop all guesses, and start as at first."""
        self._guesses, self._reach = [], [FIRST_REACH] * self.cameras

    def show(self, frame: Frame, coming: Sequence[Frame] = ()) -> None:
        """Say which frame is asked about from now on, and which after it are known already.

        Args:
            frame: C images (H, W, 3); None where a camera has none.
            coming: the like, in order.
        """
        self._frame, self._coming = frame, coming
        known = {id(image) for each in (frame, *coming) for image in each}
        self._guesses = [guess for guess in self._guesses if id(guess[0].image) in known]

    def predict(self, cameras: Sequence[int], regions: NDArray[np.floating]) -> Prediction:
        """Landmarks of the frame in regions (N, 4) of N cameras that have an image of it."""
        wanted = [
            _Look(camera, image, region)
            for camera, region in zip(cameras, np.asarray(regions, np.float32), strict=True)
            if (image := self._frame[camera]) is not None
        ]
        new = [each for look in wanted if self._known(look) is None for each in self._with_coming(look)]
        if new:
            found = self.predictor.predict(
                [each.image for each in new], np.stack([each.region for each in new])
            )
            self._guesses += [(look, found.select([index])) for index, look in enumerate(new)]
        return Prediction.joined([known for look in wanted if (known := self._known(look)) is not None])

    def _known(self, look: _Look) -> Prediction | None:
        return next((found for guess, found in self._guesses if guess.same(look)), None)

    def _with_coming(self, look: _Look) -> list[_Look]:
        """The look, and the same at as many of the camera's frames to come as are worth a guess."""
        if any(guess.image is look.image for guess, _ in self._guesses):
            # the head moved: guesses are wrong, and until it stays they are not worth much
            self._guesses = [guess for guess in self._guesses if guess[0].camera != look.camera]
            self._reach[look.camera] = 1
        coming = [image for frame in self._coming if (image := frame[look.camera]) is not None]
        reach = self._reach[look.camera]
        self._reach[look.camera] = 2 * reach
        return [look, *(_Look(look.camera, image, look.region) for image in coming[:reach])]
