"""vultus cameras check, as a TD runs it: a good rig, a planted mistake, its correction, what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from calibration.camera import Camera
from calibration.epipolar import epipolar_curve, epipolar_table
from calibration.formats import read_rig, write_rig
from fitting.head_model import HeadModel, load_head_model
from pipeline.camera_check.landmarks import spread_runs
from pipeline.cli import main
from pipeline.drawing.curves import PAPER
from pipeline.drawing.labels import Label, place_labels
from pipeline.drawing.rig_view import BAD, Stage, draw_aslant, draw_top
from pipeline.shoot.shoot import Shoot
from pipeline.stages import detect
from tests.calibration.rigs import arc_rig
from tests.pipeline.synthetic_shoot import (
    OraclePredictor,
    SyntheticShoot,
    write_landmarks,
    write_synthetic_shoot,
)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture
def made(tmp_path: Path, model: HeadModel) -> Iterator[SyntheticShoot]:
    """A shoot of three cameras whose calibration is right, its images not looked at yet."""
    made = write_synthetic_shoot(tmp_path, model)
    oracle = OraclePredictor(_calibrated(made), model, made.vertices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "load_predictor", lambda *_, **__: oracle)
        yield made


def _calibrated(made: SyntheticShoot) -> Shoot:
    rig = read_rig(made.shoot.root / "cameras.json")
    write_rig(rig, made.shoot.cameras_file, "vultus")
    return made.shoot


def check(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["cameras", "check", *(str(each) for each in arguments)])


def rewritten(path: Path, index: int) -> bytes:
    """A file of cameras, one of them given as camera to world; returns what it holds then."""
    document = json.loads(path.read_text())
    record = document["cameras"][index]
    R, t = np.array(record["R"]), np.array(record["t"])
    record["R"], record["t"] = R.T.tolist(), (-R.T @ t).tolist()
    path.write_text(json.dumps(document))
    return path.read_bytes()


def test_a_good_rig_is_called_good(made: SyntheticShoot) -> None:
    """Exit status 0, a report in words and numbers, and pictures of the rig."""
    result = check(made.shoot.file)
    assert result.exit_code == 0, result.output
    assert "GOOD: the cameras agree" in result.output
    folder = made.shoot.output / "cameras_check"
    report = json.loads((folder / "report.json").read_text())
    assert report["good"]
    assert report["mistakes"] == []
    assert 0.85 < report["head"]["scale"] < 1.15
    for name in ("rig_top", "rig_aslant", "epipolar_table", "epipolar_lines_1"):
        picture = cv2.imread(str(folder / f"{name}.png"))
        assert picture is not None
        assert picture.std() > 5
    assert not (folder / "cameras_fixed.json").exists()


def test_a_mistake_is_named_and_the_correction_written_to_a_new_file(made: SyntheticShoot) -> None:
    """Exit status 5; the user's file stays as it is; the corrected one passes the check."""
    file = made.shoot.root / "cameras.json"
    truth = read_rig(file)
    before = rewritten(file, 2)
    result = check(made.shoot.file, "--fix")
    assert result.exit_code == 5, result.output
    assert "Camera right: its pose is inverted" in result.output
    assert 'source = "file"' in result.output
    assert file.read_bytes() == before
    folder = made.shoot.output / "cameras_check"
    fixed = read_rig(folder / "cameras_fixed.json")
    np.testing.assert_allclose(fixed["right"].R, truth["right"].R, atol=1e-9)
    np.testing.assert_allclose(fixed["right"].t, truth["right"].t, atol=1e-9)
    assert (folder / "rig_top_corrected.png").is_file()
    again = check(made.shoot.file, "--cameras", folder / "cameras_fixed.json")
    assert again.exit_code == 0, again.output


@pytest.mark.slow
def test_the_file_that_is_checked_is_never_written_over(made: SyntheticShoot) -> None:
    """Not even where it is an earlier correction."""
    rewritten(made.shoot.root / "cameras.json", 2)
    assert check(made.shoot.file, "--fix").exit_code == 5
    fixed = made.shoot.output / "cameras_check" / "cameras_fixed.json"
    before = rewritten(fixed, 0)
    result = check(made.shoot.file, "--cameras", fixed, "--fix")
    assert result.exit_code == 5, result.output
    assert fixed.read_bytes() == before
    assert fixed.with_name("cameras_fixed_again.json").is_file()


