"""The USD files, skinned by USD's own code and checked by its own validators, give the fitted head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdSkel, UsdValidation

from fitting.posed import neutral_vertices, posed_vertices
from pipeline.export import ExportOptions, export
from tests.pipeline.performances import FRAMES, HEIGHT, WIDTH, head_model, performance, rig

Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    options = ExportOptions(footage={"left": "footage/left.####.exr"})
    return export("usd", performance(), head_model(), tmp_path_factory.mktemp("usd"), options=options)


def opened(path: Path) -> Usd.Stage:
    """The stage as it lies on disk: USD would hand out layers that another test changed in memory."""
    stage = Usd.Stage.Open(str(path))
    stage.Reload()
    return stage


def points_at(stage: Usd.Stage, prim: str, frame: int) -> NDArray[np.float64]:
    return np.array(UsdGeom.Mesh(stage.GetPrimAtPath(prim)).GetPointsAttr().Get(frame), np.float64)


def test_usds_own_skinning_gives_the_models_vertices(files: list[Path]) -> None:
    """Blend shapes, skin weights and joints together reproduce the posed head in every frame."""
    stage = opened(files[0])
    assert UsdSkel.BakeSkinning(stage.Traverse())
    for position, frame in enumerate(FRAMES):
        expected = posed_vertices(head_model(), performance(), position)
        np.testing.assert_allclose(points_at(stage, "/take/head/mesh", frame), expected, atol=1e-5)


def test_the_baked_file_holds_the_same_points(files: list[Path]) -> None:
    """The file for programs without skinning has the posed vertices at the frame numbers, and no others."""
    stage = opened(files[2])
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    assert tuple(mesh.GetPointsAttr().GetTimeSamples()) == FRAMES
    for position, frame in enumerate(FRAMES):
        expected = posed_vertices(head_model(), performance(), position)
        np.testing.assert_allclose(points_at(stage, "/head/mesh", frame), expected, atol=1e-6)


def test_usds_validators_find_nothing_wrong(files: list[Path]) -> None:
    """Every validator that comes with USD passes every file, those of skeletons and materials included."""
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) >= 20
    for file in files:
        errors = UsdValidation.ValidationContext(validators).Validate(opened(file))
        assert [f"{file.name}: {error.GetMessage()}" for error in errors] == []


def test_every_file_says_units_axes_rate_and_range(files: list[Path]) -> None:
    """Nothing is left to a reader's fallbacks."""
    for file in files:
        stage = opened(file)
        assert UsdGeom.StageHasAuthoredMetersPerUnit(stage)
        assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
        assert UsdGeom.GetStageUpAxis(stage) == "Y"
        assert (stage.GetFramesPerSecond(), stage.GetTimeCodesPerSecond()) == (24.0, 24.0)
        assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1001.0, 1007.0)
        assert stage.GetDefaultPrim()


def test_centimetres_and_z_up_are_those_of_the_scene(tmp_path: Path) -> None:
    """In centimetres with Z up the skinned head is the same head, turned and scaled, and so are cameras."""
    options = ExportOptions(units="cm", up="Z", frame_offset=-1000)
    take, *_ = export("usd", performance(), head_model(), tmp_path, options=options)
    stage = opened(take)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 0.01
    UsdSkel.BakeSkinning(stage.Traverse())
    expected = 100 * posed_vertices(head_model(), performance(), 1) @ Z_UP.T
    np.testing.assert_allclose(points_at(stage, "/take/head/mesh", 2), expected, atol=1e-3)
    camera = UsdGeom.Camera(stage.GetPrimAtPath("/take/cameras/left")).GetCamera(Usd.TimeCode.Default())
    np.testing.assert_allclose(camera.transform.ExtractTranslation(), 100 * Z_UP @ rig()["left"].centre)


@pytest.mark.parametrize("name", ["left", "right"])
def test_points_seen_through_the_exported_camera_land_where_ours_do(files: list[Path], name: str) -> None:
    """USD's frustum puts points within a tenth of a pixel of our camera, its distortion aside."""
    camera = rig()[name]
    stage = opened(files[0])
    frustum = (
        UsdGeom.Camera(stage.GetPrimAtPath(f"/take/cameras/{name}")).GetCamera(Usd.TimeCode.Default()).frustum
    )
    matrix = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    for point in posed_vertices(head_model(), performance(), 0)[::500]:
        ndc = matrix.Transform(Gf.Vec3d(*point.tolist()))
        pixel = np.array([(ndc[0] + 1) / 2 * WIDTH, (1 - ndc[1]) / 2 * HEIGHT]) - 0.5
        local = camera.to_camera(point)
        ideal = local[:2] / local[2] * camera.focal + camera.principal
        np.testing.assert_allclose(pixel, ideal, atol=0.1)


def test_blend_shapes_are_sparse_and_carry_the_arkit_names(files: list[Path]) -> None:
    """52 named targets, each with the vertices alone that it moves, as Unreal reads morph targets."""
    stage = opened(files[1])
    binding = UsdSkel.BindingAPI(stage.GetPrimAtPath("/head/mesh"))
    names = list(binding.GetBlendShapesAttr().Get())
    assert names == list(head_model().expression_names)
    blink = UsdSkel.BlendShape(stage.GetPrimAtPath("/head/mesh/eyeBlinkLeft"))
    moved = len(blink.GetPointIndicesAttr().Get())
    assert 50 < moved < 1500
    assert len(blink.GetOffsetsAttr().Get()) == len(blink.GetNormalOffsetsAttr().Get()) == moved


def test_the_actors_file_is_at_rest_with_a_material_for_each_part(files: list[Path]) -> None:
    """It shows the identity's neutral; every face belongs to a part with a surface to shade it."""
    stage = opened(files[1])
    expected = neutral_vertices(head_model(), performance().identity)
    np.testing.assert_allclose(points_at(stage, "/head/mesh", 1001), expected, atol=1e-6)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    subsets = UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets()
    assert {subset.GetPrim().GetName() for subset in subsets} == set(head_model().parts)
    for subset in subsets:
        material, _ = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()
        assert material.ComputeSurfaceSource()[0]
    assert sum(len(subset.GetIndicesAttr().Get()) for subset in subsets) == len(head_model().quads)


def test_a_take_says_how_far_its_frames_can_be_trusted(files: list[Path]) -> None:
    """Status and mean residual can be plotted over time; the footage of a camera stands beside it."""
    stage = opened(files[0])
    head = stage.GetPrimAtPath("/take/head")
    assert head.GetAttribute("vultus:status").Get(1003) == "interpolated"
    assert head.GetAttribute("vultus:residualPx").Get(1001) == pytest.approx(
        float(performance().residual_px[0].mean()), rel=1e-5
    )
    footage = stage.GetPrimAtPath("/take/cameras/left").GetAttribute("vultus:footage")
    assert footage.Get() == "footage/left.####.exr"


def test_a_still_head_has_no_cameras(tmp_path: Path) -> None:
    """Cameras belong to the world: where the head's motion is taken out they would be wrong."""
    options = ExportOptions(motion="removed", parts=("skin", "left_eye"))
    take, head, _ = export("usd", performance(), head_model(), tmp_path, options=options)
    stage = opened(take)
    assert not stage.GetPrimAtPath("/take/cameras")
    assert stage.GetPrimAtPath("/take/head/mesh").GetTypeName() == "Mesh"
    layer = Sdf.Layer.FindOrOpen(str(head))
    assert layer.GetPrimAtPath("/head/mesh/tongue") is None
