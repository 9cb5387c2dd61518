"""Images and nothing else: a TD has no calibration, and runs the shoot all the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from calibration.formats import read_rig
from fitting.head_model import load_head_model
from pipeline.cli import main
from pipeline.stages import calibrate, detect, evaluate
from tests.pipeline.synthetic_shoot import YAWS, OraclePredictor, SyntheticShoot, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


def vultus(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyntheticShoot]:
    """A shoot whose cameras are known to the test alone; detection finds its landmarks exactly."""
    model = load_head_model()
    made = write_synthetic_shoot(tmp_path_factory.mktemp("truth"), model)
    calibrate.main(made.shoot)
    oracle = OraclePredictor(made.shoot, model, made.vertices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "load_predictor", lambda *_, **__: oracle)
        yield made


def drafted(folder: Path, truth: SyntheticShoot, cameras: Path | None = None) -> Path:
    """A folder of that shoot's images, perhaps of cameras too, and what `vultus init` makes of it."""
    if cameras is not None:
        shutil.copy(cameras, folder / "cameras.json")
    for name in YAWS:
        shutil.copytree(truth.shoot.root / "images" / name, folder / name)
    assert vultus("init", folder).exit_code == 0
    file = folder / "shoot.toml"
    text = file.read_text().replace('"dense320"', '"ibug68"')
    file.write_text(text.replace('["obj", "gltf", "arkit"]', '["arkit"]'))
    return folder


@pytest.fixture(scope="module")
def take(truth: SyntheticShoot, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The run of a folder of images."""
    folder = drafted(tmp_path_factory.mktemp("take"), truth)
    return folder, vultus("run", folder)


def test_a_folder_of_images_runs_and_says_where_its_scale_is_from(take: tuple[Path, Result]) -> None:
    """Cameras are found and judged in words; what is printed last and what is stored say that they were."""
    folder, done = take
    assert done.exit_code == 0, done.output
    assert "4 frames fitted" in done.stdout
    assert "Cameras: found from the head; camera left held; scale from the identity prior" in done.stdout
    assert "lower bounds" in done.stderr
    assert "Camera right: place +-" in done.stderr
    outcome = json.loads((folder / "results" / "outcome.json").read_text())
    assert outcome["cameras"].startswith("found from the head")
    assert outcome["reprojection_px"] < 1
    assert {path.name for path in (folder / "results").iterdir()} >= {
        "found_cameras.json",
        "overlay",
        "export",
    }


def test_against_the_truth_only_shape_and_size_are_compared(
    take: tuple[Path, Result], truth: SyntheticShoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found cameras have a world of their own: no distance in it is printed as if it said something."""
    monkeypatch.setattr(evaluate, "MAX_POINTS", 60)
    figures = vultus("evaluate", "shoot", take[0], "--truth", truth.shoot.root / "truth.npz")
    assert figures.exit_code == 0, figures.output
    assert "surface, in the world   not compared" in figures.stdout
    assert "the same, scaled too    median 0." in figures.stdout
    assert "size of the head" in figures.stdout
    lonely = take[0] / "truth.npz"
    shutil.copy(truth.shoot.root / "truth.npz", lonely)
    refused = vultus("evaluate", "shoot", take[0], "--truth", lonely)
    assert refused.exit_code == 2
    assert "--truth-cameras" in refused.stderr


def test_found_cameras_serve_another_take(
    take: tuple[Path, Result], truth: SyntheticShoot, tmp_path: Path
) -> None:
    """They are named as any file of cameras, stay as they are, and are still said to be found."""
    folder = drafted(tmp_path, truth, take[0] / "results" / "found_cameras.json")
    done = vultus("run", folder, "--solver", "lm")
    assert done.exit_code == 0, done.output
    assert "Cameras: found from the head" in done.stdout
    before, after = (read_rig(place / "cameras.json") for place in (folder, folder / "results"))
    assert [camera.K.tolist() for camera in before] == [camera.K.tolist() for camera in after]
