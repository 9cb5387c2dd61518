"""Metashape's XML: the projection of Agisoft's manual, and the way from camera to chunk to world."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import arc_rig, assert_same_cameras, mixed_rig

EXAMPLE = Path(__file__).parent / "format_examples" / "metashape_chunk.xml"
LENS = {"f": 3705.4728792737214, "cx": 11.6738523909, "cy": -27.7497969199, "b1": 0.5262024073} | {
    "k1": -0.0919367147,
    "k2": -0.0762807468,
    "k3": 0.1162639394,
    "p1": -0.0003134847,
    "p2": 0.0001164035,
}
SIZE = np.array([5280, 3956])
POINTS = np.random.default_rng(3).uniform([-0.5, -0.4, 1], [0.5, 0.4, 1.5], (20, 3))


def _manual(points: NDArray[np.float64], *, fisheye: bool = False) -> NDArray[np.float64]:
    """Pixels (N, 2) of points (N, 3) in camera axes, as the appendix "Camera models" of the manual says.

    Their origin is the image's corner: Agisoft's export script has pixel centres at i + 0.5.
    """
    x, y = (points[:, :2] / points[:, 2:]).T
    if fisheye:
        radius = np.hypot(x, y)
        x, y = x * np.arctan(radius) / radius, y * np.arctan(radius) / radius
    p1, p2 = (0.0, 0.0) if fisheye else (LENS["p1"], LENS["p2"])
    r2 = x**2 + y**2
    radial = 1 + LENS["k1"] * r2 + LENS["k2"] * r2**2 + LENS["k3"] * r2**3
    bent_x = x * radial + p1 * (r2 + 2 * x**2) + 2 * p2 * x * y
    bent_y = y * radial + p2 * (r2 + 2 * y**2) + 2 * p1 * x * y
    u = SIZE[0] * 0.5 + LENS["cx"] + bent_x * (LENS["f"] + LENS["b1"])
    v = SIZE[1] * 0.5 + LENS["cy"] + bent_y * LENS["f"]
    return np.column_stack((u, v))


def _changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The example with some of its text replaced."""
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "cameras.xml"
    path.write_text(text)
    return path


