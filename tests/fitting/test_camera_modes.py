"""Fits with cameras of which only a part is known, against the truth (W22 section 3.2: R, T and f in Phi)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from calibration.camera import Rig
from calibration.errors import UsageError
from fitting.alignment import align
from fitting.cameras.modes import CameraMode, CameraPlan, MeasuredDistance, fit_with_cameras
from fitting.cameras.start import unknown_camera
from fitting.performance import Performance
from fitting.rehearsal import Rehearsal
from tests.fitting.scenes import head, scene
from tests.fitting.test_camera_start import place_errors

FRAMES = tuple(range(1001, 1007))


@lru_cache
def truth(cameras: int = 4) -> Rehearsal:
    return scene(frames=FRAMES, cameras=cameras, noise=1.0)


def blank(rig: Rig) -> Rig:
    return Rig(tuple(unknown_camera(camera.name, camera.size) for camera in rig))


@lru_cache
def fitted(mode: CameraMode, cameras: int = 4, distance: MeasuredDistance | None = None) -> Performance:
    given = truth(cameras)
    rig = given.rig if mode == CameraMode.POSES else blank(given.rig)
    return fit_with_cameras(head(), given.observations, rig, CameraPlan(mode, distance=distance))


def shape_error(performance: Performance, against: Rehearsal) -> tuple[float, float]:
    """Metres between true and fitted vertices of the face after a similarity, median; and its scale."""
    with torch.no_grad():
        rows = (performance.identity, performance.expression, performance.pose)
        vertices = head()(*(torch.as_tensor(row) for row in rows)).numpy()
    face = head().region("face")
    errors, scales = [], []
    for mine, true in zip(vertices[:, face], against.vertices[:, face], strict=True):
        motion = align(mine, true[None], np.ones((1, len(mine))), with_scale=True)
        errors.append(np.linalg.norm(motion.apply(mine)[0] - true, axis=-1))
        scales.append(motion.scale[0])
    return float(np.median(errors)), float(np.mean(scales))


def test_cameras_of_known_lenses_are_placed_by_the_head() -> None:
    """Four cameras: within 5 mm and half a degree, the face within 0.5 mm, up to a scale of 8 percent."""
    performance, given = fitted(CameraMode.POSES), truth()
    apart, turned = place_errors(performance.rig, given.rig)
    error, scale = shape_error(performance, given)
    assert performance.converged
    assert apart < 5e-3
    assert turned < 0.5
    assert error < 5e-4
    assert scale == pytest.approx(1.0, abs=0.08)
    assert "identity prior" in performance.rig.source


def test_cameras_of_which_nothing_is_known_are_found() -> None:
    """Four cameras: focal lengths within 12 percent, the face within 0.6 mm; notes say how sure that is."""
    performance, given = fitted(CameraMode.UNKNOWN), truth()
    focal = [a.focal.mean() / b.focal.mean() for a, b in zip(performance.rig, given.rig, strict=True)]
    np.testing.assert_allclose(focal, 1.0, atol=0.12)
    error, scale = shape_error(performance, given)
    assert error < 6e-4
    assert scale == pytest.approx(1.0, abs=0.08)
    assert place_errors(performance.rig, given.rig)[1] < 4
    assert performance.reprojection_px < 1.4
    assert sum("focal length +-" in note for note in performance.rig.notes) == 4


def test_a_measured_distance_gives_the_scale() -> None:
    """With the distance of two cameras the rig has it, and says so."""
    rig = truth().rig
    metres = float(np.linalg.norm(rig["cam0"].centre - rig["cam3"].centre))
    performance = fitted(CameraMode.UNKNOWN, 4, MeasuredDistance("cam0", "cam3", metres))
    found = np.linalg.norm(performance.rig["cam0"].centre - performance.rig["cam3"].centre)
    assert found == pytest.approx(metres, rel=1e-3)
    assert "measured" in performance.rig.source


def test_one_camera_finds_its_focal_length() -> None:
    """The monocular case, with a camera that stands or moves: within a quarter, and the face reprojects."""
    for mode in (CameraMode.UNKNOWN, CameraMode.MOVING):
        performance, given = fitted(mode, 1), truth(1)
        ratio = performance.rig.cameras[0].focal.mean() / given.rig.cameras[0].focal.mean()
        assert ratio == pytest.approx(1.0, abs=0.25)
        assert performance.reprojection_px < 1.4
        assert shape_error(performance, given)[0] < 2e-3


def test_what_does_not_suit_the_cameras_is_refused_by_name() -> None:
    """Two moving cameras, and a distance to a camera that there is not."""
    given = truth()
    with pytest.raises(UsageError, match="cam0, cam1, cam2, cam3"):
        fit_with_cameras(head(), given.observations, given.rig, CameraPlan(CameraMode.MOVING))
    plan = CameraPlan(CameraMode.UNKNOWN, distance=MeasuredDistance("cam0", "camX", 1.0))
    with pytest.raises(UsageError, match="camX"):
        fit_with_cameras(head(), given.observations, blank(given.rig), plan)


def test_a_head_that_never_moves_is_told() -> None:
    """One pose in all frames: the fit goes through, and says what leans on the prior."""
    given = truth(2)
    still = np.repeat(given.observations.mean[:1], len(FRAMES), axis=0)
    seen = replace(given.observations, mean=still)
    performance = fit_with_cameras(head(), seen, blank(given.rig), CameraPlan(CameraMode.UNKNOWN))
    assert any("never turns" in note or "lean on the shape" in note for note in performance.rig.notes)
