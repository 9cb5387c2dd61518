import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import arc_rig

SHARED = Path(__file__).parents[2].parent / "shared"
TARGETS = {"vultus": "cameras.json", "opencv": "cameras"}


def a_rig() -> Rig:
    rig = arc_rig(3)
    return Rig(rig.cameras, "a board", {"cam0": 0.25, "cam1": 0.5, "cam2": 0.125}, ("one note",))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_rig_survives_the_way_through_a_file(name: str, tmp_path: Path) -> None:
    """Every format gives back the same cameras, sizes and residuals that were written."""
    rig = a_rig()
    again = read_rig(write_rig(rig, tmp_path / TARGETS[name], name), name)
    assert again.names == rig.names
    assert dict(again.residual_px) == dict(rig.residual_px)
    for before, after in zip(rig, again, strict=True):
        assert after.size == before.size
        for attribute in ("K", "distortion", "R", "t"):
            np.testing.assert_allclose(getattr(after, attribute), getattr(before, attribute), rtol=1e-14)


def test_the_suffix_tells_the_format(tmp_path: Path) -> None:
    """A .json file is ours and a folder is OpenCV's, without being told."""
    for target in TARGETS.values():
        assert len(read_rig(write_rig(a_rig(), tmp_path / target))) == 3


def test_our_own_file_keeps_source_and_notes(tmp_path: Path) -> None:
    """The source of a rig and its notes are kept with it."""
    again = read_rig(write_rig(a_rig(), tmp_path / "cameras.json"))
    assert again.source == "a board"
    assert again.notes == ("one note",)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    """A wrong format name is answered with the right ones."""
    with pytest.raises(UsageError, match=r"'maya' is unknown\. Known are: vultus, opencv"):
        read_rig(tmp_path, "maya")
    with pytest.raises(UsageError, match="Name one of: vultus, opencv"):
        write_rig(a_rig(), tmp_path / "cameras.docx")
    with pytest.raises(InputError, match="no such file"):
        read_rig(tmp_path / "absent.json")


def test_a_missing_size_is_an_error(tmp_path: Path) -> None:
    """The image size is never guessed, whatever the format."""
    path = write_rig(a_rig(), tmp_path / "cameras.json")
    document = json.loads(path.read_text())
    del document["cameras"][1]["height"]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="camera cam1: the image height is missing"):
        read_rig(path)
    folder = write_rig(a_rig(), tmp_path / "cameras")
    yaml = folder / "cam2.yml"
    yaml.write_text(yaml.read_text().replace("image_width", "width_of_something"))
    with pytest.raises(InputError, match="the image width is missing"):
        read_rig(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": None}, "does not say its units"),
        ({"units": "inch"}, "unknown. Set units to one of: m, cm, mm"),
        ({"format": "other"}, "its format is 'other'"),
        ({"version": 9}, "version 9"),
        ({"cameras": []}, "no cameras"),
    ],
)
def test_a_broken_file_says_what_is_wrong(change: dict[str, object], message: str, tmp_path: Path) -> None:
    """A file that lacks something is refused in words, with the path."""
    path = write_rig(a_rig(), tmp_path / "cameras.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message) as caught:
        read_rig(path)
    assert str(path) in str(caught.value)


def test_text_that_is_no_camera_file_is_refused(tmp_path: Path) -> None:
    """Files of another kind are refused in words, not with a parser's traceback."""
    for name in ("cameras.json", "cameras.yml"):
        (tmp_path / name).write_text("{ not: [a camera")
        with pytest.raises(InputError, match="cannot be read"):
            read_rig(tmp_path / name)


def test_an_opencv_file_in_millimetres_with_a_rodrigues_vector_is_read(tmp_path: Path) -> None:
    """A file of another tool is read in its units, which it must state."""
    camera = arc_rig(3).cameras[1]
    path = tmp_path / "front.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in (("image_width", camera.width), ("image_height", camera.height)):
        storage.write(key, value)
    storage.write("camera_matrix", camera.K)
    storage.write("distortion_coefficients", camera.distortion[:4].reshape(1, 4))
    storage.write("rvec", cv2.Rodrigues(camera.R)[0])
    storage.write("tvec", camera.t.reshape(3, 1) * 1000)
    storage.release()
    with pytest.raises(InputError, match="does not say its units"):
        read_rig(path)
    path.write_text(path.read_text() + "units: mm\n")
    (read,) = read_rig(path)
    assert read.name == "front"
    np.testing.assert_allclose(read.R, camera.R, atol=1e-12)
    np.testing.assert_allclose(read.t, camera.t, atol=1e-12)


def test_cameras_of_another_tool_without_a_format_key_are_read() -> None:
    """A file in millimetres that only has the fields is read, and its cameras stand about a metre away."""
    path = SHARED / "shoots" / "rig8_a" / "truth" / "cameras.json"
    if not path.exists():
        pytest.skip("the rendered shoot is not at hand")
    rig = read_rig(path)
    assert len(rig) == 8
    assert all(camera.size == (640, 856) for camera in rig)
    distances = [np.linalg.norm(camera.centre) for camera in rig]
    assert 0.5 < min(distances) < max(distances) < 2.0
