from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from calibration.from_boards.adjustment.board_images import (
    CAMERA_SIZE,
    LENS_SIZE,
    Images,
    State,
    derivatives,
    residuals,
)
from calibration.from_boards.adjustment.bundle import Options, Prior, adjust
from tests.calibration.boards import BOARD, Array, board_poses
from tests.calibration.rigs import arc_rig, mixed_rig


def a_state(rig: Rig, count: int) -> State:
    lens = np.stack([np.concatenate((c.focal, c.principal, c.distortion)) for c in rig])
    fisheye = np.array([c.fisheye for c in rig])
    R, t = board_poses(count)
    return State(lens, fisheye, np.stack([c.R for c in rig]), np.stack([c.t for c in rig]), R, t)


def all_images(state: State, noise_px: float = 0.0) -> Images:
    cameras, boards = len(state.lens), len(state.board_rotation)
    camera, board = (grid.ravel() for grid in np.meshgrid(np.arange(cameras), np.arange(boards)))
    empty = Images(camera, board, np.zeros((len(camera), len(BOARD.points), 2)))
    pixels = residuals(state, empty, BOARD.points)
    return replace(empty, pixels=pixels + np.random.default_rng(2).normal(0, noise_px, pixels.shape))


def stepped(state: State, camera: int, step: Array) -> State:
    lens, R, t = state.lens.copy(), state.camera_rotation.copy(), state.camera_translation.copy()
    lens[camera] += step[:LENS_SIZE]
    R[camera] = Rotation.from_rotvec(step[LENS_SIZE : LENS_SIZE + 3]).as_matrix() @ R[camera]
    t[camera] += step[LENS_SIZE + 3 :]
    return replace(state, lens=lens, camera_rotation=R, camera_translation=t)


def test_residuals_agree_with_the_camera_model() -> None:
    """The images of the adjustment are those that the cameras themselves would take."""
    rig = arc_rig(2)
    state = a_state(rig, 3)
    images = all_images(state)
    for camera, board, pixels in zip(images.camera, images.board, images.pixels, strict=True):
        world = BOARD.points @ state.board_rotation[board].T + state.board_translation[board]
        np.testing.assert_allclose(pixels, rig.cameras[camera].project(world), atol=1e-9)


def test_derivatives_agree_with_finite_differences() -> None:
    """The analytic derivatives by cameras of all kinds, board poses and points are those of the residuals."""
    state = a_state(mixed_rig(), 2)
    images = all_images(state)
    by = derivatives(state, images, BOARD.points)
    for camera, column in np.ndindex(3, CAMERA_SIZE):
        h = np.zeros(CAMERA_SIZE)
        h[column] = 1e-6
        ends = [residuals(stepped(state, camera, sign * h), images, BOARD.points) for sign in (1, -1)]
        numeric = (ends[0] - ends[1]) / 2e-6
        mine = images.camera == camera
        np.testing.assert_allclose(by.by_camera[mine, ..., column], numeric[mine], rtol=1e-5, atol=1e-4)
    for column in range(6):
        steps = np.zeros((2, 6))
        steps[:, column] = 1e-6
        ends = [residuals(state.boards_moved(sign * steps), images, BOARD.points) for sign in (1, -1)]
        numeric = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(by.by_board[..., column], numeric, rtol=1e-5, atol=1e-4)
    for column in range(3):
        step = np.zeros(3)
        step[column] = 1e-6
        ends = [residuals(state, images, BOARD.points + sign * step) for sign in (1, -1)]
        numeric = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(by.by_point[..., column], numeric, rtol=1e-5, atol=1e-4)


def free_all(count: int) -> np.ndarray:
    free = np.ones((count, CAMERA_SIZE), dtype=bool)
    free[:, 9:LENS_SIZE] = False
    free[0, LENS_SIZE:] = False
    return free


def test_a_disturbed_rig_finds_its_way_back() -> None:
    """From exact corners the adjustment returns to the truth, lens and pose, from a disturbed start."""
    truth = a_state(arc_rig(3), 8)
    images = all_images(truth)
    rng = np.random.default_rng(5)
    start = truth
    for camera in (1, 2):
        lens = [15, 15, 8, 8, 0.02, 0.02, 1e-3, 1e-3, 0, 0, 0, 0]
        step = np.concatenate((rng.normal(0, lens), rng.normal(0, 0.01, 6)))
        start = stepped(start, camera, step)
    start = start.boards_moved(rng.normal(0, 0.01, (8, 6)))
    found = adjust(start, images, BOARD.points, free_all(3), None, Options(np.inf, tolerance=1e-14))
    assert np.abs(found.residuals).max() < 1e-5
    np.testing.assert_allclose(found.state.lens[:, :4], truth.lens[:, :4], atol=1e-3)
    np.testing.assert_allclose(found.state.camera_translation, truth.camera_translation, atol=1e-6)
    np.testing.assert_allclose(found.state.camera_rotation[0], truth.camera_rotation[0], atol=0)


def test_corners_that_are_not_seen_have_no_say() -> None:
    """Half-seen boards lead to the truth as whole ones do, and unseen corners have no residual."""
    truth = a_state(arc_rig(3), 12)
    images = all_images(truth)
    hidden = np.random.default_rng(3).random(images.seen.shape) < 0.5
    images.pixels[hidden] = np.nan
    rng = np.random.default_rng(4)
    start = stepped(truth.boards_moved(rng.normal(0, 0.01, (12, 6))), 1, np.full(CAMERA_SIZE, 1e-3))
    start = replace(start, lens=np.where(np.arange(LENS_SIZE) < 9, start.lens, 0.0))
    found = adjust(start, images, BOARD.points, free_all(3), None, Options(np.inf, tolerance=1e-14))
    assert np.isnan(found.residuals[hidden]).all()
    assert np.abs(found.residuals[~hidden]).max() < 1e-5
    assert found.rms.max() < 1e-5
    np.testing.assert_allclose(found.state.camera_translation, truth.camera_translation, atol=1e-6)


def test_deviations_are_what_repeated_noise_gives() -> None:
    """The stated standard deviations cover the errors: normalised errors are of the size of one."""
    truth = a_state(arc_rig(2), 10)
    found = adjust(truth, all_images(truth, 0.2), BOARD.points, free_all(2), None, Options(np.inf))
    deviations = np.sqrt(np.einsum("cii->ci", found.uncertainty.cameras))
    error = (found.state.lens - truth.lens)[:, :9] / deviations[:, :9]
    assert 0.3 < np.sqrt((error**2).mean()) < 2.0


def test_wrong_corners_have_little_say() -> None:
    """A tenth of grossly wrong corners hardly moves the result of the robust loss."""
    truth = a_state(arc_rig(2), 10)
    images = all_images(truth, 0.1)
    images.pixels[:, :5] += 40.0
    found = adjust(truth, images, BOARD.points, free_all(2))
    np.testing.assert_allclose(found.state.camera_translation, truth.camera_translation, atol=2e-3)


def test_a_prior_decides_what_the_corners_do_not() -> None:
    """Unknowns that the images barely constrain stay near what is believed."""
    truth = a_state(arc_rig(1, lens=np.zeros(5)), 1)
    mean = truth.lens.copy()
    sigma = np.full((1, LENS_SIZE), np.inf)
    sigma[:, 2:4], sigma[:, 4:] = 5.0, 1e-3
    found = adjust(truth, all_images(truth, 0.3), BOARD.points, free_all(1), Prior(mean, sigma))
    assert np.abs(found.state.lens - mean)[0, 2:4].max() < 15
    assert np.abs(found.state.lens)[0, 4:].max() < 5e-3
