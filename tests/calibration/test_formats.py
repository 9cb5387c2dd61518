"""The registry of formats, and the project's own cameras.json."""

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.camera import Camera, Rig
from calibration.errors import InputError, UsageError
from calibration.formats import FORMATS, read_rig, recognise, write_rig
from tests.calibration.rigs import arc_rig, assert_same_cameras, mixed_rig

SHARED = Path(__file__).parents[2].parent / "shared"
EXAMPLES = Path(__file__).parent / "format_examples"
TARGETS = {"vultus": "cameras.json", "opencv": "cameras"}


def a_rig() -> Rig:
    rig = arc_rig(3)
    return Rig(rig.cameras, "a board", {"cam0": 0.25, "cam1": 0.5, "cam2": 0.125}, ("one note",))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_rig_survives_the_way_through_a_file(name: str, tmp_path: Path) -> None:
    """Our own format and OpenCV's give back the same cameras, sizes and residuals that were written."""
    rig = a_rig()
    again = read_rig(write_rig(rig, tmp_path / TARGETS[name], name), name)
    assert_same_cameras(again, rig, atol=1e-14)
    assert dict(again.residual_px) == dict(rig.residual_px)


def test_the_suffix_tells_the_format(tmp_path: Path) -> None:
    """A .json file is ours and a folder is OpenCV's, without being told."""
    for target in TARGETS.values():
        assert len(read_rig(write_rig(a_rig(), tmp_path / target))) == 3


@pytest.mark.parametrize(
    ("example", "name"),
    [
        ("opencv_calibration_sample.yml", "opencv"),
        ("ros_camera_info.yaml", "opencv"),
        ("kalibr_camchain.yaml", "kalibr"),
        ("colmap_documentation", "colmap"),
        ("metashape_chunk.xml", "metashape"),
        ("realitycapture.csv", "realitycapture"),
        ("realitycapture.xmp", "realitycapture-xmp"),
        ("anipose_calibration.toml", "anipose"),
        ("nuke.chan", "chan"),
    ],
)
def test_files_are_recognised_by_what_is_in_them(example: str, name: str) -> None:
    """Files of tools that share a suffix are told apart by their content."""
    assert recognise(EXAMPLES / example).name == name


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("opencv", "one.xml"),
        ("metashape", "one.xml"),
        ("opencv", "one.json"),
        ("vultus", "one.json"),
        ("opencv", "folder"),
        ("colmap", "folder"),
        ("colmap-text", "folder"),
        ("realitycapture-xmp", "folder"),
    ],
)
def test_what_we_write_is_recognised(name: str, target: str, tmp_path: Path) -> None:
    """A file of ours is read as what it was written, though others have its suffix or are folders too."""
    K = np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]])
    rig = Rig((Camera("a", 640, 480, K, t=np.array([0.0, 0, 1])),))
    path = write_rig(rig, tmp_path / target, name)
    assert recognise(path).name == name.removesuffix("-text")
    assert_same_cameras(read_rig(path, sizes={"a": (640, 480)}), rig)


def test_a_file_that_is_of_no_format_names_those_that_it_may_be(tmp_path: Path) -> None:
    """What is not recognised is answered with the formats of that suffix, or with all."""
    (tmp_path / "cameras.yaml").write_text("something: else\n")
    with pytest.raises(InputError, match=r"cannot be read as any .* Name its format, one of: opencv, kalibr"):
        read_rig(tmp_path / "cameras.yaml")
    (tmp_path / "cameras.docx").write_text("something else")
    with pytest.raises(InputError, match=r"its name does not tell .* one of: vultus, metashape, op"):
        read_rig(tmp_path / "cameras.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="cannot be read as any"):
        read_rig(tmp_path / "empty")


def test_every_format_says_what_it_is() -> None:
    """The list that a person is shown has a line for each format, which is read or written or both."""
    for name, format in FORMATS.items():
        assert name == format.name
        assert format.summary
        assert format.read or format.write
        assert format.suffixes or format.folder


def test_our_own_file_keeps_source_and_notes(tmp_path: Path) -> None:
    """The source of a rig and its notes are kept with it."""
    again = read_rig(write_rig(a_rig(), tmp_path / "cameras.json"))
    assert again.source == "a board"
    assert again.notes == ("one note",)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    """A wrong format name is answered with the right ones."""
    with pytest.raises(UsageError, match=r"'maya' is unknown\. Known are: vultus, metashape, opencv"):
        read_rig(tmp_path, "maya")
    with pytest.raises(UsageError, match="Name one of: vultus, metashape, opencv"):
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


def test_rational_and_fisheye_lenses_are_kept(tmp_path: Path) -> None:
    """Each lens comes back as its own model, exactly."""
    rig = mixed_rig()
    again = read_rig(write_rig(rig, tmp_path / "cameras.json"))
    assert_same_cameras(again, rig, atol=0)
    assert [camera.lens_model for camera in again] == ["brown", "rational", "fisheye"]


def test_an_older_vultus_refuses_lenses_that_it_does_not_know(tmp_path: Path) -> None:
    """Plain lenses are written as ever, five values and version 1; others as a version unknown to it."""
    plain = json.loads(write_rig(arc_rig(2), tmp_path / "plain.json").read_text())
    assert plain["version"] == 1
    assert all(len(camera["dist"]) == 5 and "model" not in camera for camera in plain["cameras"])
    mixed = json.loads(write_rig(mixed_rig(), tmp_path / "mixed.json").read_text())
    assert mixed["version"] == 2
    assert [camera.get("model") for camera in mixed["cameras"]] == [None, "rational", "fisheye"]
    assert [len(camera["dist"]) for camera in mixed["cameras"]] == [5, 8, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "omni"}, "camera cam2: the lens model 'omni' is unknown; brown, rational, fisheye are"),
        ({"dist": [0.1, 0, 0, 0, 0]}, "camera cam2: dist has 5 values; a fisheye lens has 4"),
        ({"K": [[1, 0], [0, 1]]}, "needs K as"),
        ({"R": "none"}, "must be numbers"),
        ({"width": 1e400}, "the image width is inf"),
    ],
)
def test_a_broken_camera_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    """A camera whose lens or size makes no sense is refused by its name."""
    path = write_rig(mixed_rig(), tmp_path / "cameras.json")
    document = json.loads(path.read_text())
    document["cameras"][2] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        read_rig(path)


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
