"""USD cameras: tenths of a unit, the signs of the offsets, ancestors, units and axes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pxr import Gf, Sdf, Ts, Usd, UsdGeom

from calibration.camera import Camera, Rig
from calibration.errors import InputError, MissingDependencyError, UsageError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import arc_rig, mixed_rig

EXAMPLES = Path(__file__).parent / "format_examples"
POINTS = np.random.default_rng(0).uniform(-0.15, 0.15, (20, 3))


def pixels_by_usd(prim: Usd.Prim, size: tuple[int, int], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project scene points as a renderer does: USD's frustum to clip space, and that to the image's edges."""
    frustum = UsdGeom.Camera(prim).GetCamera(Usd.TimeCode.Default()).frustum
    clip = np.array(frustum.ComputeViewMatrix()) @ np.array(frustum.ComputeProjectionMatrix())
    seen = np.column_stack((points, np.ones(len(points)))) @ clip
    x, y = (seen[:, :2] / seen[:, 3:]).T
    # clip space spans the image from edge to edge; pixel 0 has its centre half a pixel inside
    return np.column_stack(((x + 1) / 2 * size[0] - 0.5, (1 - y) / 2 * size[1] - 0.5))


def off_centre(camera: Camera) -> Camera:
    """The camera without distortion, off centre, with pixels that are not square."""
    K = np.array([[1400.0, 0, 430.25], [0, 1500.0, 466.75], [0, 0, 1]])
    return replace(camera, K=K, distortion=np.zeros(0))


def test_usd_projects_what_we_write_to_our_pixels(tmp_path: Path) -> None:
    """Signs of the aperture offsets, tenths of a unit and the pixel centre are right: USD sees our pixels."""
    rig = Rig(tuple(off_centre(camera) for camera in arc_rig()))
    stage = Usd.Stage.Open(str(write_rig(rig, tmp_path / "rig.usda")))
    for camera in rig:
        prim = stage.GetPrimAtPath(f"/cameras/{camera.name}")
        seen = pixels_by_usd(prim, camera.size, POINTS)
        np.testing.assert_allclose(seen, camera.project(POINTS), atol=2e-3)


def test_we_project_to_the_pixels_of_usd() -> None:
    """A camera of another program, in centimetres and under a turned and moved parent, sees what USD sees."""
    path = EXAMPLES / "maya_centimetres.usda"
    size = (1500, 1000)
    (camera,) = read_rig(path, sizes={"left": size})
    stage = Usd.Stage.Open(str(path))
    prim = stage.GetPrimAtPath("/rig/left")
    points = POINTS + np.array([0, 1.5, 0])
    np.testing.assert_allclose(camera.project(points), pixels_by_usd(prim, size, points * 100), atol=1e-3)
    np.testing.assert_allclose(
        camera.centre, [np.sin(np.radians(30)), 1.5, np.cos(np.radians(30))], atol=1e-7
    )
    # 1.2 of 36 to the right: the principal point 50 of 1500 pixels to the left of the middle
    np.testing.assert_allclose(camera.principal, [749.5 - 50, 499.5 - 33.333], atol=1e-3)


