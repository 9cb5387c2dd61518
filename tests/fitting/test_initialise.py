"""Where a fit starts: heads placed by triangulation, by one view, or by their neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from calibration.errors import NoFaceError
from fitting.alignment import align, align_robustly
from fitting.initialise import place
from fitting.observations import Observations
from fitting.surface import SurfacePoints
from fitting.world import LocalWorld
from tests.calibration.rigs import arc_rig

Array = NDArray[np.float64]

COUNT = 40
TURNS = Rotation.from_euler("yx", [[10, 5], [20, 0], [30, -5], [40, 0], [50, 5]], degrees=True)
SHIFTS = np.linspace([0.0, 0.0, 0.0], [0.04, 0.02, -0.02], 5)


def cloud() -> Array:
    """A head-sized cloud of landmarks (L, 3)."""
    return np.asarray(np.random.default_rng(0).normal(size=(COUNT, 3)) * [0.06, 0.08, 0.04])


def observed(rig: Rig) -> Observations:
    """The cloud as the rig sees it in five frames."""
    moved = np.stack([turn.apply(cloud()) for turn in TURNS]) + SHIFTS[:, None]
    pixels = np.stack([camera.project(moved) for camera in rig], axis=1)
    seen = np.ones(pixels.shape[:2], dtype=bool)
    points = SurfacePoints.from_vertices(np.arange(COUNT))
    return Observations(np.arange(1001, 1006), pixels, np.ones(pixels.shape[:3]), seen, points)


def turned_by(rotation: Array, frame: int) -> float:
    """Degrees between a placed rotation and the true one."""
    return float(np.degrees((Rotation.from_matrix(rotation) * TURNS[frame].inv()).magnitude()))


def test_exact_views_place_the_head_exactly() -> None:
    """Triangulated landmarks of the head itself give its rotation and translation to rounding."""
    rig = arc_rig(3)
    placed = place(observed(rig), rig, cloud())
    np.testing.assert_allclose(placed.rotation, TURNS.as_matrix(), atol=1e-6)
    np.testing.assert_allclose(placed.translation, SHIFTS, atol=1e-6)


def test_one_camera_alone_places_the_head_too() -> None:
    """With a single calibrated camera the pose comes from perspective."""
    rig = arc_rig(1)
    placed = place(observed(rig), rig, cloud())
    assert max(turned_by(placed.rotation[f], f) for f in range(5)) < 0.1
    np.testing.assert_allclose(placed.translation, SHIFTS, atol=1e-3)


def test_a_frame_that_none_sees_takes_the_pose_between_its_neighbours() -> None:
    """An unseen frame is interpolated by frame number and marked as such."""
    rig = arc_rig(3)
    whole = observed(rig)
    seen = whole.seen.copy()
    seen[2] = False
    placed = place(replace(whole, seen=seen), rig, cloud())
    assert placed.direct.tolist() == [True, True, False, True, True]
    np.testing.assert_allclose(placed.translation[2], SHIFTS[[1, 3]].mean(0), atol=1e-6)
    assert turned_by(placed.rotation[2], 2) < 6


def test_a_camera_that_looks_at_something_else_does_not_pull_the_head_aside() -> None:
    """Four cameras agree; the fifth saw another face, and hardly matters."""
    rig = arc_rig(5, degrees=80.0)
    whole = observed(rig)
    mean = whole.mean.copy()
    mean[:, 4] += [150.0, -80.0]
    placed = place(replace(whole, mean=mean), rig, cloud())
    np.testing.assert_allclose(placed.translation, SHIFTS, atol=2e-3)


def test_wild_points_do_not_turn_an_alignment() -> None:
    """A quarter of wild points leaves a robust alignment within a fraction of a millimetre."""
    target = TURNS[4].apply(cloud())[None].copy()
    target[0, :10] += 0.1
    weights = np.ones((1, COUNT))
    robust = align_robustly(cloud(), target, weights).apply(cloud())
    plain = align(cloud(), target, weights).apply(cloud())
    assert np.abs(robust - target)[0, 10:].max() < 5e-4 < np.abs(plain - target)[0, 10:].max()


def test_alignment_with_scale_finds_the_scale() -> None:
    """Umeyama's scale is recovered along with the motion."""
    target = 1.3 * TURNS[1].apply(cloud())[None] + 0.2
    motion = align(cloud(), target, np.ones((1, COUNT)), with_scale=True)
    assert motion.scale[0] == pytest.approx(1.3)
    np.testing.assert_allclose(motion.apply(cloud()), target, atol=1e-12)


def test_no_landmarks_at_all_is_told_plainly() -> None:
    """A sequence in which nothing was seen cannot start."""
    rig = arc_rig(2)
    whole = observed(rig)
    with pytest.raises(NoFaceError, match="no frame"):
        place(replace(whole, seen=np.zeros_like(whole.seen)), rig, cloud())


def test_the_world_of_a_fit_is_left_as_it_was_entered() -> None:
    """Entering and leaving the local world is exact, and every camera sees the same pixels in both."""
    rig = arc_rig(3)
    placement = place(observed(rig), rig, cloud())
    world = LocalWorld.around(placement)
    inside = world.enter(rig)
    moved = world.enter_motion(placement.rotation, placement.translation)
    local = cloud() @ moved[0][2].T + moved[1][2]
    outside = cloud() @ placement.rotation[2].T + placement.translation[2]
    for camera, entered, left in zip(rig, inside, world.leave(inside), strict=True):
        np.testing.assert_allclose(entered.project(local), camera.project(outside), atol=1e-8)
        np.testing.assert_allclose(left.t, camera.t, atol=1e-12)
    np.testing.assert_allclose(world.leave_motion(*moved)[1], placement.translation, atol=1e-12)