def _in_chunk(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The example without the way to its faraway world."""
    text = EXAMPLE.read_text()
    component = text[text.index("    <components") : text.index("    <cameras")]
    return _changed(tmp_path, (component, ""), *changes)


def test_the_lens_is_that_of_agisofts_manual(tmp_path: Path) -> None:
    """Points project to the manual's pixels, less the half pixel between a corner and a centre."""
    (camera,) = read_rig(_in_chunk(tmp_path))
    assert camera.size == (5280, 3956)
    seen = camera.project((POINTS - camera.t) @ camera.R)
    np.testing.assert_allclose(seen, _manual(POINTS) - 0.5, atol=1e-8)


def test_p1_and_p2_are_swapped_against_opencv(tmp_path: Path) -> None:
    """Metashape's p1 is OpenCV's p2: read straight, points would be off by pixels."""
    (camera,) = read_rig(_in_chunk(tmp_path))
    np.testing.assert_allclose(camera.distortion[2:4], [LENS["p2"], LENS["p1"]])
    swapped = camera.distortion.copy()
    swapped[[2, 3]] = swapped[[3, 2]]
    wrong = replace(camera, distortion=swapped)
    off = np.abs(wrong.project((POINTS - camera.t) @ camera.R) - (_manual(POINTS) - 0.5))
    assert np.max(off) > 0.5


def test_the_fisheye_is_opencvs_where_nothing_is_tangential(tmp_path: Path) -> None:
    """The equidistant fisheye, also under its newer name, is exactly OpenCV's; with p1, p2 it is refused."""
    lines = ("          <p1>-0.0003134847</p1>\n", "          <p2>0.0001164035</p2>\n")
    for name in ("fisheye", "equidistant_fisheye"):
        kind = ('type="frame"', f'type="{name}"')
        path = _in_chunk(tmp_path, kind, *((line, "") for line in lines))
        (camera,) = read_rig(path)
        assert camera.fisheye
        seen = camera.project((POINTS - camera.t) @ camera.R)
        np.testing.assert_allclose(seen, _manual(POINTS, fisheye=True) - 0.5, atol=1e-8)
        with pytest.raises(InputError, match=r"p1 = -0\.000313485, p2 = 0\.0001164"):
            read_rig(_in_chunk(tmp_path, kind))
    with pytest.raises(InputError, match="projection is 'equisolid_fisheye'"):
        read_rig(_in_chunk(tmp_path, ('type="frame"', 'type="equisolid_fisheye"')))


def test_the_scale_comes_before_the_translation() -> None:
    """A camera stands at scale * R @ (its place in the chunk) + T: Metashape's order, in metres."""
    rig = read_rig(EXAMPLE)
    (camera,) = rig
    rotation = np.array(
        [
            [0.8710699454, 0.3070967021, -0.3833128821],
            [-0.4909742007, 0.5658364395, -0.6623997719],
            [0.0134716110, 0.7651932691, 0.6436596744],
        ]
    )
    place = rotation @ [7.04224697, 7.05403071, 0.43561421] * 12.354192447331316
    world = np.array([-2499366.429888, -4256836.520906, 4029217.965003])
    np.testing.assert_allclose(camera.centre, place + world, atol=1e-6)
    # The file says where the drone was measured to be, and it looked straight down (pitch 0.1 degrees).
    measured, up = _geocentric(-120.417985477, 39.41191747, 2420.109)
    assert np.linalg.norm(camera.centre - measured) < 5
    assert camera.R[2] @ up < -0.999


def _geocentric(longitude: float, latitude: float, height: float) -> tuple[NDArray[np.float64], ...]:
    """Place (3,) in metres and direction of up (3,) of degrees and metres on the WGS 84 ellipsoid."""
    x, y = np.radians([longitude, latitude])
    up = np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
    flattening = 1 / 298.257223563
    squash = (1 - flattening) ** 2
    normal = 6378137.0 / np.sqrt(np.cos(y) ** 2 + squash * np.sin(y) ** 2)
    return np.array([1, 1, squash]) * normal * up + height * up, up


def test_photos_without_a_place_are_left_out_and_named(tmp_path: Path) -> None:
    """What was not aligned is noted; what is switched off is not read; nothing left is an error."""
    rig = read_rig(EXAMPLE)
    assert rig.names == ("000001-01_00001",)
    assert "left out: 000001-01_00002.JPG" in rig.notes[-1]
    off = _changed(tmp_path, ('label="000001-01_00001.JPG"', 'label="a" enabled="false"'))
    with pytest.raises(InputError, match=r"no camera of the file has a place\. Align the photos first"):
        read_rig(off)


def test_a_chunk_without_scale_has_no_unit(tmp_path: Path) -> None:
    """Where nothing scales the world, its unit is said by a person or noted as taken for metres."""
    rig = read_rig(_in_chunk(tmp_path))
    assert "taken for metres" in rig.notes[0]
    np.testing.assert_allclose(rig.cameras[0].centre, [7.04224697, 7.05403071, 0.43561421], atol=1e-7)
    small = read_rig(_in_chunk(tmp_path), units="cm")
    np.testing.assert_allclose(small.cameras[0].centre, rig.cameras[0].centre / 100)
    assert not any("metres" in note for note in read_rig(EXAMPLE).notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("<k3>", "<k4>0.01</k4><k3>"), r"k4 = 0\.01, which the lens .*optimise the cameras without k4"),
        (("<k3>", "<b2>-0.3</b2><k3>"), r"b2 = -0\.3"),
        (("<k3>", '<corrections type="fourier"/><k3>'), "additional corrections"),
        (("<f>3705.4728792737214</f>", "<fx>3705</fx>"), "no f"),
        (("<f>3705.4728792737214</f>", "<f>long</f>"), "sensor M3M .*: f is 'long', which is no number"),
        (('<resolution width="5280" height="3956"/>', ""), "has no resolution"),
        (('sensor_id="0"', 'sensor_id="7"'), "its sensor '7' is not among the sensors"),
        (("0 0 0 1</transform>", "</transform>"), "its transform has 12 numbers; 16 are needed"),
        (("12.354192447331316", "0"), "scale of the chunk is 0"),
        (("<document ", '<!DOCTYPE d [<!ENTITY a "b">]><document '), "declares entities"),
        (("<document ", "<document><chunk/><chunk/></document><document "), "cannot be read as XML"),
    ],
)
def test_what_vultus_cannot_have_is_refused_by_name(
    change: tuple[str, str], message: str, tmp_path: Path
) -> None:
    """Each thing that is missing, malformed or beyond the lens model is an error that names it."""
    with pytest.raises(InputError, match=message):
        read_rig(_changed(tmp_path, change))


def test_a_rig_survives(tmp_path: Path) -> None:
    """Plain and fisheye lenses come back with their poses; a rational lens is refused in writing."""
    plain, rational, fisheye = mixed_rig()
    rig = Rig((plain, fisheye))
    again = read_rig(write_rig(rig, tmp_path / "cameras.xml"))
    assert_same_cameras(again, rig, atol=1e-9)
    assert not again.notes
    with pytest.raises(UsageError, match="camera cam1 has a rational lens, which Metashape does not know"):
        write_rig(Rig((rational,)), tmp_path / "rational.xml")
    assert not (tmp_path / "rational.xml").exists()


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    """A file that ends early is no XML, and the error says so."""
    path = write_rig(arc_rig(2), tmp_path / "cameras.xml")
    path.write_text(path.read_text()[:-30])
    with pytest.raises(InputError, match="cannot be read as XML"):
        read_rig(path)