def test_a_z_up_stage_is_turned() -> None:
    """The front camera of a Z-up scene, two metres along -y, stands two metres along +z and is upright."""
    (camera,) = read_rig(EXAMPLES / "blender_z_up.usda", sizes={"Front": (1920, 1080)})
    assert camera.name == "Front"
    np.testing.assert_allclose(camera.centre, [0.1, 1.6, 2], atol=1e-6)
    np.testing.assert_allclose(camera.R, np.diag([1, -1, -1]), atol=1e-6)
    np.testing.assert_allclose(camera.focal, 0.5 / 0.36 * 1920, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usd"])
def test_a_rig_survives(suffix: str, tmp_path: Path) -> None:
    """Every lens, matrix, pose, name and residual is kept, in text and binary."""
    cameras = [replace(camera, name=f"cam {index}") for index, camera in enumerate(mixed_rig())]
    rig = Rig(tuple(cameras), "", {"cam 1": 0.25})
    again = read_rig(write_rig(rig, tmp_path / f"rig{suffix}"))
    assert again.names == ("cam 0", "cam 1", "cam 2")
    assert again.residual_px == {"cam 1": 0.25}
    for before, after in zip(rig, again, strict=True):
        assert (after.size, after.fisheye) == (before.size, before.fisheye)
        for attribute in ("K", "distortion", "R", "t"):
            np.testing.assert_allclose(getattr(after, attribute), getattr(before, attribute), atol=1e-12)


def test_the_stage_says_what_it_is(tmp_path: Path) -> None:
    """Unit, axes, times and the default prim are authored, not left to fallbacks."""
    stage = Usd.Stage.Open(str(write_rig(arc_rig(), tmp_path / "rig.usda")))
    assert UsdGeom.StageHasAuthoredMetersPerUnit(stage)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.HasAuthoredMetadata("upAxis")
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert stage.GetDefaultPrim().GetPath() == "/cameras"
    assert stage.HasAuthoredTimeCodeRange()
    assert stage.HasAuthoredMetadata("timeCodesPerSecond")
    assert stage.HasAuthoredMetadata("framesPerSecond")


def test_an_edited_film_back_wins_over_our_matrix(tmp_path: Path) -> None:
    """Who changes the focal length in another program gets the changed camera, and a note."""
    path = write_rig(arc_rig(1), tmp_path / "rig.usda")
    (before,) = read_rig(path)
    stage = Usd.Stage.Open(str(path))
    focal = UsdGeom.Camera(stage.GetPrimAtPath("/cameras/cam0")).GetFocalLengthAttr()
    focal.Set(focal.Get() * 2)
    stage.Save()
    again = read_rig(path)
    np.testing.assert_allclose(again["cam0"].focal, 2 * before.focal, rtol=1e-6)
    assert "Camera cam0" in again.notes[0]


def test_the_lens_of_other_programs_is_read(tmp_path: Path) -> None:
    """OpenCV's lens in the names of renderers is read where ours are absent; pixel centres are at 0.5."""
    rig = mixed_rig()
    path = write_rig(rig, tmp_path / "rig.usda")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "vultus:" not in line))
    again = read_rig(path)
    for before, after in zip(rig, again, strict=True):
        assert (after.name, after.size, after.fisheye) == (before.name, before.size, before.fisheye)
        np.testing.assert_allclose(after.K, before.K, rtol=1e-6, atol=1e-4)
        np.testing.assert_allclose(after.distortion, before.distortion, atol=1e-7)


def test_a_moving_camera_is_refused_and_a_sampled_still_one_read(tmp_path: Path) -> None:
    """Samples that all say the same are a still camera; a parent that moves later is a named error."""
    path = write_rig(arc_rig(1), tmp_path / "rig.usda")
    stage = Usd.Stage.Open(str(path))
    move = UsdGeom.Xform(stage.GetPrimAtPath("/cameras")).AddTranslateOp()
    for time in (1001, 1002):
        move.Set(Gf.Vec3d(0, 1, 0), time)
    stage.Save()
    (camera,) = read_rig(path)
    np.testing.assert_allclose(camera.centre, arc_rig(1).cameras[0].centre + np.array([0, 1, 0]), atol=1e-9)
    move.Set(Gf.Vec3d(0, 1.01, 0), 1003)
    stage.Save()
    with pytest.raises(InputError, match=r"/cameras/cam0: the camera moves \(time 1003 differs from 1001\)"):
        read_rig(path)


def test_a_camera_that_a_curve_moves_is_refused(tmp_path: Path) -> None:
    """A zoom along a spline, and a parent beyond a scope that turns along one, are cameras that move."""
    path = write_rig(arc_rig(1), tmp_path / "rig.usda")
    for prim_path in ("/cameras/cam0", "/world"):
        stage = Usd.Stage.Open(str(write_rig(arc_rig(1), path)))
        if prim_path == "/world":
            UsdGeom.Xform.Define(stage, "/world")
            UsdGeom.Scope.Define(stage, "/world/rig")
            Sdf.CopySpec(stage.GetRootLayer(), "/cameras/cam0", stage.GetRootLayer(), "/world/rig/cam0")
            stage.RemovePrim("/cameras")
            attribute = UsdGeom.Xform(stage.GetPrimAtPath("/world")).AddRotateYOp().GetAttr()
        else:
            attribute = UsdGeom.Camera(stage.GetPrimAtPath(prim_path)).GetFocalLengthAttr()
        attribute.SetSpline(curve([(1001, 0.5), (1010, 0.6)]))
        stage.Save()
        with pytest.raises(InputError, match=r"the camera moves \(time 1010"):
            read_rig(path)


