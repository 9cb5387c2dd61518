"""Regions that calibrated cameras tell each other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from detector.carry import carried_regions
from detector.layouts import layout
from detector.region import HEAD_CENTRE, HEAD_SIZE, QUERY_SCALE
from fitting.head_model import load_head_model

K = np.array([[1000.0, 0, 500], [0, 1000.0, 400], [0, 0, 1]])


def make_rig(*yaws: float) -> Rig:
    """Cameras a metre before the head, which looks at them: canonical y up and z towards the viewer."""
    turns = [cv2.Rodrigues(np.array([0, yaw, 0]))[0] for yaw in yaws]
    placed = [(R, np.array([0.02 * i, 0, 1.0])) for i, R in enumerate(turns)]
    return Rig(tuple(Camera(f"c{i}", 1000, 800, K, R=R, t=t) for i, (R, t) in enumerate(placed)))


def queries() -> NDArray[np.float32]:
    """(68, 3) of the 68 landmarks."""
    values: NDArray[np.float32] = layout("ibug68", load_head_model()).queries.numpy()
    return values


def head_points() -> NDArray[np.float64]:
    """(68, 3) landmarks in the world, metres."""
    return queries().astype(np.float64) * QUERY_SCALE * [1, -1, -1]


def test_a_rig_carries_the_head_to_a_camera_that_lost_it() -> None:
    """The region in the third camera comes from the landmarks in the other two."""
    rig = make_rig(-0.3, 0.0, 0.4)
    mean = np.stack([camera.project(head_points()) for camera in rig])
    mean[2] = np.nan
    seen = np.array([True, True, False])
    carried = carried_regions(rig, mean, np.ones((3, 68)), seen, queries())
    assert carried is not None
    assert carried.agreeing.tolist() == [True, True, False]
    middle = rig["c2"].project(np.array(HEAD_CENTRE) * [1, -1, -1])
    assert np.abs(carried.regions[2, :2] - middle).max() < 8
    assert carried.regions[2, 2] == pytest.approx(1000 * HEAD_SIZE / 1.045, rel=0.06)
    assert carried.regions[2, 3] == pytest.approx(0.0, abs=0.02)
    assert carried_regions(rig, mean, np.ones((3, 68)), ~seen, queries()) is None


def test_the_roll_of_a_head_is_carried_too() -> None:
    """A camera that is mounted turned sees the head turned."""
    turned = cv2.Rodrigues(np.array([0, 0, 0.7]))[0]
    rig = Rig((*make_rig(-0.3, 0.3), Camera("turned", 1000, 800, K, R=turned, t=np.array([0, 0, 1.0]))))
    mean = np.stack([camera.project(head_points()) for camera in rig])
    carried = carried_regions(rig, mean, np.ones((3, 68)), np.array([True, True, False]), queries())
    assert carried is not None
    assert carried.regions[2, 3] == pytest.approx(0.7, abs=0.02)


def test_a_camera_that_follows_another_head_is_outvoted() -> None:
    """Three cameras that agree tell the fourth where to look, however sure it was."""
    rig = make_rig(-0.4, -0.1, 0.2, 0.5)
    mean = np.stack([camera.project(head_points()) for camera in rig])
    mean[1] = rig["c1"].project(head_points() + np.array([0.4, 0.1, 0]))
    carried = carried_regions(rig, mean, np.ones((4, 68)), np.ones(4, bool), queries())
    assert carried is not None
    assert carried.agreeing.tolist() == [True, False, True, True]
    middle = rig["c1"].project(np.array(HEAD_CENTRE) * [1, -1, -1])
    assert np.abs(carried.regions[1, :2] - middle).max() < 8


def test_cameras_that_do_not_agree_carry_nothing() -> None:
    """Of two heads in two cameras nobody knows which is meant."""
    rig = make_rig(-0.3, 0.3)
    mean = np.stack([camera.project(head_points()) for camera in rig])
    mean[1] += [0, 300]
    assert carried_regions(rig, mean, np.ones((2, 68)), np.ones(2, bool), queries()) is None
