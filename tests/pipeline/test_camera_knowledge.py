"""What a shoot says of its cameras, as a TD writes it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.errors import UsageError
from calibration.formats import read_rig
from fitting.cameras.modes import CameraMode
from pipeline.camera_knowledge import camera_plan, given_rig, rig_for_detection
from pipeline.shoot.discovery import Discovery
from pipeline.shoot.shoot import Shoot, read_shoot
from pipeline.shoot.template import Draft, shoot_text
from pipeline.stages import calibrate

SIZES = {"left": (640, 480), "right": (640, 480)}
CAMERAS = '[cameras.left]\nimages = "left"\n[cameras.right]\nimages = "right"\n'


def shoot(folder: Path, rest: str = "") -> Shoot:
    (folder / "shoot.toml").write_text(CAMERAS + rest)
    return read_shoot(folder / "shoot.toml")


def lenses(folder: Path) -> None:
    """A calibration that says nothing of places."""
    K = [[900, 0, 319.5], [0, 900, 239.5], [0, 0, 1]]
    cameras = [{"name": name, "width": 640, "height": 480, "K": K} for name in SIZES]
    (folder / "results").mkdir()
    (folder / "results" / "cameras.json").write_text(json.dumps({"units": "m", "cameras": cameras}))


def test_a_shoot_that_says_nothing_of_cameras_has_them_found(tmp_path: Path) -> None:
    """No calibration at all: everything is unknown but the image sizes, and calibrate has nothing to do."""
    plain = shoot(tmp_path)
    rig = given_rig(plain, SIZES)
    plan = camera_plan(plain, rig)
    assert plan.mode == CameraMode.UNKNOWN
    assert plan.free == {"camera_rotation", "camera_translation", "focal"}
    assert rig["left"].size == (640, 480)
    assert rig_for_detection(plain) is None
    assert calibrate.main(plain) == plain.output


def test_lenses_without_places_are_placed_by_the_head(tmp_path: Path) -> None:
    """A file of cameras without R and t: the lenses are kept, and no rig misleads the detection."""
    lenses(tmp_path)
    half = shoot(tmp_path, '[calibration]\nsource = "file"\nfile = "x.json"\n')
    rig = given_rig(half, SIZES)
    assert camera_plan(half, rig).mode == CameraMode.POSES
    assert rig["left"].focal[0] == 900
    assert rig_for_detection(half) is None
    np.testing.assert_array_equal(read_rig(half.cameras_file)["left"].R, np.eye(3))


def test_what_is_said_to_be_known_has_to_be_calibrated(tmp_path: Path) -> None:
    """The message names the key and the way out."""
    bold = shoot(tmp_path, '[fit]\ncameras = "known"\n')
    with pytest.raises(UsageError, match=r"fit\.cameras.*calibrated"):
        camera_plan(bold, given_rig(bold, SIZES))


def test_a_measured_distance_is_read(tmp_path: Path) -> None:
    """In millimetres, between two cameras by name."""
    rest = '[calibration]\nsource = "head"\ndistance = { between = ["left", "right"], mm = 1250 }\n'
    measured = shoot(tmp_path, rest)
    plan = camera_plan(measured, given_rig(measured, SIZES))
    assert plan.distance is not None
    assert plan.distance.metres == pytest.approx(1.25)


def test_the_drafted_file_of_a_folder_without_calibration_reads(tmp_path: Path) -> None:
    """It says where the cameras come from, and shows how to give the scale."""
    found = Discovery({"left": "left", "right": "right"}, {}, None)
    text = shoot_text(Draft("take", ".", "1001-1002", False, 24.0, found, None))
    (tmp_path / "shoot.toml").write_text(text.replace("# distance", "distance"))
    settings = read_shoot(tmp_path / "shoot.toml").settings
    assert settings.calibration.source == "head"
    assert settings.calibration.distance is not None
    assert settings.calibration.distance.between == ("left", "right")


def test_a_file_without_sizes_and_units_takes_the_shoots(tmp_path: Path) -> None:
    """RealityCapture's CSV holds neither: sizes come from the images, units from the key."""
    for name in SIZES:
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "img.1001.png"), np.zeros((480, 640, 3), dtype=np.uint8))
    header = "#name,x,y,alt,heading,pitch,roll,f\n"
    rows = [f"{name}.jpg,{x},0,100,0,90,0,50\n" for name, x in (("left", -20), ("right", 20), ("texture", 0))]
    (tmp_path / "scan.csv").write_text(header + "".join(rows))
    scanned = shoot(tmp_path, '[calibration]\nsource = "file"\nfile = "scan.csv"\nunits = "cm"\n')
    rig = read_rig(calibrate.main(scanned))
    assert rig.names == ("left", "right")
    assert rig["left"].size == (640, 480)
    np.testing.assert_allclose(rig["left"].centre, [-0.2, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(rig["left"].R[2], [0, 0, -1], atol=1e-12)
