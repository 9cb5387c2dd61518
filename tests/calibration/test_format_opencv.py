"""OpenCV's files and ROS's camera_info: lens models, rotations, and what is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.camera import Camera, Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import arc_rig, assert_same_cameras, mixed_rig

EXAMPLES = Path(__file__).parent / "format_examples"
POINTS = np.random.default_rng(1).uniform(-0.2, 0.2, (20, 3))


def _write(path: Path, **fields: object) -> Path:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in fields.items():
        storage.write(key, value)
    storage.release()
    return path


def _camera_file(path: Path, camera: Camera, lens: np.ndarray, **fields: object) -> Path:
    size = {"image_width": camera.width, "image_height": camera.height}
    return _write(path, **size, camera_matrix=camera.K, distortion_coefficients=lens, **fields)


def test_the_file_of_opencvs_calibration_sample_is_read() -> None:
    """The sample's own output gives a lens without a place, with its residual."""
    rig = read_rig(EXAMPLES / "opencv_calibration_sample.yml")
    (camera,) = rig
    assert camera.size == (640, 480)
    assert camera.lens_model == "brown"
    np.testing.assert_allclose(camera.principal, [319.5, 239.5])
    np.testing.assert_allclose(camera.coefficients, [-0.41802327, 0.50715244, 0, 0, -0.57843597])
    assert rig.residual_px["opencv_calibration_sample"] == pytest.approx(0.38441346)
    np.testing.assert_array_equal(camera.R, np.eye(3))


def test_the_camera_info_of_ros_is_read(tmp_path: Path) -> None:
    """ROS writes plain YAML; its equidistant model is the fisheye, its rational polynomial has 8 numbers."""
    (camera,) = read_rig(EXAMPLES / "ros_camera_info.yaml")
    assert camera.name == "00b09d0100990bb6"
    np.testing.assert_allclose(camera.focal, [538.63, 539.723])
    np.testing.assert_allclose(camera.coefficients, [-0.30678, 0.0825017, 0.0028784, -0.00015829, 0])
    text = (EXAMPLES / "ros_camera_info.yaml").read_text()
    path = tmp_path / "fisheye.yaml"
    path.write_text(text.replace("plumb_bob", "equidistant").replace("-0.00015829, 0]", "-0.00015829]"))
    (fisheye,) = read_rig(path)
    assert fisheye.lens_model == "fisheye"
    path.write_text(text.replace("plumb_bob", "omni"))
    with pytest.raises(InputError, match=r"distortion model 'omni' is not one of vultus\. Understood are"):
        read_rig(path)


@pytest.mark.parametrize("target", ["cameras", "cameras.xml", "cameras.json"])
def test_every_lens_survives(target: str, tmp_path: Path) -> None:
    """Plain, rational and fisheye lenses come back as they were, in YAML, XML and JSON."""
    rig = mixed_rig()
    if target == "cameras":
        assert_same_cameras(read_rig(write_rig(rig, tmp_path / target)), rig)
        return
    for camera in rig:
        one = Rig((camera,))
        again = read_rig(write_rig(one, tmp_path / target, "opencv"))
        assert_same_cameras(again, one)


def test_opencv_itself_projects_what_was_written(tmp_path: Path) -> None:
    """cv2 reads the files and projects points to the pixels that our cameras see."""
    folder = write_rig(mixed_rig(), tmp_path / "cameras")
    for camera in mixed_rig():
        storage = cv2.FileStorage(str(folder / f"{camera.name}.yml"), cv2.FILE_STORAGE_READ)
        K, lens, R, t = (
            storage.getNode(key).mat() for key in ("camera_matrix", "distortion_coefficients", "R", "T")
        )
        project = cv2.fisheye.projectPoints if camera.fisheye else cv2.projectPoints
        rvec = cv2.Rodrigues(R)[0]
        if camera.fisheye:
            pixels, _ = project(POINTS.reshape(-1, 1, 3), rvec, t, K, lens)
        else:
            pixels, _ = project(POINTS, rvec, t, K, lens)
        np.testing.assert_allclose(pixels.reshape(-1, 2), camera.project(POINTS), atol=1e-6)


@pytest.mark.parametrize("key", ["rvec", "R"])
def test_a_rotation_is_a_vector_or_a_matrix(key: str, tmp_path: Path) -> None:
    """A Rodrigues vector and a matrix mean the same pose."""
    camera = arc_rig(3).cameras[1]
    value = cv2.Rodrigues(camera.R)[0] if key == "rvec" else camera.R
    pose = {key: value, "tvec": camera.t.reshape(3, 1)}
    path = _camera_file(tmp_path / "one.yml", camera, camera.distortion, **pose)
    (read,) = read_rig(path, units="m")
    np.testing.assert_allclose(read.R, camera.R, atol=1e-12)
    with pytest.raises(InputError, match="does not say its units"):
        read_rig(path)


