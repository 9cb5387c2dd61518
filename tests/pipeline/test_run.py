"""A whole run as a TD starts it, with a perfect network in place of a trained one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fitting.head_model import HeadModel, load_head_model
from pipeline.cli import main
from pipeline.stages import calibrate, detect
from tests.pipeline.synthetic_shoot import OraclePredictor, SyntheticShoot, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture
def synthetic(tmp_path: Path, model: HeadModel, monkeypatch: pytest.MonkeyPatch) -> SyntheticShoot:
    """A shoot ready to run."""
    (tmp_path / "weights.safetensors").write_bytes(b"any")
    made = write_synthetic_shoot(tmp_path, model, extra='weights = "weights.safetensors"\n')

    def oracle(*args: object, **kwargs: object) -> OraclePredictor:
        calibrate.main(made.shoot)
        return OraclePredictor(made.shoot, model, made.vertices)

    monkeypatch.setattr(detect, "load_predictor", oracle)
    return made


def vultus(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.slow
def test_one_command_makes_cameras_landmarks_fit_exports_and_overlays(synthetic: SyntheticShoot) -> None:
    """The results are where the last lines say, and the second run has nothing to do."""
    shoot = synthetic.shoot
    done = vultus("run", shoot.root)
    assert done.exit_code == 0, done.output
    assert "4 frames fitted" in done.stdout
    assert done.stdout.count("Progress: 100%") == 1
    assert "left out of the fit" in done.stderr.lower()
    assert {path.name for path in shoot.output.iterdir()} >= {
        "cameras.json",
        "landmarks",
        "performance.h5",
        "export",
        "overlay",
        "outcome.json",
    }
    outcome = json.loads((shoot.output / "outcome.json").read_text())
    assert (outcome["frames"], outcome["failures"]) == (4, [])

    again = vultus("run", shoot.root)
    assert again.exit_code == 0
    assert again.stderr.count("up to date") == 6

    figures = vultus("evaluate", "shoot", shoot.root, "--truth", shoot.root / "truth.npz", "--units", "mm")
    assert figures.exit_code == 0
    assert "surface, in the world   median 0." in figures.stdout


def test_a_run_with_an_unreadable_image_ends_with_the_status_of_a_partial_result(
    synthetic: SyntheticShoot,
) -> None:
    """The farm sees 4, the person which image it was; the other cameras still fit the frame."""
    image = synthetic.shoot.root / "images" / "right" / "right.1003.png"
    image.write_bytes(image.read_bytes()[:-20])
    done = vultus("run", synthetic.shoot.root)
    assert done.exit_code == 4, done.output
    assert "Failed: camera right, frame 1003" in done.stderr
    assert "4 frames fitted" in done.stdout


def test_a_misspelt_format_stops_a_run_before_it_begins(synthetic: SyntheticShoot) -> None:
    """No night is lost to a word at the end of the file."""
    file = synthetic.shoot.file
    file.write_text(file.read_text() + '[export]\nformats = ["gltf", "usdz"]\n')
    done = vultus("run", synthetic.shoot.root)
    assert done.exit_code == 2
    assert "usdz" in done.stderr
    assert not (synthetic.shoot.output / "landmarks").exists()


def test_stages_are_run_one_by_one_as_a_farm_does(synthetic: SyntheticShoot) -> None:
    """A stage prints what it wrote, and does not go on to the next; what is up to date ends with 0 too."""
    shoot = synthetic.shoot
    for stage, written in {"calibrate": shoot.cameras_file, "detect": shoot.landmarks_folder}.items():
        done = vultus("run", shoot.root, "--stage", stage)
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-1] == str(written)
    assert not shoot.performance_file.exists()
    again = vultus("run", shoot.root, "--stage", "detect")
    assert again.exit_code == 0
    assert "Progress" not in again.stdout


def test_a_stage_that_lost_frames_lets_those_after_it_go_on(synthetic: SyntheticShoot) -> None:
    """A farm manager runs nothing after a task that did not end with 0, and the other frames are good."""
    image = synthetic.shoot.root / "images" / "right" / "right.1003.png"
    image.write_bytes(image.read_bytes()[:-20])
    vultus("run", synthetic.shoot.root, "--stage", "calibrate")
    assert vultus("run", synthetic.shoot.root, "--stage", "detect").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stage", "export", "--frames", "1001-1002"), "not done in chunks"),
        (("--stage", "paint"), "calibrate, detect, identity, fit"),
        (("--stage", "detect", "--frames", "1001-1002", "--force"), ""),
    ],
)
def test_what_cannot_be_a_task_of_a_farm_is_wrong_usage(
    synthetic: SyntheticShoot, arguments: tuple[str, ...], words: str
) -> None:
    """Stages that take all frames at once, names that are no stages, and chunks by force."""
    done = vultus("run", synthetic.shoot.root, *arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert not (synthetic.shoot.output / "landmarks").exists()
