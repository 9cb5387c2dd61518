"""Each mistake that is planted in a rig of eight cameras is named, and undone; a good rig is called good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from fitting.camera_checks.agreement import Agreement
from fitting.camera_checks.diagnosis import Diagnosis, diagnose
from fitting.camera_checks.footage import exchanged, mirrored_back, turned
from fitting.camera_checks.sample import Sample
from tests.fitting import eight_cameras as planted
from tests.fitting.eight_cameras import EVERY, detected, eight_cameras, seen, seen_exactly, with_k

Array = NDArray[np.float64]
Look = Callable[..., Sample]

NEAR = 0.16
"""Metres: a head-mounted rig, whose lenses bend the head by tens of pixels."""

ALL: dict[str, planted.Change] = {
    "inverse-pose": planted.camera_to_world,
    "opengl-axes": planted.opengl,
    "inverse-pose-opengl": lambda camera: planted.camera_to_world(planted.opengl(camera)),
    "left-handed": planted.left_handed,
    "mirrored-axis": planted.mirrored_place,
    "transposed-rotation": lambda camera: replace(camera, R=camera.R.T),
    "centre-as-translation": lambda camera: replace(camera, t=camera.centre),
    "unit": planted.in_unit(1000.0),
    "scaled-intrinsics": with_k(planted.at_half_size),
    "principal-point-from-middle": planted.offset_from_middle,
    "principal-point-swapped": with_k(planted.cx_for_cy),
    "turned-images": partial(turned, quarters=2),
}
"""Mistakes that can be made with all cameras, and with one."""

OFTEN = ("inverse-pose", "opengl-axes", "mirrored-axis", "unit", "principal-point-swapped")
"""Those that the fast tests look at."""

MARKED = [kind if kind in OFTEN else pytest.param(kind, marks=pytest.mark.slow) for kind in ALL]


def named(found: Diagnosis) -> list[tuple[str, tuple[str, ...]]]:
    return [(mistake.kind, mistake.cameras) for mistake in found.mistakes]


def apart(rig: Rig, truth: Rig) -> tuple[float, float, float]:
    """How far two rigs differ, the first camera held: radians, metres, pixels of K."""
    first, held = truth.cameras[0], rig.cameras[0]
    turn, place, lens = [], [], []
    for camera, true in zip(rig, truth, strict=True):
        relative = (camera.R @ held.R.T) @ (true.R @ first.R.T).T
        turn.append(np.arccos(np.clip((np.trace(relative) - 1) / 2, -1, 1)))
        ours, theirs = held.to_camera(camera.centre), first.to_camera(true.centre)
        place.append(float(np.linalg.norm(ours - theirs)))
        lens.append(float(np.abs(camera.K - true.K).max()))
    return max(turn), max(place), max(lens)


def assert_undone(found: Diagnosis, kind: str, cameras: tuple[int, ...]) -> None:
    """The mistake alone is named, in these cameras alone, and the corrected rig is the true one."""
    assert named(found) == [(kind, tuple(f"cam{index}" for index in cameras))]
    turn, place, lens = apart(found.rig, eight_cameras())
    assert turn < 1e-6
    assert place < 1e-8
    assert lens < 1e-8
    assert found.after.badness < 1


@pytest.mark.parametrize("kind", MARKED)
def test_a_mistake_in_all_cameras_is_named_and_undone(kind: str) -> None:
    """With landmarks that are off by 3 px as a detector's are: the rig is restored to rounding."""
    sample = detected().with_cameras(ALL[kind], EVERY)
    assert_undone(diagnose(sample), kind, EVERY)


@pytest.mark.parametrize("kind", ["inverse-pose", "left-handed", "unit", "turned-images"])
def test_a_mistake_in_one_camera_is_named_and_undone(kind: str) -> None:
    """It is told which camera, and the others are let alone."""
    sample = detected().with_cameras(ALL[kind], (2,))
    assert_undone(diagnose(sample), kind, (2,))


@pytest.mark.slow
@pytest.mark.parametrize("look", [detected, seen])
@pytest.mark.parametrize("cameras", [EVERY, (5,)])
@pytest.mark.parametrize("kind", ALL)
def test_mistakes_are_named_whoever_the_actor_is(kind: str, cameras: tuple[int, ...], look: Look) -> None:
    """And with independent errors of one pixel too."""
    assert_undone(diagnose(look(1).with_cameras(ALL[kind], cameras)), kind, cameras)


