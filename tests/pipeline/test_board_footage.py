"""Which images of a board are looked at, and what a shoot file says of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from calibration.boards.aprilgrid import AprilGrid
from calibration.boards.checkerboard import Checkerboard
from calibration.errors import InputError
from pipeline.board_footage import open_board, thinned
from pipeline.frames.movies import Movie
from pipeline.shoot.draft import write_shoot_file
from pipeline.shoot.shoot import Shoot, read_shoot
from tests.calibration.test_boards_kinds import BOARDS, seen

HEAD = """
[cameras.left]
images = "left"
[cameras.right]
images = "right"
[calibration]
source = "board"
[calibration.board]
"""
CHECKERBOARD = (
    'columns = 9\nrows = 6\nsquare_mm = 25\nimages = { left = "board/left", right = "board/right" }\n'
)


def shoot(folder: Path, board: str) -> Shoot:
    (folder / "shoot.toml").write_text(HEAD + board)
    return read_shoot(folder / "shoot.toml")


def write_movie(path: Path, count: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(count):
            pixels = np.full((48, 64, 3), index * 4, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def write_frames(folder: Path, numbers: range, size: tuple[int, int] = (64, 48)) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        cv2.imwrite(str(folder / f"a.{number}.png"), np.full((size[1], size[0]), number % 250, np.uint8))


def test_a_file_without_a_kind_describes_a_checkerboard(tmp_path: Path) -> None:
    """Files written before there were other kinds keep their meaning."""
    board = shoot(tmp_path, CHECKERBOARD).settings.calibration.board
    assert board is not None
    assert board.board == Checkerboard((9, 6), 0.025)
    assert board.images["left"].images == "board/left"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('kind = "charucco"\n', "Did you mean charuco"),
        ('kind = "charuco"\n', "needs marker_mm and dictionary"),
        ('kind = "aprilgrid"\n', "kind 'aprilgrid' has no square_mm"),
        ("tag_mm = 3\n", "kind 'checkerboard' has no tag_mm"),
        ("square = 3\n", r"no key calibration.board.square \(did you mean square_mm"),
        ('lens_images = { middle = "m" }\n', "lens_images has a camera middle that images has not"),
        ("every = 0\n", "every"),
    ],
)
def test_keys_of_another_kind_and_missing_ones_are_refused(keys: str, message: str, tmp_path: Path) -> None:
    """Every key is one that the kind of board reads; the message says which those are."""
    with pytest.raises(InputError, match=message):
        shoot(tmp_path, keys + CHECKERBOARD)


def test_an_aprilgrid_is_described_as_kalibr_does(tmp_path: Path) -> None:
    """Columns and rows of tags, their side, and the gap as a share of it."""
    keys = (
        'kind = "aprilgrid"\ncolumns = 6\nrows = 5\ntag_mm = 30\ntag_spacing = 0.25\n'
        + 'images = { left = "l" }\n'
    )
    board = shoot(tmp_path, keys).settings.calibration.board
    assert board is not None
    assert board.board == AprilGrid((6, 5), 0.03, 0.25)


def test_movies_count_from_their_own_start_and_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads ask for frames out of turn; a movie is decoded from its start to its end a single time."""
    for name in ("left", "right"):
        write_movie(tmp_path / f"{name}.mov", 40)
    board = CHECKERBOARD.split("images")[0] + (
        'every = 3\n[calibration.board.images]\nleft = { images = "left.mov", start_frame = 995 }\n'
        'right = "right.mov"\n'
    )
    opened = shoot(tmp_path, board)
    settings = opened.settings.calibration.board
    assert settings is not None
    footage = open_board(opened, settings)
    views = footage.images()
    assert min(views["left"]) == 995
    assert max(views["right"]) <= 1040
    assert set(views["left"]) & set(views["right"])
    begun: list[Movie] = []
    decode = Movie._decode

    def counted(movie: Movie) -> Iterator[Any]:
        begun.append(movie)
        return decode(movie)

    monkeypatch.setattr(Movie, "_decode", counted)
    shuffled = list(views["right"].items())
    shuffled[1:5] = reversed(shuffled[1:5])
    with ThreadPoolExecutor(4) as pool:
        levels = dict(pool.map(lambda item: (item[0], float(item[1]().mean())), shuffled))
    assert len(begun) == 1
    assert all(level == pytest.approx(4 * (frame - 1001), abs=6) for frame, level in levels.items())


def test_long_sequences_are_thinned_to_frames_that_cameras_share() -> None:
    """Of five thousand frames some two hundred are used, the same ones of all cameras that have them."""
    frames = {"a": range(1, 5001), "b": range(1, 5001), "late": range(2001, 7001)}
    kept = thinned(frames)
    assert kept["a"] == kept["b"]
    assert all(150 <= len(numbers) <= 200 for numbers in kept.values())
    assert len(set(kept["a"]) & set(kept["late"])) > 80
    in_a_row = [number for number in kept["a"] if number + 1 in kept["a"] and number + 1 in kept["b"]]
    assert len(in_a_row) >= 45  # so that it can be told whether the clocks agree
    assert thinned({"a": range(10), "b": range(5, 15)}) == {"a": tuple(range(10)), "b": tuple(range(5, 15))}
    assert thinned({"a": range(1, 11)}, every=4) == {"a": (1, 5, 9)}


def test_images_for_the_lens_alone_may_have_any_numbers_but_not_another_size(tmp_path: Path) -> None:
    """They are taken camera by camera; a crop or another resolution would be another lens."""
    for name in ("left", "right"):
        write_frames(tmp_path / "board" / name, range(1, 4))
    write_frames(tmp_path / "lens" / "left", range(501, 504))
    opened = shoot(tmp_path, 'lens_images = { left = "lens/left" }\n' + CHECKERBOARD)
    settings = opened.settings.calibration.board
    assert settings is not None
    assert list(open_board(opened, settings).lens_images()["left"]) == [501, 502, 503]
    for file in (tmp_path / "lens" / "left").iterdir():
        cv2.imwrite(str(file), np.zeros((40, 64), np.uint8))
    with pytest.raises(
        InputError, match="Camera left: The images for the lens are 64 x 40 but the others 64 x 48"
    ):
        _ = open_board(opened, settings).sizes


def test_init_recognises_a_board_with_markers_and_images_for_lenses(tmp_path: Path) -> None:
    """What init writes for a ChArUco board is valid, and the lengths to check are named."""
    image = seen(BOARDS["charuco"], (0.3, 0.2, 0.1))[0]
    for name in ("left", "right"):
        write_frames(tmp_path / "images" / name, range(1001, 1003))
        for what in ("board", "intrinsics"):
            folder = tmp_path / what / name
            folder.mkdir(parents=True)
            for frame in (1, 2):
                cv2.imwrite(str(folder / f"a.{frame}.png"), image)
    new = write_shoot_file(tmp_path)
    board = read_shoot(new.file).settings.calibration.board
    assert board is not None
    assert (board.kind, board.columns, board.rows, board.dictionary) == ("charuco", 9, 7, "5X5_50")
    assert board.marker_mm == pytest.approx(7.2, abs=0.2)
    assert board.images["left"].images == "board/left"
    assert board.lens_images["right"].images == "intrinsics/right"
    assert any("square_mm = 10 is assumed" in check for check in new.checks)
