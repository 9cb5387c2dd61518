"""Looking at frames to come: quicker, and with the result of one frame after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.follow import Follower, FrameLandmarks
from detector.look_ahead import FIRST_REACH, LookAhead
from detector.predictor import Picture, Prediction, Predictor
from detector.search import SearchOptions
from tests.detector.oracle import disc_image, disc_region, oracle_predictor

Image = NDArray[np.uint8]
SIZE = (640, 360)


@dataclass
class Counting:
    """A predictor that remembers how many images it was given at a time."""

    predictor: Predictor

    def __post_init__(self) -> None:
        self.layout = self.predictor.layout
        self.counts: list[int] = []

    def upload(self, image: Picture) -> Picture:
        return self.predictor.upload(image)

    def predict(self, images: Sequence[Picture], regions: NDArray[np.floating]) -> Prediction:
        self.counts.append(len(images))
        return self.predictor.predict(images, regions)

    def predict_windows(self, image: Picture, regions: NDArray[np.floating]) -> Prediction:
        return self.predictor.predict_windows(image, regions)


def follow(
    predictor: Predictor | Counting, frames: list[list[Image | None]], ahead: int
) -> list[list[FrameLandmarks]]:
    """The landmarks of frames of C cameras, with so many of those to come in view."""
    options = SearchOptions(working_size=320)
    follower = Follower(predictor, len(frames[0]), options=options)  # type: ignore[arg-type]
    return [follower.step(frame, frames[k + 1 : k + 1 + ahead]) for k, frame in enumerate(frames)]


def walk(steps: list[float]) -> list[Image | None]:
    """One camera's images of a head that goes so many pixels to the right each time."""
    return [disc_image((x, 180.0), 450.0, SIZE) for x in 200 + np.cumsum(steps)]


@pytest.mark.parametrize("ahead", [1, 3, 7])
def test_what_is_to_come_changes_no_result(ahead: int) -> None:
    """Heads that stay, walk, jump and vanish, and missing images, come out as one after the other."""
    still, walking = walk([0.0] * 12), walk([6.0] * 12)
    jumping = walk([0, 0, 0, 0, 260, 0, 0, 0, 0, 0, 0, 0])
    jumping[7], jumping[8] = None, np.zeros((360, 640, 3), np.uint8)
    frames = [list(each) for each in zip(still, walking, jumping, strict=True)]
    plain = follow(oracle_predictor(), frames, 0)
    quick = follow(oracle_predictor(), frames, ahead)
    for one, other in zip(plain, quick, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a.reason, a.remark) == (b.reason, b.remark)
            np.testing.assert_allclose(a.mean, b.mean, atol=1e-3)
            np.testing.assert_allclose(a.region, b.region, atol=1e-3)


def test_a_head_that_stays_is_looked_at_many_frames_at_a_time() -> None:
    """After the search two batches do for ten frames."""
    counting = Counting(oracle_predictor())
    follow(counting, [[image] for image in walk([0.0] * 10)], 9)
    assert counting.counts == [1 + FIRST_REACH, 10 - (1 + FIRST_REACH)]


def test_a_head_that_walks_on_costs_no_more_than_one_by_one() -> None:
    """A wrong guess is not repeated: hardly an image is looked at in vain."""
    frames: list[list[Image | None]] = [[image] for image in walk([14.0] * 12)]
    one_by_one, counting = Counting(oracle_predictor()), Counting(oracle_predictor())
    follow(one_by_one, frames, 0)
    follow(counting, frames, 7)
    assert sum(counting.counts) <= sum(one_by_one.counts) + 2 * FIRST_REACH
    assert len(counting.counts) < len(one_by_one.counts)


def test_after_forgetting_the_same_is_done_again() -> None:
    """A detection that goes on from the disk makes the same batches."""
    images = walk([0.0] * 8)
    frames: list[list[Image | None]] = [[image] for image in images]
    counting = Counting(oracle_predictor())
    ahead = LookAhead(counting, 1)  # type: ignore[arg-type]
    batches = []
    for _ in range(2):
        ahead.forget()
        counting.counts.clear()
        for k in range(8):
            ahead.show(frames[k], frames[k + 1 :])
            ahead.predict([0], disc_region((200, 180), 450)[None])
        batches.append(list(counting.counts))
    assert batches[0] == batches[1]
