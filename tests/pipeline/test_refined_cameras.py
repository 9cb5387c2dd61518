"""A camera that was knocked after the calibration, from the command line to the next take."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy.spatial.transform import Rotation

from calibration.compare import angle_degrees
from calibration.formats import read_rig, write_rig
from fitting.head_model import HeadModel, load_head_model
from pipeline.cli import main
from pipeline.shoot.shoot import read_shoot
from pipeline.stages import calibrate
from pipeline.stores.outcome import read_outcome
from tests.pipeline.synthetic_shoot import SyntheticShoot, write_landmarks, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

SAID = "Camera right: it moved by "


def vultus(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def knocked(tmp_path_factory: pytest.TempPathFactory, model: HeadModel) -> SyntheticShoot:
    """Its landmarks are of the true cameras; its calibration has the right one elsewhere."""
    made = write_synthetic_shoot(tmp_path_factory.mktemp("knocked"), model)
    calibrate.main(made.shoot)
    write_landmarks(made.shoot, model, made.vertices)
    true = read_rig(made.shoot.cameras_file)
    write_rig(true, made.shoot.root / "true.json")
    turn = Rotation.from_euler("xyz", [0.4, 0.5, 0.3], degrees=True).as_matrix()
    shift = np.array([0.004, -0.003, 0])
    wrong = replace(true["right"], R=turn @ true["right"].R, t=turn @ (true["right"].t + shift))
    cameras = tuple(wrong if camera.name == "right" else camera for camera in true)
    write_rig(replace(true, cameras=cameras), made.shoot.root / "cameras.json")
    calibrate.main(made.shoot)
    return made


@pytest.fixture(scope="module")
def refined(knocked: SyntheticShoot) -> Result:
    return vultus("fit", knocked.shoot.root, "--cameras", "refine")


def test_the_camera_that_moved_is_named_and_found(refined: Result, knocked: SyntheticShoot) -> None:
    """On the screen, in drift.json and in the outcome; the others are as they were calibrated."""
    shoot = knocked.shoot
    assert refined.exit_code == 0, refined.output
    assert refined.stderr.count(SAID) == 1
    assert "Where they were calibrated, within what is uncertain" in refined.stderr
    assert refined.stderr.rstrip().endswith("left, middle")
    drift = json.loads(shoot.drift_file.read_text())
    assert [each["name"] for each in drift["cameras"] if each["moved"]] == ["right"]
    assert drift["words"][0].startswith(SAID)
    assert read_outcome(shoot).drift == tuple(drift["words"])
    true, given, found = (
        read_rig(file) for file in (shoot.root / "true.json", shoot.cameras_file, shoot.found_cameras_file)
    )
    np.testing.assert_array_equal(found["left"].t, given["left"].t)
    assert angle_degrees(given["right"].R @ true["right"].R.T) > 0.6
    assert angle_degrees(found["right"].R @ true["right"].R.T) < 0.2
    assert np.linalg.norm(found["right"].centre - true["right"].centre) < 3e-3
    assert found.notes[0].startswith(SAID)


@pytest.mark.parametrize("name", ["found.json", "found.toml", "found.usda"])
def test_found_cameras_go_to_other_programs(refined: Result, knocked: SyntheticShoot, name: str) -> None:
    """As any other cameras do."""
    source, target = knocked.shoot.found_cameras_file, knocked.shoot.root / name
    done = vultus("cameras", "convert", source, target)
    assert done.exit_code == 0, done.output
    assert target.stat().st_size > 100


def test_found_cameras_are_the_calibration_of_the_next_take(
    refined: Result, knocked: SyntheticShoot, tmp_path: Path, model: HeadModel
) -> None:
    """Named as any file of cameras; nothing has moved since."""
    take = write_synthetic_shoot(tmp_path, model)
    write_rig(read_rig(knocked.shoot.root / "true.json"), take.shoot.cameras_file)
    write_landmarks(take.shoot, model, take.vertices)
    text = take.shoot.file.read_text().replace('"cameras.json"', f'"{knocked.shoot.found_cameras_file}"')
    take.shoot.file.write_text(text)
    assert vultus("calibrate", tmp_path).exit_code == 0
    done = vultus("fit", tmp_path, "--cameras", "refine")
    assert done.exit_code == 0, done.output
    assert "moved" not in done.stderr.split("px at the head at most")[-1]
    assert json.loads(take.shoot.drift_file.read_text())["words"][0].startswith("Where they were calibrated")


def test_a_fit_that_does_not_look_leaves_no_old_drift(
    refined: Result, knocked: SyntheticShoot, tmp_path: Path
) -> None:
    """`drift.json` tells of the last fit alone: calibrated again, nothing has moved any more."""
    take = tmp_path / "take"
    shutil.copytree(knocked.shoot.root, take)
    shutil.copy(take / "true.json", take / "cameras.json")
    assert (take / "results" / "drift.json").exists()
    assert vultus("calibrate", take).exit_code == 0
    done = vultus("fit", take)
    assert done.exit_code == 0, done.output
    assert "moved" not in done.stderr
    assert not (take / "results" / "drift.json").exists()


def test_cameras_to_refine_have_to_be_asked_for(knocked: SyntheticShoot, tmp_path: Path) -> None:
    """Names alone would refine nothing, and say nothing of it."""
    text = knocked.shoot.file.read_text() + '[fit]\nrefine_cameras = ["right"]\n'
    file = knocked.shoot.file.with_name("named.toml")
    file.write_text(text)
    failed = vultus("fit", file)
    assert failed.exit_code == 2
    assert 'Say cameras = "refine" too' in failed.stderr
    named = read_shoot(file).with_changes(fit={"cameras": "refine"})
    assert named.settings.fit.refine_cameras == ("right",)
