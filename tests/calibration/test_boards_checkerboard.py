import cv2
import numpy as np
import pytest

from calibration.boards.board import runs_mirrored
from calibration.boards.checkerboard import Checkerboard
from calibration.boards.detection import detect_all
from calibration.errors import InputError, UsageError
from tests.calibration.boards import BOARD, picture

VIEW = np.array([[2200.0, 150.0, 330.0], [-260.0, 2100.0, 236.0], [0.35, -0.2, 1.0]])
HALF_TURN = np.diag([-1.0, -1.0, 1.0])


def test_corners_are_found_to_a_small_part_of_a_pixel() -> None:
    """On a clean image the corners lie within a tenth of a pixel of where they are."""
    expected = cv2.perspectiveTransform(BOARD.points[None, :, :2], VIEW)[0]
    found = BOARD.detect(picture(BOARD, VIEW, (640, 480)))
    assert found is not None
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), atol=0.1)


def test_a_board_on_its_head_is_listed_from_the_same_corner() -> None:
    """A board with an even and an odd side is listed from the same physical corner, however it is held."""
    upright = BOARD.detect(picture(BOARD, VIEW, (640, 480)))
    turned = BOARD.detect(picture(BOARD, VIEW @ HALF_TURN, (640, 480)))
    assert upright is not None
    assert turned is not None
    expected = [cv2.perspectiveTransform(BOARD.points[None, :, :2], h)[0] for h in (VIEW, VIEW @ HALF_TURN)]
    starts_first = [np.abs(upright - expected[0]).max() < 1, np.abs(turned - expected[1]).max() < 1]
    assert starts_first[0] == starts_first[1]


def test_a_dark_image_is_no_obstacle() -> None:
    """A board in poor light is found too."""
    dim = (picture(BOARD, VIEW, (640, 480)) * 0.15 + 10).astype(np.uint8)
    assert BOARD.detect(dim) is not None


def test_large_images_are_refined_at_full_resolution() -> None:
    """An image larger than the search is made in still gives corners of full accuracy."""
    large = np.diag([4.0, 4.0, 1.0]) @ VIEW
    expected = cv2.perspectiveTransform(BOARD.points[None, :, :2], large)[0]
    found = BOARD.detect(picture(BOARD, large, (2560, 1920)))
    assert found is not None
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), atol=0.15)


def test_an_image_without_the_whole_board_gives_nothing() -> None:
    """No board, or a cut one, is no board."""
    assert BOARD.detect(np.full((480, 640), 128, np.uint8)) is None
    cut = np.array([[1.0, 0, -200], [0, 1, 0], [0, 0, 1]]) @ VIEW
    assert BOARD.detect(picture(BOARD, cut, (640, 480))) is None


def test_points_found_elsewhere_must_run_as_on_the_board() -> None:
    """Points of a mirrored image, or listed from the wrong side, are refused and not set right in silence."""
    seen = BOARD.points[:, :2] * 1000
    flipped = seen.reshape(6, 9, 2)[:, ::-1].reshape(-1, 2)
    assert runs_mirrored(BOARD.points, flipped)
    np.testing.assert_array_equal(detect_all({"a": {1: seen}}, {"a": (640, 480)}, BOARD)["a"][1], seen)
    with pytest.raises(InputError, match=r"a 1: the points run the other .* mirrored"):
        detect_all({"a": {1: flipped}}, {"a": (640, 480)}, BOARD)


@pytest.mark.parametrize("corners", [(9, 6), (8, 6), (9, 7), (6, 9)])
def test_the_symmetries_of_the_board_are_those_of_its_points(corners: tuple[int, int]) -> None:
    """Turned points are turned by 180 degrees, on boards whose colours do; mirrored ones are mirrored."""
    board = Checkerboard(corners, 0.02)
    assert (board.turned is None) == (sum(corners) % 2 == 1)
    if board.turned is not None:
        np.testing.assert_allclose(board.points[board.turned], board.points * [-1, -1, 1], atol=1e-12)
    assert runs_mirrored(board.points, board.points[board.mirrored, :2])


def test_boards_that_cannot_be_ordered_are_refused() -> None:
    """A square board, a tiny one, and squares without a size are refused in words."""
    with pytest.raises(UsageError, match="sides that differ"):
        Checkerboard((7, 7), 0.02)
    with pytest.raises(UsageError, match="2 x 6 inner corners"):
        Checkerboard((2, 6), 0.02)
    with pytest.raises(UsageError, match="metres"):
        Checkerboard((9, 6), 0.0)


def test_colour_images_are_refused() -> None:
    """The search takes grey images and says so."""
    with pytest.raises(InputError, match="8-bit grey"):
        BOARD.detect(np.zeros((10, 10, 3), np.uint8))
