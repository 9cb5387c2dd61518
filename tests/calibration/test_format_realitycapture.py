"""RealityCapture's CSV and XMP: angles, units and the world's axes, and that the two files agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.camera import Camera, Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from calibration.formats.realitycapture import angles_of, rotation_of
from tests.calibration.rigs import arc_rig, assert_same_cameras, mixed_rig

EXAMPLES = Path(__file__).parent / "format_examples"
CSV = EXAMPLES / "realitycapture.csv"
SIZES = {"camera_0001": (4000, 3000), "camera_0002": (4000, 3000)}


def a_rig() -> Rig:
    """Cameras of one focal length each, which is all that RealityCapture has."""
    cameras = []
    for camera in arc_rig(3):
        K = camera.K.copy()
        K[1, 1] = K[0, 0]
        cameras.append(replace(camera, K=K))
    return Rig(tuple(cameras))


def test_the_angles_give_the_rotation_of_the_other_export() -> None:
    """Heading, pitch and roll of a CSV are the rotation that an XMP has for the same camera.

    The pair was published by a user in Capturing Reality's forum ("Different rotation of cameras in XMP and
    CSV").
    """
    rotation = [
        [0.982594073038806, 0.185426733553445, -0.0112166890261935],
        [-0.032113633044729, 0.11008102707942, -0.993403685341366],
        [-0.18296885582437, 0.976472781986697, 0.114],
    ]
    angles = [163.736597399311, 83.4154313461628, 174.386496244756]
    np.testing.assert_allclose(rotation_of(angles), rotation, atol=2e-4)
    np.testing.assert_allclose(rotation_of(angles)[:2], rotation[:2], atol=1e-6)


def test_a_camera_with_all_angles_at_zero_looks_down_with_north_on_top() -> None:
    """Capturing Reality: at zero the camera looks down and the top of its image is towards Y (north)."""
    right, down, forward = rotation_of([0, 0, 0])
    np.testing.assert_allclose(forward, [0, 0, -1], atol=1e-15)
    np.testing.assert_allclose(down, [0, -1, 0], atol=1e-15)
    np.testing.assert_allclose(right, [1, 0, 0], atol=1e-15)


@pytest.mark.parametrize("pitch", [0.0, 35.0, 89.9999999, 90.0, -90.0, 120.0])
def test_angles_come_back_even_of_level_cameras(pitch: float) -> None:
    """The rotation of the angles of a rotation is itself, also where heading and roll are not apart."""
    R = rotation_of([70.0, pitch, -20.0])
    np.testing.assert_allclose(rotation_of(angles_of(R)), R, atol=1e-14)


def test_a_csv_of_realitycapture_is_read() -> None:
    """Focal lengths are in 35 mm, principal points by the larger side, the world is turned to Y up."""
    rig = read_rig(CSV, sizes=SIZES)
    assert rig.names == ("camera_0001", "camera_0002")
    camera = rig.cameras[0]
    np.testing.assert_allclose(camera.focal, 16.80822459736219 / 36 * 4000)
    offset = np.array([5.653226032102788e-3, -1.402847801366674e-2]) * 4000
    np.testing.assert_allclose(camera.principal, np.array([2000, 1500]) + offset - 0.5)
    np.testing.assert_allclose(camera.centre, [0.34805148, 1.87497434, 0.45695547], atol=1e-7)
    np.testing.assert_allclose(camera.coefficients, [-0.23701466, 0.06993742, 0, 0, -0.01089548], atol=1e-8)
    # Held nearly level (pitch 87 degrees), it has the world's up at the top of its images.
    assert camera.R[1] @ [0, -1, 0] > 0.95
    assert "Y is up" in rig.notes[-1]


def test_the_larger_side_counts_of_upright_images_too() -> None:
    """In a portrait image the height is the 36 mm."""
    rig = read_rig(CSV, sizes=dict.fromkeys(SIZES, (3000, 4000)))
    np.testing.assert_allclose(rig.cameras[0].focal, 16.80822459736219 / 36 * 4000)
    np.testing.assert_allclose(rig.cameras[0].principal[0], 1500 + 5.653226032102788e-3 * 4000 - 0.5)


def test_the_size_of_the_images_has_to_be_said() -> None:
    """The files do not carry it, so that a camera without size is an error that names it."""
    with pytest.raises(InputError, match="does not carry the size of the images of camera camera_0001"):
        read_rig(CSV)
    with pytest.raises(InputError, match="none was given; sizes were given for front"):
        read_rig(CSV, sizes={"front": (10, 10)})


def test_images_of_other_cameras_are_left_out(tmp_path: Path) -> None:
    """A file of a whole scan gives the cameras of the shoot, whose sizes are known, and notes the others."""
    sizes = {"camera_0002": (4000, 3000)}
    rig = read_rig(CSV, sizes=sizes)
    assert rig.names == ("camera_0002",)
    assert any("not known: camera_0001." in note for note in rig.notes)
    folder = write_rig(a_rig(), tmp_path / "cams", "realitycapture-xmp")
    assert read_rig(folder, sizes={"cam1": (1024, 768)}).names == ("cam1",)


def test_an_xmp_of_realitycapture_is_read(tmp_path: Path) -> None:
    """A sidecar has the rotation, world to camera, row by row, and the camera's centre."""
    (camera,) = read_rig(EXAMPLES / "realitycapture.xmp", sizes={"realitycapture": (6000, 4000)})
    np.testing.assert_allclose(camera.focal, 24.3765359225552 / 36 * 6000)
    np.testing.assert_allclose(camera.principal, [2999.5 - 2.7885167, 1999.5 - 4.9415604], atol=1e-6)
    np.testing.assert_allclose(camera.centre, [66.88505525, 5.45377093, -45.25511948], atol=1e-7)
    # Its y axis is nearly minus Z of RealityCapture's world: the image's down is our down.
    np.testing.assert_allclose(camera.R[1], [0.04120584, -0.99914043, 0.00452554], atol=1e-8)
    text = (EXAMPLES / "realitycapture.xmp").read_text()
    path = tmp_path / "a.xmp"
    path.write_text(text.replace("brown3", "division"))
    with pytest.raises(InputError, match=r"'division' is not one that vultus has.*brown3t2"):
        read_rig(path, sizes={"a": (6000, 4000)})
    path.write_text(text.replace("0.107339706650415 -0.0104748224573926 0 0 0", "0.1"))
    with pytest.raises(InputError, match="DistortionCoeficients has 2 numbers"):
        read_rig(path, sizes={"a": (6000, 4000)})
    path.write_text(text[:700])
    with pytest.raises(InputError, match="cannot be read as XML"):
        read_rig(path, sizes={"a": (6000, 4000)})


