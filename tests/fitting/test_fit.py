"""What a studio relies on of a fit: the truth comes back, and what was not seen is told."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError, NoFaceError
from fitting.evaluate import interocular_distance, surface_error
from fitting.fit import FitOptions, FitStart, FitWeights, fit_performance
from fitting.observations import Observations
from fitting.parameters import CAMERA_GROUPS
from fitting.performance import FrameStatus, Performance
from fitting.posed import posed_vertices
from fitting.rehearsal import Rehearsal
from tests.fitting.scenes import head, scene, vertex_errors

EXACT = FitOptions(
    weights=FitWeights(identity=0.01, expression=0.1, joints=1.0, temporal=0.0),
    robust="none",
    sigma_floor=0.0,
    landmark_spread=0.0,
    tolerance=0.01,
)


def fit(truth: Rehearsal, options: FitOptions | None = None, **changes: object) -> Performance:
    observations = replace(truth.observations, **changes)  # type: ignore[arg-type]
    return fit_performance(head(), observations, truth.rig, options)


@lru_cache
def exact() -> tuple[Rehearsal, Performance]:
    truth = scene()
    return truth, fit(truth, EXACT)


@lru_cache
def noisy() -> tuple[Rehearsal, Performance]:
    truth = scene(noise=1.0)
    return truth, fit(truth)


def test_exact_landmarks_give_the_surface_back() -> None:
    """Without noise the fitted face is within 0.2 mm of the true one, in the world and unaligned."""
    truth, performance = exact()
    face = head().region("face")[::5]
    for frame, vertices in enumerate(truth.vertices):
        fitted = posed_vertices(head(), performance, frame)
        assert surface_error(vertices[face], fitted, head().triangles, align=False).mean() < 2e-4
    assert performance.converged
    assert performance.reprojection_px < 0.1


def test_exact_landmarks_give_pose_and_expression_back() -> None:
    """The gaze, the turn of the head and a blink are read off as they were."""
    truth, performance = exact()
    np.testing.assert_allclose(performance.pose[:, :3], truth.pose[:, :3], atol=0.03)
    for name in ("jawOpen", "eyeBlinkLeft"):
        column = head().expression_names.index(name)
        np.testing.assert_allclose(performance.expression[:, column], truth.expression[:, column], atol=0.1)


def test_a_pixel_of_noise_costs_half_a_millimetre() -> None:
    """With independent noise of a pixel the vertices of the face stay within 0.5 mm, median."""
    truth, performance = noisy()
    assert performance.converged
    assert np.median(vertex_errors(performance, truth)) < 5e-4
    assert performance.reprojection_px == pytest.approx(1.25, abs=0.15)


def test_the_result_is_physical() -> None:
    """Eyes are 55 to 75 mm apart, expressions lie in [0, 1], and energies add up to their total."""
    _, performance = noisy()
    assert 0.055 < interocular_distance(head(), performance.identity) < 0.075
    assert performance.expression.min() >= 0.0
    assert performance.expression.max() <= 1.0
    terms = dict(performance.energies)
    assert terms.pop("total") == pytest.approx(sum(terms.values()))


def test_progress_goes_forward_to_its_end() -> None:
    """The callback's count never falls, and ends at the total."""
    truth, heard = scene(frames=(1001, 1002), noise=1.0), []
    fit_performance(head(), truth.observations, truth.rig, progress=lambda *each: heard.append(each))
    done, totals, _ = zip(*heard, strict=True)
    assert sorted(done) == list(done)
    assert set(totals) == {done[-1]}


def test_the_order_of_the_cameras_does_not_matter() -> None:
    """Cameras listed backwards give the same performance."""
    truth, performance = noisy()
    seen = truth.observations
    turned = replace(truth, rig=Rig(truth.rig.cameras[::-1]))
    backwards = fit(turned, None, mean=seen.mean[:, ::-1], sigma=seen.sigma[:, ::-1], seen=seen.seen[:, ::-1])
    np.testing.assert_allclose(backwards.pose, performance.pose, atol=2e-3)
    apart = posed_vertices(head(), backwards, 1) - posed_vertices(head(), performance, 1)
    assert np.linalg.norm(apart[head().region("face")], axis=-1).max() < 2e-4


def turned_studio(truth: Rehearsal, turn: Rotation, shift: NDArray[np.float64]) -> Rig:
    """The same cameras in a world that is turned and shifted."""
    back = turn.inv().as_matrix()
    return Rig(tuple(replace(c, R=c.R @ back, t=c.t - c.R @ back @ shift) for c in truth.rig))


def test_an_actor_may_face_anywhere_in_the_studio() -> None:
    """A world turned by half a turn and shifted by metres changes nothing but the world."""
    truth, performance = noisy()
    turn, shift = Rotation.from_rotvec([0.0, np.pi, 0.0]), np.array([3.0, 1.5, -2.0])
    moved = fit(replace(truth, rig=turned_studio(truth, turn, shift)))
    expected = turn.apply(posed_vertices(head(), performance, 2)) + shift
    np.testing.assert_allclose(posed_vertices(head(), moved, 2), expected, atol=2e-4)


def test_unseen_frames_are_interpolated_and_single_views_are_flagged() -> None:
    """Gaps in frame numbers, a frame that none sees, and one that a single camera sees."""
    truth = scene(frames=(1001, 1002, 1003, 1007, 1008), noise=0.5)
    seen = truth.observations.seen.copy()
    seen[1, 1:] = False
    seen[2] = False
    performance = fit(truth, seen=seen)
    fine, single, none = FrameStatus.FITTED, FrameStatus.SINGLE_VIEW, FrameStatus.INTERPOLATED
    assert performance.status.tolist() == [fine, single, none, fine, fine]
    assert np.isnan(performance.residual_px[2]).all()
    assert np.isnan(performance.residual_px[1, 1:]).all()
    assert np.isfinite(performance.residual_px[1, 0]).all()
    assert np.median(vertex_errors(performance, truth)[1]) < 5e-3
    # 1003 lies a fifth of the way from 1002 to 1007
    between = 0.8 * performance.expression[1] + 0.2 * performance.expression[3]
    np.testing.assert_allclose(performance.expression[2], between)
    assert np.median(vertex_errors(performance, truth)[2]) < 0.03


