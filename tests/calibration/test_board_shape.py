"""Boards that are not as they should be: stretched paper, a bowed plate."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.boards.checkerboard import Checkerboard
from calibration.camera import Rig
from calibration.from_boards.adjustment.shape_prior import Refinement, ShapePrior
from calibration.from_boards.calibrate import BoardCalibration, BoardOptions, calibrate_board
from tests.calibration.board_rigs import normalised_errors, ring_rig, see_parts, spun_boards
from tests.calibration.boards import BOARD, Array, sizes


def warped(points: Array, *, stretch: float = 0.0, bow: float = 0.0) -> Array:
    """Points (N, 3) with one side longer and the other shorter by a share, and bowed by some metres."""
    x, y, _ = points.T
    return np.stack((x * (1 + stretch), y * (1 - stretch), bow * (1 - (x / x.max()) ** 2)), axis=-1)


def aligned(points: Array, target: Array) -> Array:
    """Points (N, 3) moved, turned and scaled to the target: what no images can tell is taken out."""
    a, b = points - points.mean(axis=0), target - target.mean(axis=0)
    turn, _ = Rotation.align_vectors(b, a)
    turned = turn.apply(a)
    return np.asarray(turned * (turned * b).sum() / (a**2).sum() + target.mean(axis=0))


def calibrate(
    truth: Rig, real: Array, refine: Refinement | str | None, board: Checkerboard = BOARD
) -> BoardCalibration:
    corners = see_parts(truth, spun_boards(16, degrees=60), real, 0.15)
    options = BoardOptions(refine_board=refine)  # type: ignore[arg-type]
    return calibrate_board(corners, sizes(truth), board, options=options)


def focal_error(result: BoardCalibration, truth: Rig) -> float:
    return max(float(np.abs(camera.focal - truth[camera.name].focal).max()) for camera in result.rig)


@pytest.mark.parametrize(
    ("stretch", "bow", "refine"), [(0.004, 0.0, "flat"), (0.0, 0.001, "free"), (0.004, 0.001, "auto")]
)
def test_a_board_that_is_off_is_found_out(stretch: float, bow: float, refine: str) -> None:
    """Its points come to 0.08 mm but for their mean size, and the cameras are better for it."""
    truth = ring_rig(2, degrees=50)
    real = warped(BOARD.points, stretch=stretch, bow=bow)
    held, result = calibrate(truth, real, None), calibrate(truth, real, refine)
    off = np.linalg.norm(aligned(result.joint.points, real) - real, axis=1)
    assert np.sqrt((off**2).mean()) < 8e-5
    assert max(result.residual_px.values()) < 0.23 < max(held.residual_px.values())
    assert focal_error(result, truth) < 0.4 * focal_error(held, truth)
    assert 0 < result.joint.point_deviations[:, 0].max() < 1e-4
    (note,) = (note for note in result.rig.notes if "board" in note)
    assert note.startswith("the board's points are off by")
    lenses = [normalised_errors(result, truth)[kind] for kind in ("focal", "principal", "distortion")]
    assert np.abs(np.concatenate(lenses)).max() < 4


def test_a_good_board_is_left_alone() -> None:
    """Where the corners do not ask for it, the board is as it was said to be, to the digit."""
    result = calibrate(ring_rig(2, degrees=50), BOARD.points, "auto")
    np.testing.assert_array_equal(result.joint.points, BOARD.points)
    assert not result.joint.point_deviations.any()


def test_a_board_that_looks_the_same_turned_is_refined_in_ways_that_do_too() -> None:
    """Its two ends are not told apart, so a stretch is found and stays the same for both."""
    board = Checkerboard((9, 7), 0.03)
    assert board.turned is not None
    real = warped(board.points, stretch=0.004)
    result = calibrate(ring_rig(2, degrees=50), real, "flat", board)
    points = result.joint.points
    np.testing.assert_allclose(points[board.turned], points * [-1, -1, 1], atol=1e-6)
    off = np.linalg.norm(aligned(points, real) - real, axis=1)
    assert np.sqrt((off**2).mean()) < 8e-5


@pytest.mark.parametrize(("kind", "gauge"), [("flat", 4), ("free", 7)])
def test_the_place_and_the_size_of_the_board_are_held(kind: Refinement, gauge: int) -> None:
    """Moving, turning or scaling the points as a whole is far stiffer than bending them."""
    prior = ShapePrior(BOARD.points, 1e-3, kind)
    matrix, gradient = prior.quadratic(BOARD.points, 1.0)
    stiffness = np.linalg.eigvalsh(matrix)
    assert (stiffness > 100 * stiffness[0]).sum() == gauge
    assert not gradient.any()
