"""All kinds of boards are found where they are, to a small part of a pixel, in one order."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.boards.aprilgrid import AprilGrid, tag_cells
from calibration.boards.board import runs_mirrored
from calibration.boards.charuco import Charuco
from calibration.boards.circles import CircleGrid
from calibration.boards.kinds import KINDS, PrintableBoard, make_board
from calibration.camera import Camera
from calibration.errors import InputError, UsageError
from calibration.lens import distort, undistort
from tests.calibration.boards import Array, picture, planar_view

BOARDS: dict[str, PrintableBoard] = {
    "checkerboard": make_board("checkerboard", 9, 6, {"square_mm": 25}),
    "charuco": make_board("charuco", 9, 7, {"square_mm": 25, "marker_mm": 18, "dictionary": "5X5_100"}),
    "charuco, legacy": make_board(
        "charuco", 9, 8, {"square_mm": 25, "marker_mm": 18, "dictionary": "DICT_4X4_50", "legacy": True}
    ),
    "aprilgrid": make_board("aprilgrid", 6, 4, {"tag_mm": 35}),
    "circles": make_board("circles", 9, 7, {"spacing_mm": 25, "diameter_mm": 16}),
    "asymmetric-circles": make_board("asymmetric-circles", 4, 11, {"spacing_mm": 20, "diameter_mm": 15}),
}
WITH_IDS = ("charuco", "charuco, legacy", "aprilgrid")
CAMERA = Camera(
    "a",
    1024,
    768,
    np.array([[1100, 0, 511.5], [0, 1100, 383.5], [0, 0, 1.0]]),
    np.zeros(5),
    np.eye(3),
    np.zeros(3),
)


def seen(
    board: PrintableBoard, tilt: tuple[float, float, float], shift: float = 0
) -> tuple[NDArray[np.uint8], Array]:
    """A blurred and noisy image of the board, and where its points are in it."""
    view = planar_view(CAMERA, Rotation.from_rotvec(tilt).as_matrix(), np.array([shift, 0.01, 0.5]))
    clean = cv2.GaussianBlur(picture(board, view, CAMERA.size), (0, 0), 0.6)
    noise = np.random.default_rng(0).normal(0, 2, clean.shape)
    truth = cv2.perspectiveTransform(board.points[None, :, :2], view)[0]
    return np.clip(clean + noise, 0, 255).astype(np.uint8), np.asarray(truth, dtype=np.float64)


@pytest.mark.parametrize("kind", BOARDS)
def test_every_point_of_a_tilted_board_is_found_to_a_tenth_of_a_pixel(kind: str) -> None:
    """Under perspective, blur and noise the points are off by less than 0.07 px RMS, of circles 0.02."""
    image, truth = seen(BOARDS[kind], (0.6, -0.45, 0.3))
    found = BOARDS[kind].detect(image)
    assert found is not None
    off = np.linalg.norm(found - truth, axis=1)
    assert np.sqrt((off**2).mean()) < (0.02 if "circles" in kind else 0.07)
    assert off.max() < 0.25


@pytest.mark.parametrize("kind", WITH_IDS)
def test_part_of_a_board_with_ids_is_enough(kind: str) -> None:
    """Where the image cuts the board, the points within are found and the others are not a number."""
    image, truth = seen(BOARDS[kind], (0.2, 0.3, 0.1), shift=0.2)
    inside = np.asarray((truth > 12) & (truth < np.array(CAMERA.size) - 13)).all(axis=1)
    assert inside.sum() < len(truth)
    found = BOARDS[kind].detect(image)
    assert found is not None
    known = np.isfinite(found).all(axis=1)
    assert (known & inside).sum() > 0.8 * inside.sum()
    assert np.abs(found - truth)[known].max() < 0.3


@pytest.mark.parametrize("kind", WITH_IDS)
def test_a_mirrored_board_with_ids_is_not_found(kind: str) -> None:
    """Markers do not decode in a mirror, so no point is ever put where another one is."""
    image, _ = seen(BOARDS[kind], (0.6, -0.45, 0.3))
    assert BOARDS[kind].detect(np.ascontiguousarray(image[:, ::-1])) is None


@pytest.mark.parametrize("kind", BOARDS)
def test_the_order_of_the_points_is_that_of_the_image(kind: str) -> None:
    """A board upside down is listed from the same physical point, or from its other end if it says that."""
    board = BOARDS[kind]
    image, truth = seen(board, (0.1, 0.2, np.pi - 0.2))
    found = board.detect(image)
    assert found is not None
    orders = [truth] if board.turned is None else [truth, truth[board.turned]]
    assert min(np.abs(found - order).max() for order in orders) < 0.3


@pytest.mark.parametrize("kind", BOARDS)
def test_the_points_are_centred_and_run_as_seen_from_the_front(kind: str) -> None:
    """The origin is in the middle; turned and mirrored orders are what their names say."""
    board = BOARDS[kind]
    np.testing.assert_allclose(board.points.max(axis=0), -board.points.min(axis=0), atol=1e-9)
    assert not board.points[:, 2].any()
    if board.turned is not None:
        np.testing.assert_allclose(board.points[board.turned], board.points * [-1, -1, 1], atol=1e-9)
    if board.mirrored is not None:
        assert runs_mirrored(board.points, board.points[board.mirrored, :2])


@pytest.mark.parametrize("kind", BOARDS)
def test_an_image_without_the_board_gives_nothing(kind: str) -> None:
    """Noise, another board, and an image of a few pixels show no board; colour images are refused."""
    board = BOARDS[kind]
    assert board.detect(np.random.default_rng(0).integers(0, 255, (240, 320), dtype=np.uint8)) is None
    assert board.detect(np.full((12, 16), 200, np.uint8)) is None
    other = BOARDS["circles" if kind in WITH_IDS else "aprilgrid"]
    assert board.detect(seen(other, (0.1, 0.1, 0.1))[0]) is None
    with pytest.raises(InputError, match="8-bit grey"):
        board.detect(np.zeros((10, 10, 3), np.uint8))


def test_tags_are_those_of_kalibr() -> None:
    """Tag 0 is the code 0xd5d628584 from its top left, in two cells of black; ids begin bottom left."""
    code = np.array([int(bit) for bit in f"{0xD5D628584:036b}"]).reshape(6, 6)
    cells = tag_cells(0)
    assert cells.shape == (10, 10)
    np.testing.assert_array_equal(~cells[2:8, 2:8], code == 1)
    assert cells.sum() == 100 - code.sum()
    points = AprilGrid((6, 4), 0.1, 0.3).points
    np.testing.assert_allclose(points[1] - points[0], (0.1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(points[3] - points[0], (0, -0.1, 0), atol=1e-12)
    np.testing.assert_allclose(points[4] - points[0], (0.13, 0, 0), atol=1e-12)
    np.testing.assert_allclose(points[24] - points[0], (0, -0.13, 0), atol=1e-12)


def test_an_aprilgrid_with_thin_borders_is_read_too() -> None:
    """Tags with one cell of black around their bits, as other programs print them, are found."""
    marker = cv2.aruco.generateImageMarker
    tags = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    page = np.full((600, 800), 255, np.uint8)
    for tag in range(6):
        x, y = 120 + tag % 3 * 208, 330 - tag // 3 * 208
        page[y : y + 160, x : x + 160] = marker(tags, tag, 160, borderBits=1)[::-1, ::-1]
    found = AprilGrid((3, 2), 0.16, 0.3).detect(page)
    assert found is not None
    np.testing.assert_allclose(found[0], (119.5, 489.5), atol=0.3)
    np.testing.assert_allclose(found[22], (695.5, 121.5), atol=0.3)


def test_the_middle_of_a_circle_is_not_the_middle_of_its_image() -> None:
    """Seen askew, the middles of large blobs are off by a third of a pixel and more; the points are not."""
    board = CircleGrid((5, 4), 0.05, 0.04)
    image, truth = seen(board, (0.9, 0.3, 0))
    found = board.detect(image)
    assert found is not None
    assert board.turned is not None
    assert min(np.abs(found - order).max() for order in (truth, truth[board.turned])) < 0.05


def test_a_wide_lens_does_not_move_the_middles_of_circles() -> None:
    """Where the lens bends by a fifth at the image's edge, blobs are off by a third of a pixel."""
    board = make_board("circles", 9, 7, {"spacing_mm": 25, "diameter_mm": 18})
    lens, focal, middle = np.array([-0.32, 0.12, 0.001, -0.001, 0, 0, 0, 0]), 700.0, np.array([511.5, 383.5])
    R, t = Rotation.from_rotvec((0.6, -0.4, 0.3)).as_matrix(), np.array([0.01, 0, 0.3])
    wide = np.array([[2 * focal, 0, 1700], [0, 2 * focal, 1300], [0, 0, 1]])
    straight = picture(board, wide @ np.column_stack((R[:, 0], R[:, 1], t)), (3400, 2600))
    y, x = np.mgrid[0:768, 0:1024].astype(np.float64)
    source = undistort((np.stack((x, y), axis=-1) - middle) / focal, lens) * 2 * focal + [1700, 1300]
    columns, rows = np.moveaxis(source.astype(np.float32), -1, 0)
    bent = cv2.remap(straight, columns, rows, cv2.INTER_CUBIC)
    found = board.detect(np.asarray(cv2.GaussianBlur(bent, (0, 0), 0.5), np.uint8))
    local = board.points @ R.T + t
    truth = distort(local[:, :2] / local[:, 2:], lens) * focal + middle
    assert found is not None
    assert min(np.abs(found - order).max() for order in (truth, truth[::-1])) < 0.06


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Charuco((2, 7), 0.02, 0.015), "at least 3 squares"),
        (lambda: Charuco((9, 7), 0.02, 0.02), "do not fit into squares of 20 mm"),
        (lambda: Charuco((9, 7), 0.02, 0.015, "9X9_50"), "no dictionary .* 4X4_50, 4X4_100"),
        (
            lambda: Charuco((20, 12), 0.02, 0.015, "5X5_50"),
            "needs 120 markers .* has 50. Use one of: 5X5_250",
        ),
        (lambda: AprilGrid((1, 1), 0.03), "Use 2 to 587 tags"),
        (lambda: AprilGrid((6, 6), 0.03, 30), "such as 0.3"),
        (lambda: CircleGrid((7, 7), 0.03, 0.02), "sides that differ"),
        (lambda: CircleGrid((4, 10), 0.03, 0.02, asymmetric=True), "odd number of rows"),
        (lambda: CircleGrid((7, 5), 0.03, 0.03), "cannot lie 30 mm apart"),
        (lambda: make_board("charucco", 9, 6, {}), "Did you mean charuco.* aprilgrid"),
        (lambda: make_board("checkerboard", 9, 6, {}), "needs square_mm"),
        (lambda: make_board("checkerboard", 9, 6, {"square_mm": 1, "tag_mm": 2}), "has no tag_mm"),
    ],
)
def test_boards_that_cannot_be_are_refused(make: object, words: str) -> None:
    """What makes no sense is named, with what would."""
    assert callable(make)
    with pytest.raises(UsageError, match=words):
        make()


def test_every_kind_says_what_it_is() -> None:
    """Each kind has a line of help, and each board names its sizes."""
    assert all(kind.what for kind in KINDS.values())
    assert str(BOARDS["charuco"]) == "ChArUco 9 x 7 squares of 25 mm with 5X5_100 markers of 18 mm"
    assert str(BOARDS["aprilgrid"]) == "AprilGrid of 6 x 4 tags of 35 mm, 0.3 of that apart"
