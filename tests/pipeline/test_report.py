"""The page that a TD opens in the morning: it says what may not be relied on, and shows the rest."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from calibration.camera import Rig
from calibration.formats import read_rig
from fitting.head_model import HeadModel, load_head_model
from fitting.performance import FrameStatus, Performance
from fitting.reliability import FrameFlag, Reliability
from pipeline.cli import main
from pipeline.report.facts import read_facts
from pipeline.report.timeline import Timeline
from pipeline.report.verdict import Grade, judge
from pipeline.shoot.shoot import Shoot
from pipeline.stages import calibrate, report
from pipeline.stores.outcome import read_outcome
from pipeline.stores.performance import ModelInfo, write_performance
from tests.pipeline.synthetic_shoot import FRAMES, write_landmarks, write_synthetic_shoot

NAME = "turn <i>&amp; Müller</i>"
VOID = ("meta", "img", "link", "line", "image", "circle", "polyline", "rect", "br")


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, model: HeadModel) -> Shoot:
    """A shoot with landmarks, a fit of sorts, and files that stand for overlays and exports."""
    synthetic = write_synthetic_shoot(tmp_path_factory.mktemp("take of ä"), model)
    shoot = synthetic.shoot.with_changes(shoot={"name": NAME})
    calibrate.main(shoot)
    write_landmarks(shoot, model, synthetic.vertices)
    fitted(shoot, model)
    for place in ("overlay/sheet.jpg", "overlay/left.mp4", "export/gltf/a b#1.glb"):
        file = shoot.output / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    return shoot


@pytest.fixture
def shoot(made: Shoot, tmp_path: Path) -> Shoot:
    """A copy, to be changed."""
    shutil.copytree(made.output, tmp_path / "results")
    return made.with_changes(shoot={"output": str(tmp_path / "results")})


def fitted(shoot: Shoot, model: HeadModel, **changes: Any) -> None:
    """Write a performance as a fit would."""
    rig = read_rig(shoot.cameras_file)
    rng, count = np.random.default_rng(1), len(FRAMES)
    pixels = rng.uniform(0.2, 1.2, (count, len(rig), 68))
    pixels[1, 0] = np.nan
    expression = np.zeros((count, model.expression_size))
    expression[:, model.expression_names.index("jawOpen")] = np.linspace(0, 0.6, count)
    performance = Performance(
        frames=np.array(FRAMES, np.int64),
        identity=np.zeros(model.identity_size),
        expression=expression,
        pose=rng.normal(0, 0.1, (count, 15)),
        rig=rig,
        energies={"total": 1.0},
        residual_px=pixels,
        converged=True,
        fps=24.0,
        status=np.full(count, FrameStatus.FITTED, np.int8),
        reliability=Reliability.judge(
            pixels, pixels, np.full(count, 1e-3), np.zeros((count, 1, 3)), np.array(FRAMES)
        ),
    )
    info = ModelInfo(model.traits.name, model.expression_names, model.joint_names, "ibug68")
    write_performance(
        shoot.performance_file, replace(performance, **changes), info, fingerprint=repr(changes)
    )


class Page(HTMLParser):
    """Collects the tags, addresses and words of a page, and complains of tags that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("href", "src") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def page_of(shoot: Shoot) -> Page:
    return Page(report.main(shoot).read_text(encoding="utf-8"))


def test_the_page_shows_pictures_plots_cameras_and_files(shoot: Shoot) -> None:
    """Every address is in the page itself or a file beside it, and names are written as they are."""
    page = page_of(shoot)
    assert NAME in page.text
    assert "script" not in page.tags
    for address in page.addresses:
        if not address.startswith(("data:", "#")):
            assert (shoot.output / unquote(address)).exists(), address
    assert "export/gltf/a%20b%231.glb" in page.addresses
    assert page.tags.count("video") == 1
    assert page.tags.count("svg") == 6
    for words in (
        "jawOpen",
        "Reprojection error by camera",
        "4 of 5",
        "What each camera saw",
        "images/middle",
    ):
        assert words in page.text


def test_the_same_results_make_the_same_page_wherever_they_lie(shoot: Shoot, tmp_path: Path) -> None:
    """No times and no names of machines: pages can be compared, and kept."""
    first = report.main(shoot).read_bytes()
    shutil.copytree(shoot.output, tmp_path / "elsewhere")
    other = shoot.with_changes(shoot={"output": str(tmp_path / "elsewhere")}, fit={"device": "cpu"})
    assert report.main(other, force=True).read_bytes() == first