def test_one_calibrated_camera_is_enough_for_a_fit() -> None:
    """A single view gives a face that reprojects onto its landmarks, flagged as a single view."""
    truth = scene(frames=(1001, 1002), cameras=1, noise=0.5)
    performance = fit(truth)
    assert (performance.status == FrameStatus.SINGLE_VIEW).all()
    assert performance.reprojection_px < 1.0
    assert 0.05 < interocular_distance(head(), performance.identity) < 0.08


def test_wild_landmarks_hardly_matter() -> None:
    """One landmark in ten that is 40 px off, and sure of itself, costs less than a millimetre."""
    truth = scene(noise=1.0)
    mean = truth.observations.mean.copy()
    wild = np.random.default_rng(0).random(mean.shape[:3]) < 0.1
    mean[wild] += 40.0
    performance = fit(truth, mean=mean)
    assert np.median(vertex_errors(performance, truth)) < 1e-3


def test_an_identity_known_before_is_kept_to_the_bit() -> None:
    """A frozen identity comes back as given, and the performance is fitted with it."""
    truth = scene(noise=0.5)
    options = FitOptions(frozen=frozenset({"identity", *CAMERA_GROUPS}))
    start = FitStart(identity=truth.identity)
    performance = fit_performance(head(), truth.observations, truth.rig, options, start=start)
    np.testing.assert_array_equal(performance.identity, truth.identity)
    assert np.median(vertex_errors(performance, truth)) < 5e-4


def test_a_frozen_expression_and_pose_are_kept() -> None:
    """With everything but the identity frozen, expression comes back as given and the head stays."""
    truth = scene(noise=0.5)
    options = FitOptions(frozen=frozenset({"expression", "pose", *CAMERA_GROUPS}))
    start = FitStart(truth.identity, truth.expression, truth.pose)
    performance = fit_performance(head(), truth.observations, truth.rig, options, start=start)
    np.testing.assert_array_equal(performance.expression, truth.expression)
    np.testing.assert_allclose(performance.pose[:, :12], truth.pose[:, :12], atol=1e-9)


def nudged(camera: Camera, seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(rng.normal(0, 0.003, 3)).as_matrix()
    return replace(camera, R=turn @ camera.R, t=turn @ camera.t + rng.normal(0, 0.002, 3))


def test_cameras_that_are_a_little_wrong_are_refined() -> None:
    """Free cameras move to where they were, and the scale is kept."""
    truth = scene(noise=0.3)
    first, *others = truth.rig
    wrong = Rig((first, *(nudged(camera, seed) for seed, camera in enumerate(others))))
    free = FitOptions(frozen=frozenset({"focal", "distortion"}))
    held = fit_performance(head(), truth.observations, wrong)
    refined = fit_performance(head(), truth.observations, wrong, free)
    assert refined.reprojection_px < 0.7 < held.reprojection_px

    def size(rig: Rig) -> float:
        centres = np.array([camera.centre for camera in rig])
        return float(np.sqrt(np.square(centres - centres.mean(0)).sum(1).mean()))

    assert size(refined.rig) == pytest.approx(size(wrong), rel=1e-3)
    face = truth.vertices[1][head().region("face")[::5]]
    # The wrong rig has a wrong scale and place, which stay: only the shape can be judged.
    shape = surface_error(face, posed_vertices(head(), refined, 1), head().triangles)
    assert shape.mean() < 5e-4


def test_a_landmark_that_is_no_number_names_frame_and_camera() -> None:
    """NaN in the input is refused before anything is fitted, and says where it is."""
    truth = scene(noise=0.5)
    mean = truth.observations.mean.copy()
    mean[2, 1, 5] = np.nan
    with pytest.raises(InputError, match="Frame 1003, camera cam1"):
        fit(truth, mean=mean)
    sigma = truth.observations.sigma.copy()
    sigma[1, 2, 0] = 0.0
    with pytest.raises(InputError, match="Frame 1002, camera cam2"):
        fit(truth, sigma=sigma)


def test_a_landmark_with_infinite_sigma_is_left_out() -> None:
    """Infinite uncertainty says that a landmark is to be ignored, whatever its position."""
    truth = scene(noise=0.5)
    mean, sigma = truth.observations.mean.copy(), truth.observations.sigma.copy()
    mean[:, 0, 3], sigma[:, 0, 3] = np.nan, np.inf
    performance = fit(truth, mean=mean, sigma=sigma)
    assert np.isnan(performance.residual_px[:, 0, 3]).all()
    assert np.median(vertex_errors(performance, truth)) < 5e-4


def test_nothing_seen_is_told_plainly() -> None:
    """A sequence without a face is an error of its own kind."""
    truth = scene()
    with pytest.raises(NoFaceError, match="no camera sees a face"):
        fit(truth, seen=np.zeros_like(truth.observations.seen))


def test_observations_that_do_not_belong_together_are_refused() -> None:
    """Shapes that disagree and frames out of order are met before the fit."""
    seen = scene().observations
    with pytest.raises(InputError, match="do not belong together"):
        replace(seen, sigma=seen.sigma[:, :2])
    with pytest.raises(InputError, match="do not increase"):
        Observations(seen.frames[::-1], seen.mean, seen.sigma, seen.seen, seen.points)