def test_the_detection_is_kept_for_the_next_check(
    made: SyntheticShoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that files can be tried one after the other in seconds."""
    assert check(made.shoot.file).exit_code == 0

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the images are looked at again")

    monkeypatch.setattr(detect, "load_predictor", fail)
    rewritten(made.shoot.root / "cameras.json", 2)
    assert check(made.shoot.file).exit_code == 5


def test_a_file_of_cameras_is_checked_by_landmarks_that_are_there(
    made: SyntheticShoot, model: HeadModel
) -> None:
    """Without a shoot and its images; stored landmarks serve a shoot too."""
    write_landmarks(made.shoot, model, made.vertices)
    file = made.shoot.root / "cameras.json"
    result = check(
        file, "--landmarks", made.shoot.landmarks_folder, "--output", made.shoot.root / "elsewhere"
    )
    assert result.exit_code == 0, result.output
    assert (made.shoot.root / "elsewhere" / "cameras_check" / "report.txt").is_file()
    assert "as detected before" in check(made.shoot.file).output


def test_images_of_another_size_are_named_before_anything_else(made: SyntheticShoot) -> None:
    """A calibration of images twice the size of these."""
    file = made.shoot.root / "cameras.json"
    document = json.loads(file.read_text())
    for record in document["cameras"]:
        record["width"], record["height"] = 2 * record["width"], 2 * record["height"]
        record["K"] = [[1800, 0, 319.5], [0, 1800, 399.5], [0, 0, 1]]
    file.write_text(json.dumps(document))
    result = check(made.shoot.file)
    assert result.exit_code == 5, result.output
    assert "their images are not of the calibration's size: they are scaled" in result.output


def test_what_is_missing_is_said(made: SyntheticShoot, tmp_path: Path) -> None:
    """No calibration, no landmarks, no file: exit status 3, and what to do."""
    text = made.shoot.file.read_text().replace('source = "file"', 'source = "head"')
    made.shoot.file.write_text(text.replace('file = "cameras.json"\n', ""))
    (made.shoot.cameras_file).unlink()
    result = check(made.shoot.file)
    assert result.exit_code == 3
    assert "no calibration to check" in result.output
    assert check(tmp_path / "cameras.json", "--landmarks", tmp_path).exit_code == 3
    assert check(tmp_path / "nowhere").exit_code == 3


def test_frames_are_runs_that_are_spread_out() -> None:
    """Neighbours show whether cameras are in step, distance shows the head from other sides."""
    assert spread_runs(range(1001, 1101), 6) == [1001, 1002, 1003, 1098, 1099, 1100]
    assert spread_runs(range(1001, 1005), 6) == [1001, 1002, 1003, 1004]
    assert len(spread_runs(range(100), 8)) == 8
    assert spread_runs(range(10), 1) == [0]


def test_epipolar_distances_are_zero_for_a_true_rig_and_grow_with_a_turn() -> None:
    """In undistorted pixels, for strong lenses too."""
    rig = arc_rig(3)
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (40, 3))
    pixels = np.stack([camera.project(points) for camera in rig], axis=1)
    table = epipolar_table(pixels, rig)
    assert np.isnan(np.diag(table)).all()
    assert np.nanmax(table) < 1e-8
    shifted = pixels.copy()
    shifted[:, 2, 1] += 4.0
    moved = epipolar_table(shifted, rig)
    assert 2.0 < moved[0, 2] < 4.0
    assert moved[0, 1] < 1e-8
    curve = epipolar_curve(pixels[0, 0], rig.cameras[0], rig.cameras[1])
    assert np.linalg.norm(curve - pixels[0, 1], axis=1).min() < 5.0


def test_rig_views_show_all_cameras_and_mark_the_bad_one() -> None:
    """Red is in the picture where a camera is bad, and only then."""
    rig = arc_rig(5, degrees=120.0)
    for draw in (draw_top, draw_aslant):
        good, bad = draw(Stage(rig)), draw(Stage(rig, bad=("cam2",)))
        assert good.shape == (900, 1100, 3)
        assert _count(bad, BAD) > _count(good, BAD) + 50


def test_labels_do_not_cover_each_other() -> None:
    """Five cameras at one place still have five readable names."""
    image = np.full((300, 400, 3), PAPER, np.uint8)
    labels = [Label("camera", np.array([200.0, 150.0]), (0, 0, 40 * index)) for index in range(1, 6)]
    place_labels(image, labels, np.array([200.0, 150.0]), np.zeros((0, 2, 2)))
    counts = [_count(image, (0, 0, 40 * index)) for index in range(1, 6)]
    assert min(counts) > 0.6 * max(counts)


def test_a_head_behind_all_cameras_is_still_drawn() -> None:
    """A rig that makes no sense gets a picture: that is when it is needed."""
    camera = Camera("one", 100, 100, np.diag([1e-3, 1e-3, 1.0]))
    rig = arc_rig(2)
    stage = Stage(type(rig)((camera, *rig.cameras)))
    assert draw_top(stage).std() > 0
    assert draw_aslant(stage).std() > 0


def _count(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(image.astype(int) - colour).max(axis=-1) < 3).sum())