def test_a_page_that_is_up_to_date_is_left_as_it_is(shoot: Shoot) -> None:
    """Until an export is made anew, or the page is gone."""
    calls: list[int] = []

    def count(done: int, total: int, label: str) -> None:
        calls.append(done)

    page = report.main(shoot, progress=count)
    assert calls
    calls.clear()
    report.main(shoot, progress=count)
    assert not calls
    (shoot.export_folder / "gltf" / "more.glb").write_bytes(b"more")
    report.main(shoot, progress=count)
    assert calls
    calls.clear()
    page.unlink()
    report.main(shoot, progress=count)
    assert calls
    assert page.is_file()


def test_a_shoot_without_overlays_and_exports_has_a_page_too(shoot: Shoot) -> None:
    """It says how to make them."""
    shutil.rmtree(shoot.overlay_folder)
    shutil.rmtree(shoot.export_folder)
    text = page_of(shoot).text
    assert "vultus overlay" in text
    assert "vultus export" in text


def test_the_verdict_is_in_words_and_the_worst_comes_first(shoot: Shoot, model: HeadModel) -> None:
    """A solver that missed its gate, frames that are flagged, warnings, frames that were left out."""
    flags = np.array([0, 0, FrameFlag.JUMP, FrameFlag.JUMP], np.uint8)
    reliability = read_facts(shoot).performance.reliability
    assert reliability is not None
    changed = replace(reliability, flags=flags)
    fitted(shoot, model, converged=False, reliability=changed, warnings=("the head is oddly small",))
    verdict = judge(read_facts(shoot))
    assert verdict.grade == Grade.BAD
    assert [remark.text for remark in verdict.remarks] == [
        "The solver stopped before it reached its gate: look at the pictures before anything is used",
        "The head is oddly small",
        "Unreliable frames, jump: 1003-1004",
        "Left out of the fit, since fewer than two cameras have an image: 1005",
    ]
    assert verdict.headline in page_of(shoot).text
    assert CliRunner().invoke(main, ["report", str(shoot.file), "--output", str(shoot.output)]).exit_code == 5


def test_a_camera_that_the_calibration_left_out_is_told(shoot: Shoot, model: HeadModel) -> None:
    """In the outcome, on the page and by the exit status, as by calibrate itself."""
    assert read_outcome(shoot).exit_status == 0
    rig = read_rig(shoot.cameras_file)
    two = Rig(tuple(camera for camera in rig if camera.name != "right"))
    pixels = np.ones((len(FRAMES), 2, 68))
    fitted(shoot, model, rig=two, residual_px=pixels, reliability=None)
    shoot.calibration_folder.mkdir()
    (shoot.calibration_folder / "report.json").write_text(json.dumps({"left_out": ["right"]}))
    outcome = read_outcome(shoot)
    assert outcome.warnings == ("Camera right: the images of the board do not determine it; it is left out",)
    assert outcome.exit_status == 4
    text = page_of(shoot).text
    assert "Done in part" in text
    assert "2 cameras of 3 in the shoot" in re.sub(r"\W+", " ", text)
    assert json.loads((shoot.output / "outcome.json").read_text())["uncalibrated"] == ["right"]


def test_a_camera_that_the_file_of_cameras_lacks_is_told_as_a_warning(shoot: Shoot, model: HeadModel) -> None:
    """Whoever lists a camera without calibration may know: the exit status stays 0."""
    rig = read_rig(shoot.cameras_file)
    two = Rig(tuple(camera for camera in rig if camera.name != "left"))
    fitted(shoot, model, rig=two, residual_px=np.ones((len(FRAMES), 2, 68)), reliability=None)
    calibrated = json.loads(shoot.cameras_file.read_text())
    calibrated["cameras"] = [each for each in calibrated["cameras"] if each["name"] != "left"]
    shoot.cameras_file.write_text(json.dumps(calibrated))
    outcome = read_outcome(shoot)
    assert outcome.warnings == ("Camera left: it is not among the calibrated cameras; it is left out",)
    assert outcome.exit_status == 0


def test_a_long_take_is_brought_together_and_no_outlier_is_lost() -> None:
    """A page of a take of an hour has as many columns as one of a minute; the worst frame still shows."""
    frames = np.arange(1001, 91001)
    timeline = Timeline(frames)
    values = np.zeros(len(frames))
    values[70000] = 9.0
    spread = timeline.spread(frames, values)
    assert len(spread) == timeline.columns <= 480
    assert spread[timeline.columns_of(frames[70000:70001])[0]] == 9.0


def test_a_gap_in_the_frames_is_a_gap_and_every_other_frame_is_not() -> None:
    """Columns are frame numbers: 1001-1520x2 fills them, 1004 and 1005 that are missing leave two empty."""
    assert Timeline(np.arange(1001, 1021, 2)).columns == 10
    frames = np.array([1001, 1002, 1003, 1006])
    spread = Timeline(frames).spread(frames, np.ones((2, 4)))
    assert np.isnan(spread[0]).tolist() == [False, False, False, True, True, False]
