"""A shoot whose input is wrong is told what, where and what to do, in one line; nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fitting.head_model import HeadModel, load_head_model
from pipeline.cli import main
from pipeline.stages import calibrate
from pipeline.stores.landmarks import FrameStatus
from pipeline.stores.outcome import read_outcome
from tests.pipeline.synthetic_shoot import SyntheticShoot, write_landmarks, write_synthetic_shoot


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture
def synthetic(tmp_path: Path, model: HeadModel) -> SyntheticShoot:
    made = write_synthetic_shoot(tmp_path, model)
    calibrate.main(made.shoot)
    write_landmarks(made.shoot, model, made.vertices)
    return made


def fit(synthetic: SyntheticShoot) -> Result:
    return CliRunner().invoke(main, ["fit", str(synthetic.shoot.root)])


def refused(synthetic: SyntheticShoot, *words: str) -> None:
    """Refused with exit status 3 and these words, and without a result."""
    done = fit(synthetic)
    assert done.exit_code == 3, done.output
    for word in words:
        assert word in done.stderr
    assert not synthetic.shoot.performance_file.exists()


def test_swapped_landmarks_of_two_cameras(synthetic: SyntheticShoot) -> None:
    """The two are named, and that their folders are to be exchanged."""
    first, second = (synthetic.shoot.landmark_file(name) for name in ("left", "right"))
    with h5py.File(first, "r+") as one, h5py.File(second, "r+") as other:
        for name in ("mean", "sigma", "status"):
            here, there = one[name][:], other[name][:]
            one[name][:], other[name][:] = there, here
    refused(synthetic, "Cameras left and right", "swapped", "Exchange their folders of images")


def test_a_camera_file_in_another_unit(synthetic: SyntheticShoot, model: HeadModel) -> None:
    """The size of the head and the units that explain it are told."""
    file = synthetic.shoot.root / "cameras.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"units": "m"}))
    calibrate.main(synthetic.shoot, force=True)
    refused(synthetic, "the head is 2", " m tall", "millimetres taken for metres", "Check the units")


def test_a_landmark_that_is_no_number(synthetic: SyntheticShoot) -> None:
    """Frame and camera are named."""
    with h5py.File(synthetic.shoot.landmark_file("right"), "r+") as file:
        file["mean"][2, 5] = np.nan
    refused(synthetic, "Frame 1003, camera right", "landmark 5 has a NaN position")


def test_what_nobody_saw_is_told_after_the_fit(synthetic: SyntheticShoot) -> None:
    """A frame without a face is interpolated, flagged with the reason, and told; so is a blind camera."""
    for name in ("left", "middle", "right"):
        with h5py.File(synthetic.shoot.landmark_file(name), "r+") as file:
            blind = slice(None, 4) if name == "right" else slice(2, 3)
            file["status"][blind] = FrameStatus.NO_FACE
    done = fit(synthetic)
    assert done.exit_code == 0, done.output
    assert "warning  Frames 1003: no camera sees a face" in done.stderr
    assert "warning  Camera right: it sees no face in any frame" in done.stderr
    assert "unreliable frames, few views  1002-1003" in done.stderr
    assert "one standard deviation  surface" in done.stderr
    outcome = read_outcome(synthetic.shoot)
    assert outcome.unreliable == ("unreliable frames, few views  1002-1003",)
    assert len(outcome.warnings) == 2
