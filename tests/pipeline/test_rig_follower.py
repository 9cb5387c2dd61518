"""Cameras that help each other, with a network that is always right about white discs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from detector.region import HEAD_SIZE
from pipeline.rig_follower import STRANGER, RigFollower
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
