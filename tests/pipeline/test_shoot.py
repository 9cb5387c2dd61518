"""The shoot file and its first draft, as a TD meets them."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.errors import InputError, UsageError
from pipeline.shoot.discovery import discover
from pipeline.shoot.draft import write_shoot_file
from pipeline.shoot.files import find_shoot, new_shoot_folder
from pipeline.shoot.shoot import read_shoot

MINIMAL = """
[cameras.left]
images = "images/left"

[calibration]
source = "file"
file = "cameras.json"
"""


def write_frames(folder: Path, numbers: range, image: np.ndarray | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((24, 32, 3), np.uint8) if image is None else image
    for number in numbers:
        cv2.imwrite(str(folder / f"{folder.name}.{number}.png"), pixels)


def checkerboard() -> np.ndarray:
    """A board of 8 x 6 inner corners with a white border."""
    rows, columns = np.mgrid[0:7, 0:9]
    board = np.kron((rows + columns) % 2, np.ones((40, 40))) * 255
    return np.pad(board, 60, constant_values=255).astype(np.uint8)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Two cameras of three frames, one with a fourth, and a board."""
    folder = tmp_path / "take1"
    write_frames(folder / "images" / "left", range(1001, 1004))
    write_frames(folder / "images" / "right", range(1001, 1005))
    for name in ("left", "right"):
        write_frames(folder / "checkerboard" / name, range(1, 4), checkerboard())
    return folder


def shoot_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "shoot.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MINIMAL + "[detect]\nlayuot = 'ibug68'\n",
            r"shoot\.toml: There is no key detect\.layuot \(did you mean layout\?\)",
        ),
        (MINIMAL + "[detekt]\n", r"no key detekt \(did you mean detect\?\)"),
        (MINIMAL.replace("images =", "image ="), r"cameras\.left\.image"),
        (MINIMAL + "[shoot]\nfps = 'fast'\n", r"shoot\.fps: Input should be a valid number"),
        (MINIMAL + "[shoot\n", r"not TOML.*line 8"),
        (MINIMAL.replace('"file"', '"board"'), r"needs a table \[calibration\.board\]"),
        ("[calibration]\nsource = 'file'\nfile = 'x'\n", "The key cameras is missing"),
        (MINIMAL + "[detect]\ndevice = 'gpu'\n", r"detect\.device"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_the_key(
    tmp_path: Path, text: str, message: str
) -> None:
    """The message names the file and the key, on one line."""
    with pytest.raises(InputError, match=message) as caught:
        read_shoot(shoot_file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_init_finds_cameras_board_and_corners_and_writes_a_file_that_reads(footage: Path) -> None:
    """What init writes needs no edit to be valid, and says what to check."""
    new = write_shoot_file(footage)
    shoot = read_shoot(new.file)
    board = shoot.settings.calibration.board
    assert new.file == footage / "shoot.toml"
    assert shoot.camera_names == ("left", "right")
    assert board is not None
    assert (board.columns, board.rows, board.square_mm) == (8, 6, 10.0)
    folders = {name: footage.images for name, footage in board.images.items()}
    assert folders == {"left": "checkerboard/left", "right": "checkerboard/right"}
    assert shoot.frames == (1001, 1002, 1003, 1004)
    assert "CHECK THIS" in new.file.read_text()
    assert any("square_mm" in check for check in new.checks)
    assert any("different frames" in check for check in new.checks)


def test_init_does_not_overwrite_an_edited_file(footage: Path) -> None:
    """A reviewed file is only replaced on demand."""
    write_shoot_file(footage)
    with pytest.raises(UsageError, match="--force"):
        write_shoot_file(footage)
    write_shoot_file(footage, force=True)


def test_footage_that_is_read_only_gets_its_file_in_the_current_folder(
    footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results never go into a folder marked read-only, and the shoot is found by its footage again."""
    here = tmp_path / "desk"
    here.mkdir()
    monkeypatch.chdir(here)
    footage.chmod(0o555)
    try:
        assert new_shoot_folder(footage) == Path("take1")
        new = write_shoot_file(footage)
        shoot = find_shoot(footage)
    finally:
        footage.chmod(0o755)
    assert new.file == Path("take1/shoot.toml")
    assert shoot.file == new.file
    assert shoot.frames == (1001, 1002, 1003, 1004)
    assert shoot.output == Path("take1/results")


def test_a_folder_without_a_shoot_file_says_to_run_init(
    footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is the next command."""
    monkeypatch.chdir(footage.parent.parent)
    with pytest.raises(InputError, match=f"Run: vultus init {footage}"):
        find_shoot(footage)


@pytest.mark.parametrize("tree", ["{name}/images", "images/{name}", "{name}", "footage/{name}"])
def test_cameras_are_found_in_the_usual_trees(tmp_path: Path, tree: str) -> None:
    """Folders per camera, or per kind."""
    for name in ("camA", "camB"):
        write_frames(tmp_path / tree.format(name=name), range(1, 3))
    assert list(discover(tmp_path).cameras) == ["camA", "camB"]


def test_several_sequences_in_one_folder_are_several_cameras(tmp_path: Path) -> None:
    """Cameras told apart by file name get a pattern each."""
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        for number in (1001, 1002):
            cv2.imwrite(str(tmp_path / "images" / f"{name}.{number}.png"), np.zeros((4, 4, 3), np.uint8))
    assert discover(tmp_path).cameras == {"a": "images/a.####.png", "b": "images/b.####.png"}


def test_an_existing_calibration_is_preferred_to_the_board(footage: Path) -> None:
    """A cameras.json that lies there is used."""
    (footage / "cameras.json").write_text("{}")
    assert discover(footage).rig == "cameras.json"
    settings = read_shoot(write_shoot_file(footage).file).settings
    assert settings.calibration.source == "file"


def test_true_cameras_are_left_for_measuring_where_there_is_a_board(footage: Path) -> None:
    """Ground truth is used for cameras only where nothing else is there."""
    (footage / "truth").mkdir()
    (footage / "truth" / "cameras.json").write_text("{}")
    assert discover(footage).rig is None
    shutil.rmtree(footage / "checkerboard")
    assert discover(footage).rig == "truth/cameras.json"


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    """The message shows how to lay footage out."""
    with pytest.raises(InputError, match=r"There are no cameras.*left\.1001\.jpg"):
        discover(tmp_path)


def test_the_range_of_the_file_selects_frames_and_may_run_past_the_end(footage: Path) -> None:
    """Chunks of a farm may overlap the end of the shot."""
    shoot = read_shoot(write_shoot_file(footage).file)
    chunk = shoot.with_changes(shoot={"frames": "1003-1006"})
    assert chunk.frames == (1003, 1004)
    assert chunk.absent_frames == (1005, 1006)
    with pytest.raises(InputError, match="No camera has a frame in the range 2000-2010"):
        _ = shoot.with_changes(shoot={"frames": "2000-2010"}).frames
