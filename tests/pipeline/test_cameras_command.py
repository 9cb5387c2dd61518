"""vultus cameras: formats, convert, show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from calibration.camera import Rig
from calibration.formats import FORMATS, read_rig, write_rig
from pipeline.camera_table import HEADINGS, camera_table, field_of_view
from pipeline.cli import main
from tests.calibration.rigs import arc_rig, mixed_rig


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["cameras", *(str(a) for a in arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def cameras(tmp_path: Path) -> Path:
    rig = arc_rig()
    return write_rig(
        Rig(rig.cameras, "", {"cam0": 0.25}, ("The board was warm.",)), tmp_path / "cameras.json"
    )


def test_the_formats_are_listed() -> None:
    """A row per format says whether it is read and written, and of which suffixes."""
    status, out, _ = run("formats")
    assert status == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines()[1:]}
    assert list(rows) == list(FORMATS)
    assert rows["stmap"][1:3] == ["no", "yes"]
    assert rows["usd"][1:4] == ["yes", "yes", ".usda"]


def test_cameras_are_converted_by_their_suffixes(cameras: Path, tmp_path: Path) -> None:
    """From our file to USD and back, the formats told by the names; the notes are told."""
    status, out, err = run("convert", cameras, tmp_path / "new" / "rig.usda")
    assert (status, out) == (0, f"{tmp_path / 'new' / 'rig.usda'}\n")
    assert err == "Note: The board was warm.\n"
    again = read_rig(tmp_path / "new" / "rig.usda")
    for before, after in zip(arc_rig(), again, strict=True):
        np.testing.assert_allclose(after.t, before.t, atol=1e-12)


def test_two_calibrations_are_compared(cameras: Path, tmp_path: Path) -> None:
    """Of two formats; the camera that was knocked in between is told by its row, the others are still."""
    rig = read_rig(cameras)
    moved = replace(rig.cameras[1], t=rig.cameras[1].t + np.array([0.01, 0, 0]))
    other = write_rig(Rig((rig.cameras[0], moved, *rig.cameras[2:])), tmp_path / "evening.usda")
    status, out, err = run("compare", cameras, other)
    assert (status, err) == (0, "")
    rows = {line.split()[0]: line.split() for line in out.splitlines()[1 : 1 + len(rig)]}
    assert rows["cam1"][2] == "10.00"
    assert all(row[2] == "0.00" for name, row in rows.items() if name != "cam1")
    assert run("compare", cameras, tmp_path / "absent.json")[0] == 3
    assert run("compare", cameras, other, "--distance", 0)[0] == 2


def test_a_format_that_lacks_size_and_units_is_told_them(cameras: Path, tmp_path: Path) -> None:
    """What a .chan file loses is told on the way out; what it lacks is said on the way in."""
    folder, back = tmp_path / "chan", tmp_path / "back.json"
    status, _, err = run("convert", cameras, folder, "--to", "chan", "--rotation-order", "XYZ")
    assert status == 0
    assert "Camera cam2: the .chan file loses the brown lens distortion" in err
    status, _, err = run("convert", folder, back)
    assert status == 3
    assert "size of the images of camera cam0" in err
    said = ("--size", "1024x768", "--size", "cam1=1026x768", "--units", "cm", "--rotation-order", "XYZ")
    status, _, err = run("convert", folder, back, *said)
    assert status == 0
    assert "no distortion" in err
    rig = read_rig(back)
    assert [camera.size for camera in rig] == [(1024, 768), (1026, 768), (1024, 768)]
    for before, after in zip(arc_rig(), rig, strict=True):
        np.testing.assert_allclose(after.centre, before.centre / 100, atol=1e-9)
        np.testing.assert_allclose(after.R, before.R, atol=1e-9)


def test_stmaps_with_overscan(cameras: Path, tmp_path: Path) -> None:
    """The compositor's maps are a format to convert to."""
    one = write_rig(arc_rig().select(["cam1"]), tmp_path / "one.json")
    status, _, _ = run("convert", one, tmp_path / "maps", "--to", "stmap", "--overscan", "0.05")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "cam1.distort.exr",
        "cam1.undistort.exr",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("cameras.json", "out.json", "--from", "maya"), 2, "'maya' is unknown. Known are: vultus"),
        (("cameras.json", "out.xyz"), 2, "'.xyz' does not tell the format"),
        (("absent.json", "out.usda"), 3, "no such file"),
        (("cameras.json", "out.usda", "--size", "1920"), 2, "no size such as 1920x1080"),
        (("cameras.json", "out.usda", "--overscan", "0.1"), 2, "usd is written in one way"),
        (("cameras.json", "out.json", "--units", "mm"), 3, "asked for"),
    ],
)
def test_mistakes_are_told_in_a_line(
    arguments: tuple[str, ...], status: int, message: str, cameras: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown formats, absent files and options that make no sense: an exit status and a sentence."""
    monkeypatch.chdir(cameras.parent)
    code, _, err = run("convert", *arguments)
    assert code == status
    assert message in err
    assert "Traceback" not in err


def test_a_rig_is_shown_as_a_table(cameras: Path) -> None:
    """Image, focal length, view, lens, place and neighbours of each camera, then the notes."""
    status, out, err = run("show", cameras)
    assert status == 0
    heading, first, *_ = out.splitlines()
    assert all(name in heading for name in HEADINGS)
    for text in ("cam0", "1024 x 768", "1500.0 x 1501.5", "52.7 mm", "brown", "cam1", "0.25 px"):
        assert text in first
    assert "The board was warm." in err


def test_the_table_measures_what_the_camera_sees() -> None:
    """Distances are between the cameras, and the field of view is the one through the lens."""
    rig = arc_rig(degrees=60, lens=np.zeros(5))
    camera = rig.cameras[0]
    row = dict(zip(HEADINGS, camera_table(rig)[0], strict=True))
    expected = np.linalg.norm(rig.cameras[1].centre - camera.centre)
    assert row["nearest"].startswith(f"cam1 {expected:.3f} m, cam2 ")
    assert row["lens"] == "none"
    left, right = np.arctan((camera.K[0, 2] + 0.5) / 1500), np.arctan((1023.5 - camera.K[0, 2]) / 1500)
    assert field_of_view(camera)[0] == pytest.approx(np.degrees(left + right))


def test_an_upright_camera_has_the_same_equivalent_focal_length() -> None:
    """Who turns a camera on its side does not change its lens: the longer side is the 36 mm."""
    camera = arc_rig(1, lens=np.zeros(5)).cameras[0]
    K = camera.K[[1, 0, 2]][:, [1, 0, 2]]
    upright = replace(camera, width=768, height=1024, K=K)
    texts = {
        dict(zip(HEADINGS, camera_table(Rig((c,)))[0], strict=True))["36 mm eq."] for c in (camera, upright)
    }
    assert texts == {"52.7 mm"}


def test_lenses_of_all_models_have_their_row() -> None:
    """The lens column names the model and how far it bends the corners."""
    lenses = [dict(zip(HEADINGS, row, strict=True))["lens"] for row in camera_table(mixed_rig())]
    assert [text.split(",")[0] for text in lenses] == ["brown", "rational", "fisheye"]
    assert all(text.endswith(" px") for text in lenses)


def test_a_single_camera_has_no_neighbours() -> None:
    """A rig of one is shown too."""
    assert dict(zip(HEADINGS, camera_table(arc_rig(1))[0], strict=True))["nearest"] == ""