def test_units_that_contradict_the_file_are_refused(tmp_path: Path) -> None:
    """A file that says metres is not read as millimetres because someone asks for it."""
    folder = write_rig(arc_rig(1), tmp_path / "cameras")
    with pytest.raises(InputError, match="has units 'm', but 'mm' were asked for"):
        read_rig(folder, units="mm")


def test_thin_prisms_and_tilted_sensors_are_refused_by_name(tmp_path: Path) -> None:
    """12 and 14 coefficients are read where the rest is zero; else what is too much is named."""
    camera = arc_rig(3).cameras[0]
    lens = np.array([0.1, 0.02, 0.001, 0.002, 0.03, 0.2, -0.1, 0.01, *np.zeros(6)])
    (read,) = read_rig(_camera_file(tmp_path / "a.yml", camera, lens))
    np.testing.assert_allclose(read.distortion, lens[:8])
    for index, name in ((9, "thin prism"), (13, "tilted sensor")):
        used = lens.copy()
        used[index] = 1e-3
        with pytest.raises(InputError, match=name):
            read_rig(_camera_file(tmp_path / "b.yml", camera, used))


def test_four_numbers_of_an_unnamed_model_are_noted(tmp_path: Path) -> None:
    """Four coefficients may be a plain lens or a fisheye; where the file does not say, a note tells."""
    camera = arc_rig(3).cameras[0]
    lens = camera.distortion[:4]
    rig = read_rig(_camera_file(tmp_path / "a.yml", camera, lens))
    assert "read as k1 k2 p1 p2" in rig.notes[0]
    rig = read_rig(_camera_file(tmp_path / "b.yml", camera, lens, fisheye_model=1))
    assert rig.cameras[0].fisheye
    assert not rig.notes


def test_a_stereo_pair_of_opencvs_sample_is_read(tmp_path: Path) -> None:
    """M1 D1 M2 D2 and R T are the cameras left and right, whose image sizes have to be said."""
    left, right = arc_rig(2)
    between = right.R @ left.R.T
    T = (right.t - between @ left.t).reshape(3, 1)
    lenses = {"M1": left.K, "D1": left.distortion, "M2": right.K, "D2": right.distortion}
    _write(tmp_path / "intrinsics.yml", **lenses)
    _write(tmp_path / "extrinsics.yml", R=between, T=T * 1000)
    with pytest.raises(InputError, match="does not carry the size of the images of camera left"):
        read_rig(tmp_path, units="mm")
    rig = read_rig(tmp_path, units="mm", sizes={"left": left.size, "right": right.size})
    seen = left.to_camera(POINTS)
    np.testing.assert_allclose(rig["right"].project(seen), right.project(POINTS), atol=1e-9)


def test_what_is_no_camera_of_opencvs_is_refused_in_words(tmp_path: Path) -> None:
    """Missing matrices, wrong rotations, a rig for one file and names that are no file's are errors."""
    camera = arc_rig(1).cameras[0]
    path = tmp_path / "a.yml"
    _write(path, image_width=10, image_height=10)
    with pytest.raises(InputError, match="camera_matrix is missing"):
        read_rig(path, "opencv")
    _camera_file(path, camera, camera.distortion, R=np.ones((2, 2)))
    with pytest.raises(InputError, match="rotation has 4 numbers"):
        read_rig(path)
    path.write_text("camera_matrix: [1, 2\n")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_rig(path)
    with pytest.raises(UsageError, match="one OpenCV file holds one camera, and the rig has 2"):
        write_rig(arc_rig(2), tmp_path / "cameras.yml")
    strange = Rig((Camera("a/b", 10, 10, np.diag([9.0, 9, 1])),))
    with pytest.raises(UsageError, match="cannot be the name of a file"):
        write_rig(strange, tmp_path / "cameras")


@pytest.mark.parametrize("suffix", [".yml", ".xml", ".json"])
def test_a_file_that_is_cut_off_is_refused(suffix: str, tmp_path: Path) -> None:
    """Wherever a file ends before its pose, an error names it: OpenCV's own parser may end the process."""
    one = Rig((arc_rig(1).cameras[0],))
    path = write_rig(one, tmp_path / f"camera{suffix}", "opencv")
    whole = path.read_text()
    for length in range(0, whole.index("units"), 11):
        path.write_text(whole[:length])
        with pytest.raises(InputError, match=f"camera{suffix}"):
            read_rig(path, "opencv")
