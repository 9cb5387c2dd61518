"""What is said where the board is not found, or not as it is."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.boards.advice import advice
from calibration.boards.checkerboard import Checkerboard
from calibration.boards.kinds import make_board
from calibration.boards.recognition import Recognised, recognised
from calibration.errors import CalibrationError
from calibration.from_boards.calibrate import calibrate_board
from tests.calibration.boards import BOARD, Array, board_poses, see, sizes
from tests.calibration.rigs import arc_rig
from tests.calibration.test_boards_kinds import BOARDS, seen

TILTS = ((0.3, 0.3, 0.1), (-0.3, 0.2, 0.4), (-0.1, 0.5, -0.4))
SIZE = (640, 480)
Seen = dict[str, dict[int, Array]]


def images_of(kind: str, tilts: Sequence[tuple[float, float, float]] = TILTS) -> dict[int, NDArray[np.uint8]]:
    """Small images of a board that is tilted in turn."""
    return {
        frame: np.asarray(
            cv2.resize(seen(BOARDS[kind], tilt)[0], SIZE, interpolation=cv2.INTER_AREA), np.uint8
        )
        for frame, tilt in enumerate(tilts)
    }


def flipped(corners: Seen, name: str, width: int) -> Seen:
    """The same corners, as if the images of one camera were mirrored and then searched for the board."""
    mirrored = {
        frame: (np.array([width - 1, 0]) + points * [-1, 1])[BOARD.mirrored]
        for frame, points in corners[name].items()
    }
    return corners | {name: mirrored}


def test_a_mirrored_camera_of_a_rig_is_named() -> None:
    """A checkerboard looks the same in a mirror; the camera that disagrees with all is tried flipped."""
    rig = arc_rig(3)
    corners = flipped(see(rig, board_poses(10)), "cam2", rig["cam2"].width)
    result = calibrate_board(corners, sizes(rig), BOARD)
    assert "mirrored" in str(result.left_out["cam2"])
    assert set(result.rig.names) == {"cam0", "cam1"}


def test_one_of_two_cameras_that_is_mirrored_is_an_error_that_says_so() -> None:
    """With two cameras there is no rig without the mirrored one."""
    rig = arc_rig(2)
    corners = flipped(see(rig, board_poses(10)), "cam1", rig["cam1"].width)
    with pytest.raises(CalibrationError, match=r"mirrored against those of cam.*Flip them back"):
        calibrate_board(corners, sizes(rig), BOARD)


def test_mirrored_images_of_a_board_with_ids_are_named() -> None:
    """Where no marker decodes, the flipped images are tried before anything else is said."""
    board = BOARDS["charuco"]
    images = {frame: np.ascontiguousarray(image[:, ::-1]) for frame, image in images_of("charuco").items()}
    assert "mirrored" in advice(images, board)
    with pytest.raises(CalibrationError, match=r"found in 0 of 3 images.*The images are mirrored"):
        calibrate_board({"a": images}, {"a": SIZE}, board)


def test_another_board_in_the_images_is_named() -> None:
    """Where a 9 x 6 board was said and another one filmed, the message says which."""
    images = images_of("aprilgrid")
    with pytest.raises(CalibrationError, match=r"0 of 3 images.*another board: AprilGrid of 6 x 4 tags"):
        calibrate_board({"a": images}, {"a": SIZE}, BOARD)


def test_a_board_of_another_size_is_not_taken_for_the_one_that_was_said() -> None:
    """The 8 x 6 corners within a 9 x 6 board are not a board: which of the columns were left out?"""
    images = images_of("checkerboard", TILTS[::2])
    smaller = Checkerboard((8, 6), 0.025)
    assert all(smaller.detect(image) is None for image in images.values())
    assert "another board: checkerboard of 9 x 6" in advice(images, smaller)


def test_empty_images_are_called_so() -> None:
    """Black frames, such as those of unreadable files, are not searched for other boards."""
    assert "empty" in advice({1: np.zeros((480, 640), np.uint8)}, BOARD)
    assert "9 x 6" in advice({}, BOARD)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("charuco", Recognised("charuco", 9, 7, "5X5_50", ratio=0.72)),
        ("charuco, legacy", Recognised("charuco", 9, 8, "4X4_50", legacy=True, ratio=0.72)),
        ("aprilgrid", Recognised("aprilgrid", 6, 4, ratio=0.3)),
    ],
)
def test_a_board_with_markers_is_recognised(kind: str, expected: Recognised) -> None:
    """Its kind, columns, rows, dictionary and proportions are read off the images."""
    there = recognised([seen(BOARDS[kind], tilt)[0] for tilt in TILTS[:2]])
    assert there is not None
    assert there.ratio == pytest.approx(expected.ratio, abs=0.02)
    assert (there.kind, there.columns, there.rows) == (expected.kind, expected.columns, expected.rows)
    assert (there.dictionary, there.legacy) == (expected.dictionary, expected.legacy)


def test_a_checkerboard_in_noise_is_not_recognised() -> None:
    """Circles and noise are no checkerboard, though their search can see one there."""
    noise = np.random.default_rng(0).integers(0, 255, (240, 320), dtype=np.uint8)
    circles = np.asarray(cv2.resize(seen(BOARDS["circles"], TILTS[0])[0], (512, 384)), np.uint8)
    assert recognised([circles]) is None
    assert make_board("checkerboard", 8, 6, {"square_mm": 25}).detect(noise) is None