def curve(knots: list[tuple[float, float]]) -> Ts.Spline:
    spline = Ts.Spline("float")
    for time, value in knots:
        knot = Ts.Knot("float")
        knot.SetTime(time)
        knot.SetValue(value)
        knot.SetNextInterpolation(Ts.InterpLinear)
        spline.SetKnot(knot)
    return spline


def test_what_usd_cannot_write_is_refused(tmp_path: Path) -> None:
    """A package, or a file of another suffix, is refused before anything is written."""
    for name in ("rig.usdz", "rig", "rig.txt"):
        with pytest.raises(UsageError, match=r"one of: \.usda, \.usd, \.usdc"):
            write_rig(arc_rig(1), tmp_path / name, "usd")


def test_a_scaled_parent_is_honoured_and_a_mirroring_one_refused(tmp_path: Path) -> None:
    """A scale moves the camera and leaves its picture; a mirror has no camera that could have seen it."""
    path = write_rig(arc_rig(1), tmp_path / "rig.usda")
    stage = Usd.Stage.Open(str(path))
    scale = UsdGeom.Xform(stage.GetPrimAtPath("/cameras")).AddScaleOp()
    scale.Set(Gf.Vec3f(2, 2, 2))
    stage.Save()
    (camera,) = read_rig(path)
    np.testing.assert_allclose(camera.centre, 2 * arc_rig(1).cameras[0].centre, atol=1e-7)
    np.testing.assert_allclose(camera.R, arc_rig(1).cameras[0].R, atol=1e-7)
    for factors, message in (
        ((-1, 1, 1), "mirrors"),
        ((1, 2, 1), "is not a rotation"),
        ((0, 1, 1), "no size"),
    ):
        scale.Set(Gf.Vec3f(*factors))
        stage.Save()
        with pytest.raises(InputError, match=message):
            read_rig(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('token projection = "perspective"', 'token projection = "orthographic"', "orthographic"),
        ("float focalLength = 0.5", "float focalLength = 0", "must be positive"),
        ("def Camera", "def Xform", "the stage holds no cameras"),
        ("metersPerUnit = 1", "metersPerUnit = 0", "metersPerUnit is 0"),
        ("def Xform", "def Xform {", "cannot be read as USD"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Each thing that can be wrong is named, with the file."""
    path = tmp_path / "rig.usda"
    path.write_text((EXAMPLES / "blender_z_up.usda").read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_rig(path, sizes={"Front": (1920, 1080)})
    assert str(path) in str(caught.value)


def test_the_image_size_has_to_be_said() -> None:
    """USD does not hold it where we did not write it, and it is never guessed."""
    with pytest.raises(InputError, match="size of the images of camera Front"):
        read_rig(EXAMPLES / "blender_z_up.usda")


def test_units_are_the_stages_own(tmp_path: Path) -> None:
    """Units that contradict the stage are refused; a stage that does not say them takes the person's."""
    path = EXAMPLES / "maya_centimetres.usda"
    sizes = {"left": (1500, 1000)}
    assert read_rig(path, sizes=sizes, units="cm").notes == ()
    with pytest.raises(InputError, match="asked for"):
        read_rig(path, sizes=sizes, units="mm")
    silent = tmp_path / "rig.usda"
    silent.write_text(path.read_text().replace("    metersPerUnit = 0.01\n", ""))
    assert "does not say" in read_rig(silent, sizes=sizes).notes[0]
    assert np.linalg.norm(read_rig(silent, sizes=sizes, units="m")["left"].centre) > 100


def test_without_usd_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the library is told its name."""
    monkeypatch.setitem(__import__("sys").modules, "pxr", None)
    with pytest.raises(MissingDependencyError, match="pip install usd-core"):
        read_rig(EXAMPLES / "blender_z_up.usda")
