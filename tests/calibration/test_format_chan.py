"""Nuke's .chan: the rotation order, and a vertical field of view only."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import WriteOptions, read_rig, write_rig
from tests.calibration.rigs import arc_rig

EXAMPLES = Path(__file__).parent / "format_examples"
SIZES = {"nuke": (1920, 1080)}


def plain_rig() -> Rig:
    """Cameras that a .chan file can hold."""
    cameras = []
    for camera in arc_rig():
        K = np.array([[camera.K[1, 1], 0, 511.5], [0, camera.K[1, 1], 383.5], [0, 0, 1]])
        cameras.append(replace(camera, K=K, distortion=np.zeros(0)))
    return Rig(tuple(cameras))


def turn(axis: str, degrees: float) -> np.ndarray:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def test_nukes_rotation_order_and_axes() -> None:
    """Rotations go around z first, then x, then y; the camera looks down -z with y up."""
    (camera,) = read_rig(EXAMPLES / "nuke.chan", sizes=SIZES)
    orientation = turn("y", 20) @ turn("x", -10) @ turn("z", 5)
    position = np.array([0.25, 1.5, 2])
    np.testing.assert_allclose(camera.centre, position, atol=1e-12)
    ahead, above = position - orientation[:, 2], position - orientation[:, 2] + 0.1 * orientation[:, 1]
    np.testing.assert_allclose(camera.project(ahead), [959.5, 539.5], atol=1e-9)
    assert camera.project(above)[1] < 539.5 - 50


def test_another_rotation_order_is_read_and_written(tmp_path: Path) -> None:
    """A file of a program with another order is another rotation, unless the order is said."""
    (nukes,) = read_rig(EXAMPLES / "nuke.chan", sizes=SIZES)
    (other,) = read_rig(EXAMPLES / "nuke.chan", sizes=SIZES, rotation_order="xyz")
    expected = turn("z", 5) @ turn("y", 20) @ turn("x", -10)
    np.testing.assert_allclose(-other.R.T[:, 2], expected[:, 2], atol=1e-12)
    assert np.abs(other.R - nukes.R).max() > 0.01
    path = write_rig(Rig((nukes,)), tmp_path / "nuke.chan", options=WriteOptions("XYZ"))
    (again,) = read_rig(path, sizes=SIZES, rotation_order="XYZ")
    np.testing.assert_allclose(again.R, nukes.R, atol=1e-12)
    with pytest.raises(UsageError, match="no rotation order 'XXY'"):
        read_rig(path, rotation_order="XXY")


def test_the_field_of_view_is_vertical() -> None:
    """The upper and lower edges of the image are the field of view apart; pixels are square and centred."""
    (camera,) = read_rig(EXAMPLES / "nuke.chan", sizes=SIZES)
    edges = np.array([[959.5, -0.5], [959.5, 1079.5]])
    angles = np.degrees(np.arctan(camera.normalise(edges)[:, 1]))
    np.testing.assert_allclose(angles, [-24.5 / 2, 24.5 / 2], atol=1e-9)
    assert camera.focal[0] == camera.focal[1]
    np.testing.assert_array_equal(camera.principal, [959.5, 539.5])


def test_the_image_size_has_to_be_said() -> None:
    """A .chan file does not hold it, and it is never guessed."""
    with pytest.raises(InputError, match=r"nuke\.chan: .*size of the images of camera nuke"):
        read_rig(EXAMPLES / "nuke.chan")


def test_units_are_metres_unless_said() -> None:
    """A note says that metres were assumed; units that are said are taken."""
    rig = read_rig(EXAMPLES / "nuke.chan", sizes=SIZES)
    assert any("metres" in note for note in rig.notes)
    rig = read_rig(EXAMPLES / "nuke.chan", sizes=SIZES, units="cm")
    np.testing.assert_allclose(rig.cameras[0].centre, [0.0025, 0.015, 0.02])
    assert not any("metres" in note for note in rig.notes)


def test_a_rig_survives_as_a_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Cameras without a lens come back as they were, each from the file of its name, and nothing is lost."""
    rig = plain_rig()
    folder = write_rig(rig, tmp_path / "cameras", "chan")
    assert sorted(path.name for path in folder.iterdir()) == ["cam0.chan", "cam1.chan", "cam2.chan"]
    assert caplog.records == []
    again = read_rig(folder, sizes={camera.name: camera.size for camera in rig})
    for before, after in zip(rig, again, strict=True):
        assert (after.name, after.size) == (before.name, before.size)
        for attribute in ("K", "R", "t"):
            np.testing.assert_allclose(
                getattr(after, attribute), getattr(before, attribute), rtol=1e-9, atol=1e-9
            )


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A lens, an off-centre principal point and unequal focal lengths are never dropped in silence."""
    with caplog.at_level(logging.WARNING):
        write_rig(arc_rig(1), tmp_path / "cam0.chan")
    (message,) = caplog.messages
    assert "Camera cam0" in message
    for lost in ("brown lens distortion", "3.5 and -3.5 px from the centre", "focal length"):
        assert lost in message


def test_several_cameras_do_not_go_into_one_file(tmp_path: Path) -> None:
    """One .chan is one camera."""
    with pytest.raises(UsageError, match="holds one camera, and the rig has 3"):
        write_rig(plain_rig(), tmp_path / "rig.chan")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "1001 0 0 0 0 0 0 30\n1002 0 0.1 0 0 0 0 30\n",
            r"the camera moves \(frame 1002 differs from frame 1001\)",
        ),
        ("1001 0 0 0 0 0 0\n", "line 1: no field of view"),
        ("# comment\n1001 0 0 0 0 0 zero 30\n", "line 2: rz is 'zero', which is no number"),
        ("1001 0 0 0 0 0 0 nan\n", "not finite"),
        ("1001 0 0 0 0 0 0 180\n", "field of view is 180 degrees"),
        ("1001 0 0 0 0 0 0 1e-320\n", "field of view is 9.99989e-321 degrees"),
        ("1001 0 0\n", "line 1: 3 columns"),
        ("", "no frames"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str, tmp_path: Path) -> None:
    """Each thing that can be wrong is named, with the file and the line."""
    path = tmp_path / "nuke.chan"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_rig(path, sizes=SIZES)
    assert str(path) in str(caught.value)
