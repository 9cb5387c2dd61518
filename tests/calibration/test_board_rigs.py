"""Rigs of many cameras: boards seen in part, chains of cameras, lenses filmed apart, honest deviations."""

import time

import numpy as np
import pytest

from calibration.boards.checkerboard import Checkerboard
from calibration.camera import Rig
from calibration.errors import CalibrationError, InputError, UsageError
from calibration.from_boards.calibrate import BoardCalibration, BoardOptions, calibrate_board
from tests.calibration.board_rigs import (
    Array,
    Corners,
    near_boards,
    normalised_errors,
    ring_rig,
    see_parts,
    spun_boards,
)
from tests.calibration.boards import BOARD, sizes


def assert_honest(result: BoardCalibration, truth: Rig) -> None:
    """Errors are of the size of the deviations that are stated for them, and hardly any is beyond three."""
    errors = normalised_errors(result, truth)
    for kind, values in errors.items():
        assert np.sqrt((values**2).mean()) < 1.8, kind
    everything = np.concatenate(list(errors.values()))
    assert 0.4 < np.sqrt((everything**2).mean()) < 1.4
    assert (np.abs(everything) < 3).mean() > 0.985


@pytest.mark.parametrize(("count", "noise_px"), [(4, 0.1), pytest.param(17, 0.3, marks=pytest.mark.slow)])
def test_a_rig_is_as_good_as_it_says(count: int, noise_px: float) -> None:
    """Lenses and poses come within the deviations that are stated for them."""
    truth = ring_rig(count, degrees=360 if count > 4 else 80)
    poses = spun_boards(24, degrees=360 if count > 4 else 80)
    corners = see_parts(truth, poses, BOARD.points, noise_px)
    result = calibrate_board(corners, sizes(truth), BOARD)
    assert not result.left_out
    assert not result.rejected
    assert_honest(result, truth)


@pytest.mark.slow
def test_a_hundred_cameras_take_no_two_minutes() -> None:
    """100 cameras by 60 boards, corners found already: in time on one core, and as good as stated."""
    truth = ring_rig(100)
    corners = see_parts(truth, spun_boards(60), BOARD.points)
    start = time.process_time()
    result = calibrate_board(corners, sizes(truth), BOARD)
    assert time.process_time() - start < 120
    assert len(result.rig) == 100
    assert not result.rejected
    assert_honest(result, truth)


def test_cameras_that_never_share_a_board_are_chained() -> None:
    """In a ring where each board is seen by neighbours only, cameras that stand opposite are placed too."""
    truth = ring_rig(8)
    corners = see_parts(truth, spun_boards(60), BOARD.points, facing=0.6)
    assert not set(corners["c000"]) & set(corners["c004"])
    result = calibrate_board(corners, sizes(truth), BOARD)
    assert len(result.rig) == 8
    assert not result.rejected
    assert_honest(result, truth)


def only(pixels: Array, count: int, rng: np.random.Generator) -> Array:
    """Corners (N, 2) of which some are seen no more, so that this many are left."""
    left = pixels.copy()
    seen = np.flatnonzero(np.isfinite(pixels).all(axis=1))
    left[rng.permutation(seen)[count:]] = np.nan
    return left


def hidden(corners: Corners) -> Corners:
    """About half of the corners, and now and then next to none."""
    rng = np.random.default_rng(5)
    counts = (4, 20, 25, 30, 35)
    return {
        name: {frame: only(pixels, rng.choice(counts), rng) for frame, pixels in frames.items()}
        for name, frames in corners.items()
    }


def test_boards_seen_in_part_calibrate_a_rig() -> None:
    """Half of the corners will do; images with too few of them are rejected with their number."""
    truth = ring_rig(3, degrees=50)
    corners = hidden(see_parts(truth, spun_boards(40, degrees=50), BOARD.points))
    result = calibrate_board(corners, sizes(truth), BOARD)
    assert_honest(result, truth)
    assert result.rejected
    for one in result.rejected:
        count = int(np.isfinite(corners[one.camera][one.frame]).all(axis=1).sum())
        assert one.reason == f"only {count} corners were seen; 6 are needed, and not in line"
        assert not one.lens


def test_parts_of_boards_that_look_the_same_when_turned_are_told_by_the_other_cameras() -> None:
    """Half-seen corners may be listed from either end, camera by camera."""
    board = Checkerboard((9, 7), 0.03)
    truth = ring_rig(3, degrees=50)
    corners = hidden(see_parts(truth, spun_boards(25, degrees=50), board.points))
    corners["c001"] = {
        frame: pixels[::-1] if frame % 3 else pixels for frame, pixels in corners["c001"].items()
    }
    result = calibrate_board(corners, sizes(truth), board)
    assert all("only" in one.reason for one in result.rejected)
    assert_honest(result, truth)


