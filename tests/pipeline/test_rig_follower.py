"""Cameras that help each other, with a network that is always right about white discs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from detector import follow
from detector.region import HEAD_SIZE
from detector.search import Found, search
from pipeline.rig_follower import ENOUGH, STRANGER, RigFollower, spread_order
from tests.detector.oracle import disc_image, oracle_predictor

SIZE = (1000, 800)
NAMES = ("left", "middle", "right")
ACTOR, BYSTANDER = np.array([0.3, 0.0, 1.0]), np.array([-0.05, 0.02, 0.8])


def make_rig(*focal: float) -> Rig:
    """Cameras side by side that look along z; the discs of a head are then views of one head."""
    cameras = []
    for i, (name, f) in enumerate(zip(NAMES, focal, strict=True)):
        K = np.array([[f, 0, 500], [0, f, 400], [0, 0, 1]])
        cameras.append(Camera(name, *SIZE, K, R=np.eye(3), t=np.array([0.05 * (1 - i), 0, 0])))
    return Rig(tuple(cameras))


def view(camera: Camera, *heads: NDArray[np.float64]) -> NDArray[np.uint8]:
    """What a camera sees of heads at these places."""
    discs = [(*camera.project(head[None])[0], camera.focal[0] / head[2]) for head in heads]
    (x, y, scale), *others = discs
    return disc_image((x, y), scale, SIZE, *others)


def test_a_camera_whose_search_fails_is_told_by_two_others() -> None:
    """The head is too small for a search in the right camera, and is found there all the same."""
    rig = make_rig(900.0, 900.0, 300.0)
    images = [view(camera, ACTOR) for camera in rig]
    alone = RigFollower(oracle_predictor(), NAMES).step(images)
    assert [each.found for each in alone] == [True, True, False]
    together = RigFollower(oracle_predictor(), NAMES, rig)
    for _ in range(2):  # found by the others, then followed
        found = together.step(images)
        assert all(each.found for each in found)
        np.testing.assert_allclose(found[2].region[:3], [575, 400, 300 * HEAD_SIZE], atol=6)


def test_a_camera_that_found_a_bystander_is_turned_to_the_actor() -> None:
    """In the right camera a bystander is larger and nearer to the middle; the other two outvote it."""
    rig = make_rig(900.0, 900.0, 900.0)
    images = [view(rig["left"], ACTOR), view(rig["middle"], ACTOR), view(rig["right"], BYSTANDER, ACTOR)]
    alone = RigFollower(oracle_predictor(), NAMES).step(images)[2]
    assert abs(alone.region[0] - 388) < 8
    found = RigFollower(oracle_predictor(), NAMES, rig).step(images)
    assert abs(found[2].region[0] - 725) < 8


def test_a_camera_that_sees_only_a_bystander_sees_no_face() -> None:
    """Landmarks of somebody else are no landmarks; the reason is told."""
    rig = make_rig(900.0, 900.0, 900.0)
    images = [view(rig["left"], ACTOR), view(rig["middle"], ACTOR), view(rig["right"], BYSTANDER)]
    found = RigFollower(oracle_predictor(), NAMES, rig).step(images)
    assert [each.found for each in found] == [True, True, False]
    assert found[2].reason == STRANGER


def wide_rig(count: int) -> Rig:
    """Cameras in a row, the first in the middle of it, which look along z."""
    K = np.array([[900.0, 0, 500], [0, 900.0, 400], [0, 0, 1]])
    places = [0.0, *(0.04 * ((i + 1) // 2) * (-1) ** i for i in range(1, count))]
    return Rig(
        tuple(Camera(f"c{i}", *SIZE, K, R=np.eye(3), t=np.array([-x, 0, 0])) for i, x in enumerate(places))
    )


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each search that is made."""
    made: list[int] = []

    def counted(*args: object, **kwargs: object) -> Found:
        made.append(1)
        return search(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(follow, "search", counted)
    return made


def test_a_rig_of_many_cameras_searches_in_few_and_tells_the_rest(searches: list[int]) -> None:
    """All find the head where it is; the frame after it needs no search at all."""
    rig = wide_rig(7)
    follower = RigFollower(oracle_predictor(), rig.names, rig)
    images = [view(camera, np.array([0.02, 0.01, 1.2])) for camera in rig]
    for _ in range(2):
        found = follower.step(images)
        assert all(each.found for each in found)
        assert len(searches) == ENOUGH
    expected = [camera.project(np.array([[0.02, 0.01, 1.2]]))[0] for camera in rig]
    np.testing.assert_allclose([each.region[:2] for each in found], expected, atol=8)


def test_a_bystander_in_one_of_the_searched_cameras_costs_one_search_more(searches: list[int]) -> None:
    """Three must agree before the others are told, and the one that was wrong is turned."""
    rig = wide_rig(7)
    images = [view(camera, ACTOR) for camera in rig]
    wrong = spread_order(rig)[0]
    images[wrong] = view(rig[rig.names[wrong]], BYSTANDER, ACTOR)
    found = RigFollower(oracle_predictor(), rig.names, rig).step(images)
    assert len(searches) == ENOUGH + 1
    expected = [camera.project(ACTOR[None])[0] for camera in rig]
    np.testing.assert_allclose([each.region[:2] for each in found], expected, atol=8)


def test_a_camera_where_the_rig_is_wrong_is_searched(searches: list[int]) -> None:
    """It was knocked since the calibration: what it sees is not where it is told, and is refused."""
    rig, actor = wide_rig(7), np.array([0.02, 0.01, 1.2])
    images = [view(camera, actor) for camera in rig]
    knocked = spread_order(rig)[-1]
    images[knocked] = np.roll(images[knocked], 300, axis=1)
    found = RigFollower(oracle_predictor(), rig.names, rig).step(images)
    assert len(searches) == ENOUGH + 1
    assert [i for i, each in enumerate(found) if not each.found] == [knocked]
    assert found[knocked].reason == STRANGER


def test_the_first_cameras_that_search_stand_apart() -> None:
    """The middle one of the row, then those half way to its ends."""
    rig = wide_rig(8)
    along = np.array([camera.centre[0] for camera in rig])
    order = spread_order(rig)
    assert sorted(order) == list(range(8))
    ranks = np.argsort(np.argsort(along))[order[:3]]
    assert abs(ranks[0] - 3.5) < 1
    assert np.ptp(ranks) == 4


def test_lanes_are_followed_each_for_itself(searches: list[int]) -> None:
    """Two stretches of a take side by side come out as one after the other."""
    rig = wide_rig(4)
    takes = [[view(c, np.array([x, 0.0, 1.2])) for c in rig] for x in (0.0, 0.2)]
    alone = [RigFollower(oracle_predictor(), rig.names, rig).step(images) for images in takes]
    together = RigFollower(oracle_predictor(), rig.names, rig, lanes=2).step([*takes[0], *takes[1]])
    assert len(searches) == 4 * ENOUGH
    for one, other in zip([*alone[0], *alone[1]], together, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, atol=1e-3)
