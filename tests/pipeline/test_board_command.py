"""Boards to print, and what is found of a board in images, as a TD meets them."""

from __future__ import annotations

import re
import tomllib
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image as Pictures

from calibration.boards.kinds import KINDS, make_board
from calibration.boards.sheet import PAGES, lay_out
from pipeline.cli import main
from pipeline.shoot.board_settings import BoardSettings

EXAMPLES = {kind: dict(known.example) for kind, known in KINDS.items()}


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def printed_table(result: Result) -> dict[str, object]:
    """The TOML that the command printed, as a dictionary of the board's keys."""
    table = tomllib.loads(result.output[result.output.index("[calibration]") :])
    return dict(table["calibration"]["board"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_printed_png_has_its_size_in_it_and_is_found_as_described(kind: str, tmp_path: Path) -> None:
    """The file's resolution times its pixels is the page; the points found in it are the board's, in mm."""
    file = tmp_path / "board.png"
    result = run("board", "make", kind, file, "--dpi", 120)
    assert result.exit_code == 0, result.output
    settings = BoardSettings.model_validate({**printed_table(result), "images": {"a": "board/a"}})
    with Pictures.open(file) as picture:
        dpi = picture.info["dpi"]
    assert dpi == pytest.approx((120, 120), abs=0.02)
    image = np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), np.uint8)
    found = settings.board.detect(image)
    assert found is not None
    metres = (found - found.mean(axis=0)) * 0.0254 / dpi[0]
    points = settings.board.points[:, :2] - settings.board.points[:, :2].mean(axis=0)
    off = min(np.abs(metres - order).max() for order in (points, points[::-1]))
    assert off < 3e-5


