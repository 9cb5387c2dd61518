"""What `vultus calibrate` prints and leaves for people beside cameras.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from calibration.from_boards.calibrate import calibrate_board
from calibration.from_boards.judgement.facts import find_facts
from calibration.from_boards.judgement.verdict import judge
from pipeline.board_report import RIG_PICTURE, camera_picture
from pipeline.cli import main
from pipeline.drawing.board_camera import camera_page
from pipeline.drawing.board_rig import rig_page
from pipeline.drawing.words import text_width, wrapped
from tests.calibration.boards import BOARD, board_poses, picture, planar_view, see, sizes
from tests.calibration.rigs import arc_rig

FILES = {"report.txt", "report.json", RIG_PICTURE, camera_picture("cam0"), camera_picture("cam1")}


def vultus(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A shoot of two cameras with seven images of a board each, and what the command said."""
    folder = tmp_path_factory.mktemp("shoot")
    rig = arc_rig(2, lens=np.zeros(5))
    tables = ['[calibration]\nsource = "board"\n[calibration.board]\ncolumns = 9\nrows = 6\nsquare_mm = 30\n']
    for camera in rig:
        for part in ("take", "board"):
            (folder / part / camera.name).mkdir(parents=True)
        cv2.imwrite(str(folder / "take" / camera.name / "a.1001.png"), np.zeros((768, 1024), np.uint8))
        for frame, (R, t) in enumerate(zip(*board_poses(7), strict=True), start=1001):
            image = picture(BOARD, planar_view(camera, camera.R @ R, camera.to_camera(t)), camera.size)
            cv2.imwrite(str(folder / "board" / camera.name / f"b.{frame}.png"), image)
        tables.insert(0, f'[cameras.{camera.name}]\nimages = "take/{camera.name}"\n')
        tables.append(f'[calibration.board.images.{camera.name}]\nimages = "board/{camera.name}"\n')
    (folder / "shoot.toml").write_text("".join(tables))
    return folder, vultus("calibrate", folder)


def test_a_table_and_the_verdict_are_printed(calibrated: tuple[Path, Result]) -> None:
    """The TD reads what each camera is good for, why, and what to film; standard output stays the path."""
    folder, result = calibrated
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(folder / "results" / "cameras.json")
    assert "Progress: 100%" in result.stdout
    assert "camera  verdict  images" in result.stderr
    assert "cam1    usable   7/7" in result.stderr
    assert "Only 7 images of the board determine its lens." in result.stderr
    assert "Warning: Calibrate: Usable; all cameras could be better." in result.stderr


def test_report_and_pictures_are_written(calibrated: tuple[Path, Result]) -> None:
    """Text, numbers, a page for the rig and one for each camera, all of them whole."""
    results = calibrated[0] / "results" / "calibration"
    assert {file.name for file in results.iterdir()} == FILES
    data = json.loads((results / "report.json").read_text())
    assert data["cameras"]["cam1"]["images"]["found"] == 7
    assert data["verdicts"]["cam1"]["grade"] == "usable"
    for name in FILES:
        if name.endswith(".jpg"):
            page = cv2.imread(str(results / name))
            assert page is not None
            assert min(page.shape[:2]) > 500


def test_what_is_up_to_date_is_told_again_and_what_is_missing_is_made_again(
    calibrated: tuple[Path, Result],
) -> None:
    """A second run changes nothing and says the same; without one of its files the stage is not done."""
    folder, _ = calibrated
    results = folder / "results" / "calibration"
    before = {file.name: file.stat().st_mtime_ns for file in results.iterdir()}
    again = vultus("calibrate", folder)
    assert "up to date" in again.stderr
    assert "cam1    usable   7/7" in again.stderr
    assert {file.name: file.stat().st_mtime_ns for file in results.iterdir()} == before
    (results / camera_picture("cam1")).unlink()
    (results / camera_picture("gone")).write_bytes(b"of a camera that is no longer in the shoot")
    assert "up to date" not in vultus("calibrate", folder).stderr
    assert {file.name for file in results.iterdir()} == FILES


def test_a_camera_that_is_left_out_is_told(calibrated: tuple[Path, Result], tmp_path: Path) -> None:
    """In the table, in a warning and by the exit status, each time; where the TD is strict it is an error."""
    folder = tmp_path / "shoot"
    shutil.copytree(calibrated[0], folder)
    for part, frames in (("take", range(1001, 1002)), ("board", range(1001, 1008))):
        (folder / part / "blind").mkdir()
        for frame in frames:
            cv2.imwrite(str(folder / part / "blind" / f"a.{frame}.png"), np.zeros((768, 1024), np.uint8))
    text = (folder / "shoot.toml").read_text() + '[calibration.board.images.blind]\nimages = "board/blind"\n'
    (folder / "shoot.toml").write_text('[cameras.blind]\nimages = "take/blind"\n' + text)
    for _ in range(2):
        result = vultus("calibrate", folder)
        assert result.exit_code == 4, result.output
        assert "blind   missing" in result.stderr
        assert "Warning: Calibrate: camera blind could not be calibrated and is left out" in result.stderr
    assert "up to date" in result.stderr
    strict = text.replace("[calibration.board]\n", "[calibration.board]\nstrict = true\n")
    (folder / "shoot.toml").write_text('[cameras.blind]\nimages = "take/blind"\n' + strict)
    failed = vultus("calibrate", folder)
    assert failed.exit_code == 3
    assert "Camera blind: the board was found in 0 of 7 images" in failed.stderr


def test_cameras_from_a_file_leave_no_report_of_an_earlier_board(calibrated: tuple[Path, Result]) -> None:
    """A report never outlives the calibration that it is about."""
    folder, _ = calibrated
    text = (folder / "shoot.toml").read_text()
    (folder / "known.json").write_bytes((folder / "results" / "cameras.json").read_bytes())
    start = text.index("[calibration]")
    other = text[:start] + '[calibration]\nsource = "file"\nfile = "known.json"\n'
    (folder / "shoot.toml").write_text(other)
    assert vultus("calibrate", folder).exit_code == 0
    assert not list((folder / "results" / "calibration").iterdir())


def test_pages_show_boards_seen_in_part_and_cameras_that_are_alone() -> None:
    """Corners that are not seen, a missing photograph and a rig of one camera make pages too."""
    rig = arc_rig(1)
    corners = see(rig, board_poses(8))
    for index, seen in enumerate(corners["cam0"].values()):
        seen[index : index + 5] = np.nan
    facts = find_facts(calibrate_board(corners, sizes(rig), BOARD))
    verdict = judge(facts)
    page = camera_page(facts.cameras[0], verdict["cam0"], None)
    assert page.dtype == np.uint8
    assert page.std() > 10
    assert rig_page(facts, verdict).shape[1] == 1600


def test_text_is_wrapped_to_its_width() -> None:
    """No line is wider than asked for, and no word is lost."""
    text = "Film 10 more images with the board tilted by 30 to 45 degrees: left, right, up and down"
    lines = wrapped(text, 17, 200)
    assert " ".join(lines) == text
    assert all(text_width(line, 17) <= 200 for line in lines)
