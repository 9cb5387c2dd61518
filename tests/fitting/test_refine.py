"""Calibrated cameras of which one was knocked: it is found and named, and the others stay."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from calibration.compare import angle_degrees, compare_rigs
from calibration.errors import UsageError
from fitting.cameras.majority import majority_world
from fitting.cameras.modes import CameraMode, CameraPlan, fit_with_cameras
from fitting.detector_noise import detector_noise
from fitting.observations import Observations
from fitting.performance import Performance
from fitting.rehearsal import Rehearsal
from fitting.world import LocalWorld
from tests.fitting.scenes import head, scene

FRAMES = tuple(range(1001, 1005))
DEGREES, METRES = 0.5, 0.005
REFINE = CameraPlan(CameraMode.REFINE)


def knocked(rig: Rig, *names: str, degrees: float = DEGREES, metres: float = METRES) -> Rig:
    """What the calibration says, where cameras have been knocked since."""
    rng = np.random.default_rng(0)
    cameras = []
    for camera in rig:
        axis, away = (each / np.linalg.norm(each) for each in rng.normal(size=(2, 3)))
        if camera.name in names:
            R = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix() @ camera.R
            camera = replace(camera, R=R, t=-R @ (camera.centre + metres * away))
        cameras.append(camera)
    return replace(rig, cameras=tuple(cameras))


@lru_cache
def truth() -> Rehearsal:
    return scene(frames=FRAMES, cameras=6, noise=1.0)


@lru_cache
def seen_by_a_detector() -> Observations:
    """The same heads with errors that repeat in all frames."""
    exact = replace(truth(), observations=scene(frames=FRAMES, cameras=6).observations)
    return exact.seen(detector_noise(3.0, 1.0, 1.0))


@lru_cache
def refined(name: str) -> Performance:
    return fit_with_cameras(head(), truth().observations, knocked(truth().rig, name), REFINE)


@pytest.mark.parametrize("name", [pytest.param("cam0", marks=pytest.mark.slow), "cam3"])
def test_a_knocked_camera_is_found_and_the_others_stay(name: str) -> None:
    """Half a degree and 5 mm, found to 0.15 degrees and 2.5 mm; the first camera is as any other."""
    given, true, found = knocked(truth().rig, name), truth().rig, refined(name)
    moved = [each.name for each in found.drift if each.moved]
    assert moved == [name]
    assert angle_degrees(found.rig[name].R @ true[name].R.T) < 0.15
    assert np.linalg.norm(found.rig[name].centre - true[name].centre) < 2.5e-3
    for camera in found.rig:
        if camera.name != name:
            np.testing.assert_array_equal(camera.R, given[camera.name].R)
            np.testing.assert_array_equal(camera.t, given[camera.name].t)
    assert found.reprojection_px < 1.4


def test_what_moved_is_told_in_words_and_as_the_comparison_of_calibrations_has_it() -> None:
    """By how much, what that does to the image of the head, and against what is uncertain."""
    found, given = refined("cam3"), knocked(truth().rig, "cam3")
    told = next(each for each in found.drift if each.name == "cam3")
    assert re.match(r"Camera cam3: it moved by 0\.\d \+-0\.\d degrees and \d \+-\d mm", str(told))
    assert "px at the head" in str(told)
    assert str(told).endswith("times what is uncertain: calibrate it again")
    assert told.times > 10
    difference = compare_rigs(given, found.rig)
    assert difference.worst.name == "cam3"
    assert difference["cam3"].degrees == pytest.approx(told.degrees, abs=1e-6)
    assert difference["cam3"].metres == pytest.approx(told.metres, abs=1e-7)
    stayed = next(each for each in found.drift if each.name == "cam1")
    assert str(stayed).startswith("Camera cam1: where it was calibrated, within what is uncertain")
    assert found.rig.source.endswith("refined by the fit: cam3")


def test_a_right_calibration_is_left_as_it_is() -> None:
    """To the last bit, and so is what is said of where it comes from."""
    given = truth().rig
    found = fit_with_cameras(head(), truth().observations, given, REFINE)
    assert not any(each.moved for each in found.drift)
    assert [camera.t.tolist() for camera in found.rig] == [camera.t.tolist() for camera in given]
    assert found.rig.source == given.source


def test_the_habits_of_a_detector_are_not_taken_for_moved_cameras() -> None:
    """Errors that repeat in all frames look like another place of a camera, and are allowed for."""
    still = fit_with_cameras(head(), seen_by_a_detector(), truth().rig, REFINE)
    assert not any(each.moved for each in still.drift)
    assert max(each.times for each in still.drift) < 1.5


@pytest.mark.slow
def test_a_camera_that_was_knocked_hard_is_found_with_a_detectors_errors_too() -> None:
    """A whole degree is more than a detector's habits look like."""
    given = knocked(truth().rig, "cam2", degrees=1.0)
    found = fit_with_cameras(head(), seen_by_a_detector(), given, REFINE)
    assert [each.name for each in found.drift if each.moved] == ["cam2"]


@pytest.mark.slow
def test_only_the_cameras_that_are_named_are_refined() -> None:
    """A TD who knows which one was knocked says so."""
    given = knocked(truth().rig, "cam3")
    plan = replace(REFINE, cameras=("cam3",))
    found = fit_with_cameras(head(), truth().observations, given, plan)
    assert angle_degrees(found.rig["cam3"].R @ truth().rig["cam3"].R.T) < 0.15
    np.testing.assert_array_equal(found.rig["cam0"].t, given["cam0"].t)


def test_a_camera_to_be_refined_that_is_not_there_is_refused() -> None:
    """By its name, with the names that there are."""
    with pytest.raises(UsageError, match=r"camera chin is to be refined.*cam0, cam1"):
        fit_with_cameras(head(), truth().observations, truth().rig, replace(REFINE, cameras=("chin",)))


def test_a_world_is_that_of_most_cameras() -> None:
    """Two of seven have moved, and the whole rig came back in another world: that one is found exactly."""
    rig = scene(cameras=7).rig
    points = 0.1 * np.random.default_rng(1).normal(size=(50, 3))
    turn = Rotation.from_rotvec([0.02, -0.01, 0.03]).as_matrix()
    elsewhere = LocalWorld(turn, np.array([0.01, -0.02, 0.005]))
    local = elsewhere.enter(knocked(rig, "cam0", "cam4", degrees=2.0, metres=0.03))
    here = LocalWorld(np.eye(3), np.zeros(3))
    found = majority_world(local, rig, (points - elsewhere.origin) @ turn.T, here)
    np.testing.assert_allclose(found.axes, elsewhere.axes, atol=1e-6)
    np.testing.assert_allclose(found.origin, elsewhere.origin, atol=1e-6)


def test_a_fit_that_takes_the_calibration_for_right_warns_of_a_camera_that_has_moved() -> None:
    """It changes nothing, but names the camera and what to do."""
    observations = truth().observations
    fine = fit_with_cameras(head(), observations, truth().rig, CameraPlan())
    assert fine.warnings == ()
    given = knocked(truth().rig, "cam3", degrees=0.2, metres=0.002)
    found = fit_with_cameras(head(), observations, given, CameraPlan())
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("Camera cam3: it moved by")
    assert found.warnings[0].endswith("calibrate it again, or let the fit find it (refine)")
    np.testing.assert_array_equal(found.rig["cam3"].t, given["cam3"].t)
