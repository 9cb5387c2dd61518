"""From landmarks to results: the stages work on each other's files alone."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from fitting.head_model import HeadModel, load_head_model
from pipeline.stages import calibrate, evaluate, export, fit, overlay
from pipeline.stores.outcome import read_outcome
from pipeline.stores.performance import read_performance
from tests.pipeline.synthetic_shoot import FRAMES, SyntheticShoot, write_landmarks, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, model: HeadModel) -> SyntheticShoot:
    """A calibrated and fitted shoot; tests that change it make their own."""
    synthetic = write_synthetic_shoot(tmp_path_factory.mktemp("turn"), model)
    calibrate.main(synthetic.shoot)
    write_landmarks(synthetic.shoot, model, synthetic.vertices)
    fit.main(synthetic.shoot)
    return synthetic


def test_a_fit_from_stored_landmarks_finds_the_head_that_made_them(fitted: SyntheticShoot) -> None:
    """Exact landmarks give the surface back to half a millimetre, in the world of the cameras."""
    path = evaluate.main(fitted.shoot, fitted.shoot.root / "truth.npz", units="mm")
    figures = evaluate.read_evaluation(path)
    assert figures.frames == len(FRAMES)
    assert figures.region == "face"
    assert figures.world_mm is not None
    assert figures.world_mm.median < 0.5
    assert figures.size == pytest.approx(1.0, abs=0.01)
    assert figures.reprojection_px.mean < 1.0
    assert 55 < figures.interocular_mm < 75
    assert json.loads(path.read_text())["frames"] == len(FRAMES)


def test_a_truth_in_another_world_is_brought_over_by_its_cameras(
    fitted: SyntheticShoot, tmp_path: Path
) -> None:
    """A board's world is not the truth's: the same cameras in both say how they lie to each other."""
    turn = Rotation.from_rotvec([0.3, -1.2, 0.4]).as_matrix()
    shift = np.array([1.0, -2.0, 3.0])
    here = read_rig(fitted.shoot.cameras_file)
    cameras = tuple(replace(c, R=c.R @ turn.T, t=c.t - c.R @ turn.T @ shift) for c in here)
    write_rig(Rig(cameras), tmp_path / "cameras.json")
    with np.load(fitted.shoot.root / "truth.npz") as truth:
        arrays = dict(truth)
    arrays["vertices"] = (arrays["vertices"] / 1000) @ turn.T + shift
    np.savez(tmp_path / "mesh.npz", **arrays)
    path = evaluate.main(fitted.shoot, tmp_path / "mesh.npz", units="m")
    world = evaluate.read_evaluation(path).world_mm
    assert world is not None
    assert world.median < 0.5


def test_a_frame_that_only_one_camera_has_is_left_out_with_a_warning(
    fitted: SyntheticShoot, caplog: pytest.LogCaptureFixture
) -> None:
    """The frame is named, and the others are fitted, that in which one camera saw no face too."""
    with caplog.at_level(logging.WARNING, logger="pipeline"):
        fit.main(fitted.shoot)
    assert "only one camera has an image: frame 1005" in caplog.text
    performance, info = read_performance(fitted.shoot.performance_file)
    assert performance.frames.tolist() == list(FRAMES)
    assert np.isnan(performance.residual_px[1, 0]).all()
    assert info.layout == "ibug68"
    assert "jawOpen" in info.expression_names


def test_a_stage_that_is_up_to_date_does_nothing(
    fitted: SyntheticShoot, caplog: pytest.LogCaptureFixture
) -> None:
    """The file is not touched; a changed setting fits again."""
    before = fitted.shoot.performance_file.stat().st_mtime_ns
    with caplog.at_level(logging.INFO, logger="pipeline"):
        fit.main(fitted.shoot)
    assert "Fit: up to date" in caplog.text
    assert fitted.shoot.performance_file.stat().st_mtime_ns == before


def test_exports_and_overlays_are_made_from_the_performance_file(fitted: SyntheticShoot) -> None:
    """One folder per format, the cameras, a sheet and a movie per camera; the second time nothing is done."""
    folder = export.main(fitted.shoot)
    assert sorted(path.name for path in folder.iterdir()) == ["arkit", "cameras.json", "gltf", "obj", "usd"]
    assert len(list((folder / "obj").rglob("*.obj"))) >= len(FRAMES)
    sheet = overlay.main(fitted.shoot) / overlay.SHEET
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.std() > 10
    assert sorted(path.name for path in sheet.parent.glob("*.mp4")) == ["left.mp4", "middle.mp4", "right.mp4"]
    before = sheet.stat().st_mtime_ns
    overlay.main(fitted.shoot)
    assert sheet.stat().st_mtime_ns == before
    next((folder / "obj").rglob("*1001.obj")).unlink()
    export.main(fitted.shoot)
    assert len(list((folder / "obj").rglob("*.obj"))) >= len(FRAMES)


def test_the_outcome_counts_what_failed_and_not_a_head_that_turned_away(fitted: SyntheticShoot) -> None:
    """One camera without a face in one frame is no failure."""
    outcome = read_outcome(fitted.shoot)
    assert outcome.failures == ()
    assert outcome.frames == len(FRAMES)
    assert outcome.exit_status == (0 if outcome.converged else 5)


def test_an_unknown_export_format_is_refused_by_name(fitted: SyntheticShoot) -> None:
    """The message lists those there are."""
    shoot = fitted.shoot.with_changes(export={"formats": ("fbx",)})
    with pytest.raises(UsageError, match=r"'fbx'.*gltf"):
        export.main(shoot)


def test_cameras_are_exported_for_other_programs(fitted: SyntheticShoot) -> None:
    """Each format of ``[export] cameras`` has its file or folder beside the heads; unknown ones are named."""
    shoot = fitted.shoot.with_changes(export={"formats": ("arkit",), "cameras": ("usd", "chan")})
    folder = export.main(shoot)
    fitted_rig = read_rig(folder / "cameras_usd.usda")
    assert fitted_rig.names == shoot.camera_names
    assert len(list((folder / "cameras_chan").iterdir())) == len(fitted_rig)
    with pytest.raises(UsageError, match=r"'maya'.*stmap.*vultus"):
        export.main(fitted.shoot.with_changes(export={"cameras": ("maya",)}))


def test_landmarks_of_other_frames_are_not_mixed(tmp_path: Path, model: HeadModel) -> None:
    """A stage says which stage has to be run before it."""
    synthetic = write_synthetic_shoot(tmp_path, model)
    with pytest.raises(InputError, match=r"cameras\.json"):
        fit.main(synthetic.shoot)
    calibrate.main(synthetic.shoot)
    with pytest.raises(InputError, match=r"left\.h5"):
        fit.main(synthetic.shoot)
