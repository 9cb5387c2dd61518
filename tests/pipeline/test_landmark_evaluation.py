"""``vultus evaluate landmarks``, with a network that sees white discs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from calibration.errors import InputError
from calibration.formats import read_rig
from detector.layouts import layout
from detector.region import HEAD_CENTRE, QUERY_SCALE
from fitting.head_model import load_head_model
from pipeline.cli import main
from pipeline.drawing.curves import Axes, plot
from pipeline.labelled_shoot import faces_of_shoot
from pipeline.truth import read_truth
from tests.detector.oracle import Oracle, disc_image
from tests.pipeline.synthetic_shoot import write_synthetic_shoot


def write_photographs(folder: Path) -> None:
    """A face with perfect labels, and a black image with the same labels."""
    folder.mkdir()
    offset = layout("ibug68", load_head_model()).queries.numpy() * QUERY_SCALE - HEAD_CENTRE
    points = [301.0, 221.0] + 900.0 * offset[:, :2] * [1, -1]
    rows = "\n".join(f"{x} {y}" for x, y in points)
    image = disc_image((300.0, 220.0), 900.0, (640, 480))
    for name, content in (("seen", image), ("dark", 0 * image)):
        cv2.imwrite(str(folder / f"{name}.png"), content)
        (folder / f"{name}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")


@pytest.fixture
def _oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.landmark_evaluation.load_network", lambda weights, device: Oracle())


@pytest.mark.usefixtures("_oracle")
def test_figures_curves_and_pictures_are_written(tmp_path: Path) -> None:
    """The table is printed, and the folder holds all that a person needs to judge a network."""
    write_photographs(tmp_path / "set")
    arguments = [str(tmp_path / "set"), "--search", "--output", str(tmp_path / "out"), "--weights", "oracle"]
    result = CliRunner().invoke(main, ["evaluate", "landmarks", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "2 faces, 1 not found" in result.output
    figures = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    found = figures["layouts"]["ibug68"]
    assert found["nme"]["fr10"] == 50.0
    assert found["regions"]["jaw line"]["landmarks"] == 17
    with (tmp_path / "out" / "faces.csv").open() as file:
        rows = {row["face"]: row for row in csv.DictReader(file)}
    assert float(rows["seen"]["ibug68"]) < 1.5
    assert "sure" in rows["dark"]["reason"]
    for name in ("cumulative_error", "reliability", "worst", "median"):
        picture = cv2.imread(str(tmp_path / "out" / f"{name}.png"))
        assert picture is not None
        assert picture.std() > 5


@pytest.mark.usefixtures("_oracle")
@pytest.mark.parametrize(
    ("options", "problem"),
    [(["--layout", "dense320"], "alone"), (["--translate", "SET"], "not to be learned from")],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: list[str], problem: str) -> None:
    """Sparse labels say nothing of dense landmarks; and a test set is not learned from."""
    write_photographs(tmp_path / "set")
    words = [str(tmp_path / "set") if word == "SET" else word for word in options]
    arguments = ["evaluate", "landmarks", str(tmp_path / "set"), "--weights", "oracle", *words]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert problem in str(result.exception) + result.output


def test_a_shoot_with_truth_is_labelled_in_every_camera(tmp_path: Path) -> None:
    """The true surface's landmarks lie where each camera sees them; without landmarks that is said."""
    model = load_head_model()
    made = write_synthetic_shoot(tmp_path, model)
    sparse = layout("ibug68", model)
    rig = read_rig(tmp_path / "cameras.json")
    with pytest.raises(InputError, match="landmarks68"):
        faces_of_shoot(made.shoot, read_truth(tmp_path / "truth.npz"), rig, sparse)
    index = sparse.points.vertices[:, 0]
    np.savez(
        tmp_path / "truth.npz",
        vertices=made.vertices * 1000,
        frames=np.array([1001, 1002, 1003, 1004]),
        landmarks68=index,
    )
    faces = faces_of_shoot(made.shoot, read_truth(tmp_path / "truth.npz"), rig, sparse)
    assert len(faces) == 12
    assert faces[0].name == "left.1001"
    np.testing.assert_allclose(faces[0].points, rig["left"].project(made.vertices[0, index]), atol=1e-6)
    assert faces[0].read().ndim == 3


def test_a_plot_draws_each_curve_in_its_own_colour() -> None:
    """Values beyond the axes stay inside the frame."""
    x = np.linspace(0, 2, 20)
    empty = plot({}, Axes("title", "x", "y", 1.0, 1.0))
    drawn = plot({"one": (x, x), "two": (x, 1 - x)}, Axes("title", "x", "y", 1.0, 1.0))
    assert drawn.shape == empty.shape
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > len(np.unique(empty.reshape(-1, 3), axis=0))
    np.testing.assert_array_equal(drawn[:30, :600], empty[:30, :600])
