"""Cameras found from the head alone: where they start, and what cannot be found is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import CalibrationError, NoFaceError
from fitting.alignment import align
from fitting.cameras.perspective import Views, pose_heads
from fitting.cameras.start import find_cameras, unknown_camera
from fitting.observations import Observations
from fitting.surface import SurfacePoints
from tests.calibration.rigs import arc_rig

Array = NDArray[np.float64]

COUNT, FRAMES = 60, 12
TURNS = Rotation.from_euler("yx", [[-30 + 5 * f, 3 * (f % 4)] for f in range(FRAMES)], degrees=True)
PLAIN = np.zeros(5)


def cloud() -> Array:
    """A head-sized cloud of landmarks (L, 3), not symmetric."""
    return np.asarray(np.random.default_rng(0).normal(size=(COUNT, 3)) * [0.05, 0.07, 0.04])


def seen_by(rig: Rig, noise: float = 1.0, turns: Rotation = TURNS) -> Observations:
    """The turning cloud, with Gaussian noise in pixels."""
    moved = np.stack([turn.apply(cloud()) for turn in turns])
    pixels = np.stack([camera.project(moved) for camera in rig], axis=1)
    pixels = pixels + noise * np.random.default_rng(1).normal(size=pixels.shape)
    points = SurfacePoints.from_vertices(np.arange(COUNT))
    frames = np.arange(1001, 1001 + len(moved))
    return Observations(frames, pixels, np.ones(pixels.shape[:3]), np.ones(pixels.shape[:2], bool), points)


def place_errors(found: Rig, truth: Rig) -> tuple[float, float]:
    """Largest position error in metres and rotation error in degrees, after a similarity of the centres."""
    centres, true = (np.stack([camera.centre for camera in rig]) for rig in (found, truth))
    motion = align(centres, true[None], np.ones((1, len(true))), with_scale=True)
    apart = np.linalg.norm(motion.apply(centres)[0] - true, axis=1)
    back = motion.rotation[0].T
    turned = [Rotation.from_matrix(a.R @ back @ b.R.T).magnitude() for a, b in zip(found, truth, strict=True)]
    return float(apart.max()), float(np.degrees(max(turned)))


def blank(rig: Rig) -> list[Camera]:
    return [unknown_camera(camera.name, camera.size) for camera in rig]


def test_a_head_that_is_known_places_its_cameras() -> None:
    """Eight cameras of known lenses: within 2 mm and 0.3 degrees of the truth at a pixel of noise."""
    rig = arc_rig(8, degrees=100.0)
    found = find_cameras(seen_by(rig), list(rig), cloud(), lenses_known=True)
    apart, turned = place_errors(found.rig, rig)
    assert apart < 2e-3
    assert turned < 0.3
    assert found.depth == pytest.approx(1.0, abs=0.05)
    assert np.degrees(found.turning) > 20


def test_lenses_are_found_with_the_places() -> None:
    """Nothing but image sizes known: focal lengths within 15 percent, where the head itself is known."""
    rig = arc_rig(4, degrees=80.0, lens=PLAIN)
    found = find_cameras(seen_by(rig, 0.5), blank(rig), cloud(), lenses_known=False)
    ratio = [a.focal.mean() / b.focal.mean() for a, b in zip(found.rig, rig, strict=True)]
    np.testing.assert_allclose(ratio, 1.0, atol=0.15)


def test_wild_landmarks_do_not_turn_a_pose() -> None:
    """A third of wild landmarks in one image leaves its pose within a degree."""
    camera = arc_rig(1, lens=PLAIN).cameras[0]
    ideal = camera.normalise(camera.project(TURNS[3].apply(cloud())))
    ideal[:20] += 0.1
    pose = pose_heads(Views(ideal[None], np.full((1, COUNT), 1e-3)), cloud())
    assert pose.known.all()
    apart = Rotation.from_matrix(pose.rotation[0]) * (Rotation.from_matrix(camera.R) * TURNS[3]).inv()
    assert np.degrees(apart.magnitude()) < 1


def test_cameras_that_never_see_the_head_together_are_linked_by_a_third() -> None:
    """The first and the last camera share no frame; the middle one shares frames with both."""
    rig = arc_rig(3, degrees=60.0)
    whole = seen_by(rig)
    seen = whole.seen.copy()
    seen[:6, 2] = False
    seen[6:, 0] = False
    found = find_cameras(replace(whole, seen=seen), list(rig), cloud(), lenses_known=True)
    assert place_errors(found.rig, rig)[0] < 5e-3


def test_cameras_without_a_common_frame_are_named() -> None:
    """Nothing links the last camera to the others, and the message says which."""
    rig = arc_rig(3, degrees=60.0)
    whole = seen_by(rig)
    seen = whole.seen.copy()
    seen[:6, 2] = False
    seen[6:, :2] = False
    with pytest.raises(CalibrationError, match="Camera cam2: no frame shows the head"):
        find_cameras(replace(whole, seen=seen), list(rig), cloud(), lenses_known=True)


def test_a_camera_that_sees_nothing_is_left_out_and_named() -> None:
    """The others are placed without it."""
    rig = arc_rig(4, degrees=60.0)
    whole = seen_by(rig)
    seen = whole.seen.copy()
    seen[:, 1] = False
    found = find_cameras(replace(whole, seen=seen), list(rig), cloud(), lenses_known=True)
    assert found.kept.tolist() == [0, 2, 3]
    assert any("cam1" in note and "left out" in note for note in found.notes)
    with pytest.raises(NoFaceError):
        find_cameras(replace(whole, seen=np.zeros_like(seen)), list(rig), cloud(), lenses_known=True)


def test_mirrored_images_are_named() -> None:
    """A head that turns left in three cameras and right in one: its images are mirrored."""
    rig = arc_rig(4, degrees=60.0, lens=PLAIN)
    whole = seen_by(rig)
    # A mirrored face passes for a face, since a detector calls left what looks left: so the landmarks of the
    # mirrored image are those of the head's partner points.
    partners = np.stack([turn.apply(cloud() * [-1.0, 1.0, 1.0]) for turn in TURNS])
    camera = rig.cameras[2]
    mean = whole.mean.copy()
    mean[:, 2] = camera.project(partners)
    mean[:, 2, :, 0] = 2 * camera.principal[0] - mean[:, 2, :, 0]
    with pytest.raises(CalibrationError, match=r"Camera cam2: .*mirrored"):
        find_cameras(replace(whole, mean=mean), list(rig), cloud(), lenses_known=True)