def test_one_measure_of_a_board_is_changed_by_saying_it_alone(tmp_path: Path) -> None:
    """`--dictionary` alone changes the dictionary; the rest stays as on the board that is printed unasked."""
    result = run("board", "make", "charuco", tmp_path / "board.pdf", "--dictionary", "4X4_100")
    assert result.exit_code == 0, result.output
    expected = {"kind": "charuco", **EXAMPLES["charuco"], "dictionary": "4X4_100"}
    assert printed_table(result) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_printed_pdf_has_the_true_size(kind: str, tmp_path: Path) -> None:
    """The page and every black shape in the PDF measure what the board does, to 0.01 mm."""
    file = tmp_path / "board.pdf"
    assert run("board", "make", kind, file).exit_code == 0
    data = file.read_bytes()
    keys = EXAMPLES[kind]
    rest = {key: value for key, value in keys.items() if key not in ("columns", "rows")}
    sheet = lay_out(make_board(kind, keys["columns"], keys["rows"], rest), None)
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    points = np.array([float(box[1]), float(box[2])]) * 25.4 / 72 / 1000
    np.testing.assert_allclose(points, sheet.page, atol=1e-5)
    drawn = next(text for text in streams(data) if b" cm " in text)
    scale = float(re.search(rb"q ([\d.]+) 0 0 -", drawn)[1]) * 25.4 / 72 / 1000  # type: ignore[index]
    if len(sheet.drawing.boxes):
        boxes = [[float(v) for v in m] for m in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", drawn)]
        expected = sheet.drawing.boxes + np.array([*sheet.corner, 0, 0])
        np.testing.assert_allclose(np.array(boxes) * scale, expected, atol=1e-5)
    else:
        starts = [[float(v) for v in m] for m in re.findall(rb"([\d.]+) ([\d.]+) m [\d. ]+ c", drawn)]
        expected = sheet.drawing.discs[:, :2] + np.array(sheet.corner)
        expected[:, 0] += sheet.drawing.discs[:, 2]
        np.testing.assert_allclose(np.array(starts) * scale, expected, atol=1e-5)
    assert drawn.count(b" f ") == 1  # one path, so that no seams show between shapes that touch
    ruler = re.search(rb"([\d.]+) [\d.]+ m ([\d.]+) [\d.]+ l", drawn)
    assert ruler is not None
    length = (float(ruler[2]) - float(ruler[1])) * 25.4 / 72 / 1000
    assert length == pytest.approx(sheet.ruler.length, abs=1e-5)
    assert f"this line is {length * 1000:.0f} mm long".encode() in drawn


def streams(data: bytes) -> list[bytes]:
    """The compressed streams of a PDF."""
    found = []
    for match in re.finditer(rb"stream\n(.*?)\nendstream", data, re.DOTALL):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            continue
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_boards_of_which_nothing_is_said_fit_a4(kind: str, tmp_path: Path) -> None:
    """A TD without wishes gets a board that any printer prints, on either side of the page."""
    file = tmp_path / "board.png"
    assert run("board", "make", kind, file, "--page", "a4", "--dpi", 60).exit_code == 0
    with Pictures.open(file) as picture:
        size = np.array(picture.size) * 0.0254 / 60
    np.testing.assert_allclose(sorted(size), PAGES["a4"], atol=5e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("checker", "b.pdf"), "Did you mean checkerboard"),
        (("checkerboard", "b.gif"), "printed to .pdf or .png"),
        (("checkerboard", "b.pdf", "--square-mm", 0.025), "metres were meant, square_mm = 25"),
        (("charuco", "b.pdf", "--square-mm", 12), "marker"),
        (("circles", "b.pdf", "--columns", 9, "--rows", 6, "--tag-mm", 3), "has no tag_mm"),
        (("checkerboard", "b.pdf", "--page", "a9"), "a4, a3"),
        (
            ("checkerboard", "b.pdf", "--columns", 12, "--rows", 9, "--square-mm", 30, "--page", "a4"),
            "needs 410 x 333.5 mm; the page has 210 x 297 mm",
        ),
        (("checkerboard", "b.png", "--dpi", 4000), "fewer dots per inch"),
        (("checkerboard", "b.png", "--dpi", "nan"), "1 to 4800 dots"),
        (("checkerboard", "b.png", "--margin-mm", -3), "0 or more"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    words: tuple[object, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what is wrong and what would do; nothing is written."""
    monkeypatch.chdir(tmp_path)
    result = run("board", "make", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert not list(tmp_path.iterdir())


def write_images(folder: Path, image: np.ndarray, count: int = 3) -> None:
    folder.mkdir(parents=True)
    for frame in range(1, count + 1):
        cv2.imwrite(str(folder / f"a.{1000 + frame}.png"), image)


def test_detect_recognises_a_board_and_says_what_is_seen_of_it(tmp_path: Path) -> None:
    """The board that make printed is told by its picture, but for its size, which has to be checked."""
    assert run("board", "make", "charuco", tmp_path / "b.png", "--dpi", 100).exit_code == 0
    image = cv2.imread(str(tmp_path / "b.png"))
    assert image is not None
    write_images(tmp_path / "left", image)
    result = run("board", "detect", tmp_path / "left", "--pictures", tmp_path / "found")
    assert result.exit_code == 0, result.output
    assert "ChArUco board of 8 x 11 squares with 5X5_50 markers" in result.output
    assert "CHECK square_mm" in result.output
    assert "1001: 70 of 70 points" in result.output
    assert "Found in 3 of 3 images" in result.output
    assert len(list((tmp_path / "found").iterdir())) == 3


def test_detect_says_which_board_is_there_instead(tmp_path: Path) -> None:
    """Where another board was described, the images are told apart."""
    assert run("board", "make", "aprilgrid", tmp_path / "b.png", "--dpi", 80).exit_code == 0
    image = cv2.imread(str(tmp_path / "b.png"))
    assert image is not None
    write_images(tmp_path / "left", image, 1)
    described = ("--kind", "charuco", "--columns", 8, "--rows", 11, "--square-mm", 22)
    markers = ("--marker-mm", 16, "--dictionary", "5X5_100")
    result = run("board", "detect", tmp_path / "left", *described, *markers)
    assert result.exit_code == 0
    assert "1001: not found" in result.output
    assert "another board: AprilGrid of 6 x 6 tags" in result.output