def test_images_for_the_lens_alone_serve_the_lens_alone() -> None:
    """A camera with few shared images gets its lens from images of its own, whatever their numbers are."""
    truth = ring_rig(2, degrees=40)
    poses = spun_boards(8, degrees=40)
    shared = see_parts(truth, poses, BOARD.points)
    own = {
        camera.name: see_parts(Rig((camera,)), near_boards(camera, 25, seed=7 + index), BOARD.points)[
            camera.name
        ]
        for index, camera in enumerate(truth)
    }
    own["c001"][1001] = only(own["c001"][1001], 4, np.random.default_rng(0))
    few = calibrate_board(shared, sizes(truth), BOARD)
    result = calibrate_board(shared, sizes(truth), BOARD, lens_images=own)
    assert_honest(result, truth)
    assert result.counts["c000"].images == 8 + len(own["c000"])
    assert result.counts["c000"].poses == few.counts["c000"].poses == 8
    assert result.counts["c000"].lens == 8 + len(own["c000"])
    (poor,) = result.rejected
    assert (poor.camera, poor.frame, poor.of_lens) == ("c001", 1001, True)
    for name in truth.names:
        assert (result.deviations[name].focal < 0.5 * few.deviations[name].focal).all()
    with pytest.raises(UsageError, match="the camera with images for its lens 'front' is unknown"):
        calibrate_board(shared, sizes(truth), BOARD, lens_images={"front": {}})


def test_a_camera_with_images_for_its_lens_alone_cannot_be_placed() -> None:
    """It is left out, and the reason says what is missing."""
    truth = ring_rig(3, degrees=40)
    shared = see_parts(truth, spun_boards(12, degrees=40), BOARD.points)
    own, shared["c002"] = {"c002": shared["c002"]}, {}
    result = calibrate_board(shared, sizes(truth), BOARD, lens_images=own)
    assert result.rig.names == ("c000", "c001")
    assert result.left_out["c002"].what.startswith("in no frame is the board seen both by c002 and by")


def test_a_reference_that_stands_apart_does_not_take_the_rig_with_it() -> None:
    """By default the world is that of a camera that most others can be placed by; a named one is an error."""
    truth = ring_rig(5, degrees=70)
    corners = see_parts(truth, spun_boards(16, degrees=70), BOARD.points)
    corners["c000"] = {frame + 100: pixels for frame, pixels in corners["c000"].items()}
    result = calibrate_board(corners, sizes(truth), BOARD, options=BoardOptions(offsets="keep"))
    assert result.reference == "c001"
    assert list(result.left_out) == ["c000"]
    assert_honest(result, truth)


def test_a_stream_that_is_half_out_of_sync_is_placed_by_its_other_half() -> None:
    """Late images that agree with each other, but are fewer, neither bend the camera nor lose it."""
    truth = ring_rig(6, degrees=70)
    R, t = spun_boards(24, degrees=50)
    corners = see_parts(truth, (R, t), BOARD.points)
    shifted = see_parts(truth, (R, t + np.array([0.004, -0.003, 0.002])), BOARD.points)["c004"]
    late = [frame for frame in corners["c004"] if 1009 <= frame < 1019 and frame in shifted]
    corners["c004"] |= {frame: shifted[frame] for frame in late}
    result = calibrate_board(corners, sizes(truth), BOARD, options=BoardOptions(offsets="keep"))
    assert not result.left_out
    assert {(one.camera, one.frame) for one in result.rejected} == {("c004", frame) for frame in late}
    assert_honest(result, truth)


def test_empty_images_and_the_wrong_board_are_named() -> None:
    """No camera, a camera without images, and corners of another board are errors that say so."""
    truth = ring_rig(2, degrees=40)
    corners = see_parts(truth, spun_boards(8, degrees=40), BOARD.points)
    with pytest.raises(UsageError, match="there are no cameras to calibrate"):
        calibrate_board({}, {}, BOARD)
    with pytest.raises(CalibrationError, match="Camera c001: the board was found in 0 of 0 images"):
        calibrate_board({**corners, "c001": {}}, sizes(truth), BOARD)
    with pytest.raises(InputError, match=r"c000 \d+: 48 points are expected, not 54"):
        calibrate_board(corners, sizes(truth), Checkerboard((8, 6), 0.03))
    with pytest.raises(InputError, match="the image size of c001 is not given"):
        calibrate_board(corners, {"c000": (2048, 1536)}, BOARD)
