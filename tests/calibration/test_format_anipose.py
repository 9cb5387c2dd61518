"""The TOML of Anipose and Pose2Sim: the units are the board's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.camera import Rig
from calibration.errors import InputError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import mixed_rig

EXAMPLES = Path(__file__).parent / "format_examples"


def test_what_pose2sim_writes_is_in_metres() -> None:
    """The cameras of Pose2Sim's demo stand some three metres away; a note says what was assumed."""
    rig = read_rig(EXAMPLES / "pose2sim_calib.toml")
    assert rig.names == ("int_cam1_img", "int_cam2_img")
    assert rig.cameras[0].size == (1088, 1920)
    assert 2.5 < np.linalg.norm(rig.cameras[0].centre) < 4
    assert "Pose2Sim" in rig.notes[0]
    assert "taken for m" in rig.notes[0]
    np.testing.assert_allclose(rig.cameras[0].t, [0.2993949854075437, 0.9123682264266217, 2.9525770726222924])
    # its camera looks from the front, upright: the world's z axis is up in the image
    feet, head = rig.cameras[0].project(np.array([[0, 0, 0], [0, 0, 1.7]]))
    assert head[1] < feet[1] - 500


def test_what_anipose_writes_is_in_millimetres() -> None:
    """A file without what only Pose2Sim writes is Anipose's; a note says that millimetres were assumed."""
    rig = read_rig(EXAMPLES / "anipose_calibration.toml")
    assert rig.names == ("A", "B")
    np.testing.assert_allclose(rig["B"].t, [-0.2124, -0.0083, 0.0965])
    assert "Anipose" in rig.notes[0]
    assert "taken for mm" in rig.notes[0]


def test_a_person_says_the_unit_of_the_board() -> None:
    """Units given are taken, without a note."""
    rig = read_rig(EXAMPLES / "anipose_calibration.toml", units="cm")
    np.testing.assert_allclose(rig["B"].t, [-2.124, -0.083, 0.965])
    assert rig.notes == ()


def test_a_rig_survives(tmp_path: Path) -> None:
    """Plain, rational and fisheye lenses, poses, residuals and units are kept."""
    rig = Rig(mixed_rig().cameras, "a board", {"cam0": 0.25, "cam2": 0.5})
    again = read_rig(write_rig(rig, tmp_path / "calibration.toml"))
    assert again.notes == ()
    assert again.residual_px == rig.residual_px
    for before, after in zip(rig, again, strict=True):
        assert (after.name, after.size, after.fisheye) == (before.name, before.size, before.fisheye)
        for attribute in ("K", "distortion", "R", "t"):
            np.testing.assert_allclose(getattr(after, attribute), getattr(before, attribute), atol=1e-14)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("size = [ 1280, 1024,]", "", "camera A: the image width is missing"),
        ("matrix = [ [ 1430.62", 'matrix = [ [ "f"', "camera A: matrix must be 3 x 3 numbers"),
        ("rotation = [ 0.012, ", "rotation = [ ", "camera A: rotation must be 3 numbers"),
        ("[cam_1]", "[cam_0]", "cannot be read as TOML"),
        ('name = "B"', 'name = "A"', "called A"),
        ("adjusted = false", 'units = "inch"', "units 'inch', which are unknown"),
        ("1412.08, 0.0, 639.5", "-1412.08, 0.0, 639.5", "positive focal lengths"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Each thing that a file can lack is named, with the file."""
    path = tmp_path / "calibration.toml"
    path.write_text((EXAMPLES / "anipose_calibration.toml").read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_rig(path)
    assert path.name in str(caught.value)


def test_a_toml_of_something_else_is_refused(tmp_path: Path) -> None:
    """A TOML file without cameras is not taken for an empty rig."""
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "x"\n')
    with pytest.raises(InputError, match="holds no cameras"):
        read_rig(path)