@pytest.mark.parametrize(
    ("target", "kind"), [("cameras.csv", "realitycapture"), ("cams", "realitycapture-xmp")]
)
def test_a_rig_survives(target: str, kind: str, tmp_path: Path) -> None:
    """Both files give back names, lenses with their tangential terms, and poses in a Y-up world."""
    rig = a_rig()
    path = write_rig(rig, tmp_path / target, kind)
    again = read_rig(path, sizes={camera.name: camera.size for camera in rig})
    assert_same_cameras(again, rig, atol=1e-9)
    assert read_rig(path, sizes={c.name: c.size for c in rig}, units="cm").cameras[0].t == pytest.approx(
        rig.cameras[0].t / 100
    )


def test_t1_is_opencvs_p2(tmp_path: Path) -> None:
    """The tangential terms change places, as in AliceVision's importer."""
    path = tmp_path / "a.csv"
    path.write_text(CSV.read_text().replace(",0,0,0\n", ",0,0.001,0.002\n"))
    (camera, _) = read_rig(path, sizes=SIZES)
    np.testing.assert_allclose(camera.distortion[2:4], [0.002, 0.001])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("heading,pitch", "yaw,pitch"), "columns heading are missing"),
        ((",0,0,0\n", ",0.1,0,0\n"), "line 3: the lens has k4 = 0.1"),
        (("0.3480514800888185", "west"), "line 3: x is 'west', which is no number"),
        (("0.3480514800888185", "nan"), "line 3: x holds a number that is not finite"),
        (("0.3480514800888185,", ""), "line 3: the line has 15 fields, its header 16"),
        (("camera_0002", "camera_0001"), r"camera_0001.tif are both of camera camera_0001, but their lenses"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    """Columns and lines that are missing, malformed or beyond the lens model are named."""
    path = tmp_path / "cameras.csv"
    assert change[0] in CSV.read_text()
    path.write_text(CSV.read_text().replace(*change))
    with pytest.raises(InputError, match=message):
        read_rig(path, "realitycapture", sizes=SIZES)


def test_lenses_that_realitycapture_does_not_have_are_not_written(tmp_path: Path) -> None:
    """Rational and fisheye lenses and anamorphic pixels are refused, with how far off the image would be."""
    _, rational, fisheye = mixed_rig()
    anamorphic = Camera("a", 1000, 800, np.diag([1500.0, 1510.0, 1]), np.zeros(5))
    for camera, message in (
        (rational, "rational lens"),
        (fisheye, "fisheye lens"),
        (anamorphic, "1.7 px"),
    ):
        with pytest.raises(UsageError, match=message):
            write_rig(Rig((camera,)), tmp_path / "cameras.csv")
    assert not (tmp_path / "cameras.csv").exists()


def test_two_focal_lengths_that_hardly_differ_become_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A calibration finds two focal lengths of every lens: their mean is written, and how far off that is."""
    camera = Camera("a", 1000, 800, np.diag([1500.0, 1500.4, 1]), np.zeros(5))
    rig = read_rig(write_rig(Rig((camera,)), tmp_path / "a.csv"), sizes={"a": (1000, 800)})
    np.testing.assert_allclose(rig.cameras[0].focal, 1500.2, rtol=1e-9)
    assert "RealityCapture has one focal length; the mean of two was written, 0.067 px" in caplog.text


def test_a_lens_with_k1_alone_is_noted(tmp_path: Path) -> None:
    """The CSV does not tell Brown's model from the division model, which has one coefficient."""
    camera = Camera("a", 100, 80, np.diag([90.0, 90, 1]), np.array([0.1, 0, 0, 0]))
    rig = read_rig(write_rig(Rig((camera,)), tmp_path / "a.csv"), sizes={"a": (100, 80)})
    assert any("Only k1 is given for a" in note for note in rig.notes)
