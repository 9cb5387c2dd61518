"""vultus layouts: list, show, make; and a layout of one's own in a shoot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from detector.layouts import LAYOUTS, layout
from fitting.head_model import HeadModel, load_head_model
from pipeline.cli import main
from pipeline.drawing.layouts import PART_COLOURS, draw_layout


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result.exit_code, result.output


def test_the_list_tells_what_each_layout_holds() -> None:
    """A row per layout: name, count, and of what."""
    status, out = run("layouts", "list")
    assert status == 0
    rows = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert set(rows) == set(LAYOUTS)
    assert rows["jaw"].split() == ["jaw", "500", "500", "jaw"]
    assert "33 teeth" in rows["dense703"]


def test_a_layout_is_made_shown_and_named_by_its_file(tmp_path: Path, model: HeadModel) -> None:
    """From a CSV to a file that is a layout everywhere, and a picture of it."""
    (tmp_path / "dots.csv").write_text("x,y,z\n0,-41,46\n28,22,27\n")
    file = tmp_path / "dots.json"
    status, out = run("layouts", "make", file, "--points", tmp_path / "dots.csv", "--unit", "mm")
    assert status == 0, out
    assert "moved to the surface" in out
    assert "2 landmarks" in out
    assert len(layout(file, model)) == 2
    status, out = run("layouts", "show", file, "--output", tmp_path / "dots.png")
    assert status == 0, out
    picture = cv2.imread(str(tmp_path / "dots.png"))
    assert picture is not None
    assert picture.shape[0] > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.json"], "Give one of"),
        (["x.json", "--vertices", "1", "--mask", "m.png"], "Give one of"),
        (["x.txt", "--vertices", "1"], "end in .json"),
        (["x.json", "--vertices", "1-"], "no vertex"),
        (["x.json", "--points", "none.csv"], "none.csv"),
    ],
)
def test_bad_requests_are_one_line(arguments: list[str], message: str) -> None:
    """Nothing is written, and the line says what to do."""
    status, out = run("layouts", "make", *arguments)
    assert status in (2, 3)
    assert message in out
    assert not Path("x.json").exists()


def test_a_picture_shows_the_parts_in_their_colours(model: HeadModel) -> None:
    """Bones on a head of glass, half of them in full colour from each side."""
    sheet = draw_layout(layout("jaw", model), model)
    green = np.abs(sheet.astype(int) - PART_COLOURS["jaw"]).sum(axis=2) < 12
    assert green.sum() > 2000
    eyes = draw_layout(layout("eyes", model), model)
    blue = np.abs(eyes.astype(int) - PART_COLOURS["eyes"]).sum(axis=2) < 12
    assert 20 < blue.sum() < 2000
