"""The faces of the head as a USD mesh: parts are subsets with a material each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, Vt

from fitting.vertex_normals import vertex_normals
from pipeline.export.materials import MATERIALS, Material
from pipeline.export.scene import ExportScene
from pipeline.export.usd.names import prim_names
from pipeline.export.usd.stage import Float, extent, vectors


class DefinedMesh(NamedTuple):
    """A mesh at rest, and its normals (V, 3)."""

    mesh: UsdGeom.Mesh
    normals: Float


def define_mesh(stage: Usd.Stage, scene: ExportScene, path: Sdf.Path, looks: Sdf.Path) -> DefinedMesh:
    """Author the head at rest, its texture coordinates and its materials.

    Args:
        stage: to author in. scene: with the head. path: of the mesh. looks: of the scope of materials.
    """
    mesh = UsdGeom.Mesh.Define(stage, path)
    surface, vertices = scene.surface, scene.skin.vertices
    normals = vertex_normals(vertices, surface.triangles)
    mesh.CreatePointsAttr(vectors(vertices))
    mesh.CreateExtentAttr(extent(vertices))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(surface.face_sizes.astype(np.int32)))
    indices = surface.corners(surface.quads).astype(np.int32)
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(indices))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateOrientationAttr(UsdGeom.Tokens.rightHanded)
    mesh.CreateNormalsAttr(vectors(normals))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    _add_texture_coordinates(mesh, scene)
    _add_materials(stage, mesh, scene, looks)
    return DefinedMesh(mesh, normals)


def _add_texture_coordinates(mesh: UsdGeom.Mesh, scene: ExportScene) -> None:
    surface = scene.surface
    primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying
    )
    primvar.Set(Vt.Vec2fArray.FromNumpy(surface.uv.astype(np.float32)))
    primvar.SetIndices(Vt.IntArray.FromNumpy(surface.corners(surface.quads_uv).astype(np.int32)))


def _add_materials(stage: Usd.Stage, mesh: UsdGeom.Mesh, scene: ExportScene, looks: Sdf.Path) -> None:
    UsdGeom.Scope.Define(stage, looks)
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim())
    parts = scene.surface.parts
    for name, (part, faces) in zip(prim_names(parts), parts.items(), strict=True):
        subset = UsdGeom.Subset.CreateGeomSubset(
            mesh,
            name,
            UsdGeom.Tokens.face,
            Vt.IntArray.FromNumpy(faces.astype(np.int32)),
            UsdShade.Tokens.materialBind,
            UsdGeom.Tokens.partition,
        )
        material = _define_material(stage, looks.AppendChild(name), MATERIALS.get(part, MATERIALS["skin"]))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material)
    UsdShade.MaterialBindingAPI(mesh).SetMaterialBindSubsetsFamilyType(UsdGeom.Tokens.partition)


def _define_material(stage: Usd.Stage, path: Sdf.Path, look: Material) -> UsdShade.Material:
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, path.AppendChild("surface"))
    shader.CreateIdAttr("UsdPreviewSurface")
    types = Sdf.ValueTypeNames
    shader.CreateInput("diffuseColor", types.Color3f).Set(Gf.Vec3f(*look.colour))
    shader.CreateInput("roughness", types.Float).Set(look.roughness)
    shader.CreateInput("metallic", types.Float).Set(0.0)
    shader.CreateInput("opacity", types.Float).Set(look.opacity)
    output = shader.CreateOutput("surface", types.Token)
    material.CreateSurfaceOutput().ConnectToSource(output)
    return material