@pytest.mark.parametrize(
    ("pair", "look"),
    [((1, 5), seen), ((0, 7), detected), pytest.param((3, 4), detected, marks=pytest.mark.slow)],
)
def test_swapped_cameras_are_named_and_undone(pair: tuple[int, int], look: Look) -> None:
    """Those at the ends of the arc and in its middle see the head nearly as each other's mirror image."""
    assert_undone(diagnose(exchanged(look(), *pair)), "swapped", pair)


@pytest.mark.parametrize("look", [detected])
def test_mirrored_images_are_named_but_no_rig_mends_them(look: Look) -> None:
    """The footage has to be mended: the rig stays as it is."""
    found = diagnose(mirrored_back(look(), (4,)))
    assert named(found) == [("mirrored-images", ("cam4",))]
    assert not found.mends
    assert apart(found.rig, eight_cameras()) == pytest.approx((0, 0, 0), abs=1e-7)


@pytest.mark.parametrize("frames", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_camera_that_is_out_of_step_is_named(frames: int) -> None:
    """By how many frames, as long as the head moves."""
    found = diagnose(planted.out_of_step(5, frames))
    assert named(found) == [("out-of-sync", ("cam5",))]
    assert f"{frames} frame{'s' if frames > 1 else ''} early" in found.mistakes[0].what


@pytest.mark.parametrize(("degrees", "metres"), [(2.0, 0.0), (15.0, 0.06)])
def test_a_moved_camera_is_named_and_placed_again(degrees: float, metres: float) -> None:
    """From landmarks that are off by a pixel: to 0.4 degrees and 3 mm."""
    sample = seen().with_cameras(planted.moved(degrees, metres), (3,))
    found = diagnose(sample)
    assert named(found) == [("moved", ("cam3",))]
    turn, place, _ = apart(found.rig, eight_cameras())
    assert np.degrees(turn) < 0.4
    assert place < 0.003


def test_a_moved_camera_is_named_with_a_detectors_errors_too() -> None:
    """To about half a degree and 6 mm: its errors are a third of that."""
    found = diagnose(detected().with_cameras(planted.moved(5.0, 0.03), (3,)))
    assert named(found) == [("moved", ("cam3",))]
    turn, place, _ = apart(found.rig, eight_cameras())
    assert np.degrees(turn) < 1.5
    assert place < 0.01


def test_images_of_another_size_are_told_from_the_calibration() -> None:
    """Half of it: K is scaled, with the centre of the first pixel at (0, 0) in either."""
    truth = seen()
    given = replace(truth, sizes=truth.sizes // 2, pixels=(truth.pixels + 0.5) / 2 - 0.5)
    found = diagnose(given)
    assert named(found) == [("image-size", tuple(truth.rig.names))]
    assert "scaled" in found.mistakes[0].what
    for camera, true in zip(found.rig, truth.rig, strict=True):
        assert camera.size == (640, 512)
        np.testing.assert_allclose(camera.principal, (true.principal + 0.5) / 2 - 0.5)


def test_cropped_images_are_told_from_the_calibration() -> None:
    """About the middle, in one camera."""
    truth = detected()
    pixels, sizes = truth.pixels.copy(), truth.sizes.copy()
    pixels[:, :, 3] -= (100, 50)
    sizes[3] -= (200, 100)
    found = diagnose(replace(truth, pixels=pixels, sizes=sizes))
    assert named(found) == [("image-size", ("cam3",))]
    assert "cropped about the middle" in found.mistakes[0].what
    np.testing.assert_allclose(found.rig["cam3"].principal, truth.rig["cam3"].principal - (100, 50))


def test_images_turned_by_a_quarter_are_told_by_their_size() -> None:
    """Portrait instead of landscape; the tangential distortion turns with them."""
    truth = seen_exactly()
    found = diagnose(truth.with_cameras(partial(turned, quarters=1), (6,)))
    assert named(found) == [("image-size", ("cam6",))]
    assert "turned by 90 degrees" in found.mistakes[0].what
    assert apart(found.rig, eight_cameras()) == pytest.approx((0, 0, 0), abs=1e-6)
    np.testing.assert_allclose(found.rig["cam6"].distortion, truth.rig["cam6"].distortion)


@pytest.mark.parametrize("shift", [0.5, pytest.param(-0.5, marks=pytest.mark.slow)])
def test_half_a_pixel_is_named_with_exact_landmarks(shift: float) -> None:
    """COLMAP's convention, forgotten or applied twice."""
    sample = seen_exactly()
    given = sample.with_cameras(with_k(lambda K: planted.shifted(K, shift)), EVERY)
    found = diagnose(given)
    assert_undone(found, "half-pixel", EVERY)
    assert ("too far right" in found.mistakes[0].what) == (shift > 0)


def test_half_a_pixel_is_said_to_be_seen_or_not() -> None:
    """Independent errors of a pixel show it; a detector's habits of 3 px hide it, and that is said."""
    half = with_k(lambda K: planted.shifted(K, 0.5))
    found = diagnose(seen().with_cameras(half, EVERY))
    assert named(found) == [("half-pixel", tuple(found.rig.names))]
    hidden = diagnose(detected().with_cameras(half, EVERY))
    assert named(hidden) == []
    (said,) = (each for each in hidden.detectable if each.kind == "half-pixel")
    assert not said.detectable
    assert abs(said.shown.value - 1) < 3 * said.shown.error


@pytest.mark.parametrize(
    ("look", "cameras"),
    [
        (detected, EVERY),
        pytest.param(seen, (2,), marks=pytest.mark.slow),
        pytest.param(seen, EVERY, marks=pytest.mark.slow),
        pytest.param(detected, (2,), marks=pytest.mark.slow),
    ],
)
def test_missing_undistortion_is_named_and_found(look: Look, cameras: tuple[int, ...]) -> None:
    """The coefficients that are found bend the head as the true ones do, to a tenth of what they do."""
    rig = eight_cameras(distance=NEAR)
    found = diagnose(look(0, rig).with_cameras(planted.straight, cameras))
    assert named(found) == [("missing-distortion", tuple(f"cam{index}" for index in cameras))]
    assert found.after.residual_px.max() < 1.15 * Agreement.of(look(0, rig)).residual_px.max()
    ring = 0.45 * np.stack([np.cos(np.arange(12)), np.sin(np.arange(12)), np.full(12, 1 / 0.45)], axis=-1)
    for index in cameras:
        here, true, straight = (
            in_front(camera).project(ring)
            for camera in (found.rig.cameras[index], rig.cameras[index], planted.straight(rig.cameras[index]))
        )
        assert np.abs(here - true).max() < 0.35 * np.abs(straight - true).max()


@pytest.mark.parametrize("look", [detected, pytest.param(seen, marks=pytest.mark.slow)])
def test_images_that_are_undistorted_already_are_named(look: Look) -> None:
    """The coefficients are set to zero."""
    rig = eight_cameras(distance=NEAR)
    sample = look(0, eight_cameras(False, NEAR)).with_rig(rig)
    found = diagnose(sample)
    assert named(found) == [("already-undistorted", tuple(rig.names))]
    assert not any(camera.distortion.any() for camera in found.rig)


def test_coefficients_in_another_order_are_named() -> None:
    """k1 k2 k3 p1 p2 for k1 k2 p1 p2 k3."""
    rig = eight_cameras(distance=NEAR)
    found = diagnose(seen(0, rig).with_cameras(planted.third_last, EVERY))
    assert named(found) == [("distortion-order", tuple(rig.names))]
    np.testing.assert_allclose(found.rig["cam4"].distortion, rig["cam4"].distortion)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
@pytest.mark.parametrize("look", [seen, detected])
def test_a_good_rig_raises_no_alarm(look: Look, seed: int) -> None:
    """Whoever the actor is; also where lenses bend strongly, and rightly so."""
    rig = eight_cameras(distance=NEAR) if seed % 2 else eight_cameras()
    found = diagnose(look(seed, rig))
    assert named(found) == []
    assert found.contradicting == ()
    assert 0.8 < found.after.scale < 1.2
    assert found.after.badness < 0.8


def test_several_mistakes_are_named_one_after_the_other() -> None:
    """OpenGL's axes everywhere, millimetres, one camera inverted, two swapped."""
    sample = exchanged(detected(), 1, 6).with_cameras(planted.camera_to_world, (4,))
    sample = sample.with_cameras(lambda camera: planted.opengl(planted.in_unit(1000.0)(camera)), EVERY)
    found = diagnose(sample)
    assert {kind for kind, _ in named(found)} == {"opengl-axes", "unit", "inverse-pose", "swapped"}
    assert apart(found.rig, eight_cameras()) == pytest.approx((0, 0, 0), abs=1e-6)


def test_what_no_known_mistake_explains_is_called_a_contradiction() -> None:
    """A camera that looks at something else altogether; nothing is made up."""
    sample = seen()
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 1000, sample.pixels[:, :, 3].shape)
    found = diagnose(sample.with_pixels(3, pixels))
    assert named(found) == []
    assert found.contradicting == ("cam3",)


def in_front(camera: Camera) -> Camera:
    """Its lens alone."""
    return replace(camera, R=np.eye(3), t=np.zeros(3))
