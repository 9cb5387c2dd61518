"""The actor in USD: a mesh with sparse blend shapes, bound to a skeleton (UsdSkel)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pxr import Gf, Sdf, Usd, UsdSkel, Vt

from fitting.head_model import PARENTS
from fitting.vertex_normals import vertex_normals
from pipeline.export.scene import ExportScene
from pipeline.export.usd.mesh import DefinedMesh, define_mesh
from pipeline.export.usd.names import prim_names
from pipeline.export.usd.stage import HEAD, custom, extent, set_root, stage_file, translation, vectors

MESH = HEAD.AppendChild("mesh")
SKELETON = HEAD.AppendChild("skeleton")

# Shares of the mesh's size below which an offset is nothing: under single precision's own rounding.
_NOTHING = 1e-7


def write_head(scene: ExportScene, path: Path) -> Path:
    """Write the actor without any animation, and return the path."""
    with stage_file(scene, path) as stage:
        root = UsdSkel.Root.Define(stage, HEAD)
        set_root(stage, root.GetPrim())
        defined = define_mesh(stage, scene, MESH, HEAD.AppendChild("looks"))
        root.CreateExtentAttr(extent(scene.skin.vertices))
        _define_skeleton(stage, scene)
        _bind(defined, scene)
        _add_blend_shapes(stage, defined, scene)
        _add_provenance(root.GetPrim(), scene)
    return path


def joint_paths(scene: ExportScene) -> list[str]:
    """The joints as UsdSkel names them: each with all its ancestors."""
    paths: list[str] = []
    for joint, parent in enumerate(PARENTS):
        name = scene.joint_names[joint]
        paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
    return paths


def _define_skeleton(stage: Usd.Stage, scene: ExportScene) -> None:
    skeleton = UsdSkel.Skeleton.Define(stage, SKELETON)
    skeleton.CreateJointsAttr(joint_paths(scene))
    bind = [translation(place) for place in scene.skin.joints]
    rest = [translation(scene.rest_offset(joint)) for joint in range(len(PARENTS))]
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray(bind))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray(rest))


def _bind(defined: DefinedMesh, scene: ExportScene) -> None:
    """Skin weights: as many joints to a vertex as any vertex needs, the heaviest first."""
    binding = UsdSkel.BindingAPI.Apply(defined.mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([SKELETON])
    weights = scene.skin.weights
    order = np.argsort(-weights, axis=1, kind="stable")
    count = int((weights > 0).sum(axis=1).max())
    chosen = np.take_along_axis(weights, order, axis=1)[:, :count]
    chosen = chosen / chosen.sum(axis=1, keepdims=True)
    joints = np.where(chosen > 0, order[:, :count], 0)
    binding.CreateJointIndicesPrimvar(False, count).Set(
        Vt.IntArray.FromNumpy(joints.astype(np.int32).ravel())
    )
    binding.CreateJointWeightsPrimvar(False, count).Set(
        Vt.FloatArray.FromNumpy(chosen.astype(np.float32).ravel())
    )
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1.0))


def _add_blend_shapes(stage: Usd.Stage, defined: DefinedMesh, scene: ExportScene) -> None:
    """A blend shape per expression, with the vertices alone that it moves."""
    skin, triangles = scene.skin, scene.surface.triangles
    size = float(np.ptp(skin.vertices, axis=0).max())
    targets = []
    for name, delta in zip(prim_names(scene.expression_names), skin.expressions, strict=True):
        path = MESH.AppendChild(name)
        turn = vertex_normals(skin.vertices + delta, triangles) - defined.normals
        moved = np.flatnonzero(
            (np.abs(delta).max(axis=1) > _NOTHING * size) | (np.abs(turn).max(axis=1) > 1e-4)
        )
        shape = UsdSkel.BlendShape.Define(stage, path)
        shape.CreateOffsetsAttr(vectors(delta[moved]))
        shape.CreateNormalOffsetsAttr(vectors(turn[moved]))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved.astype(np.int32)))
        targets.append(path)
    binding = UsdSkel.BindingAPI(defined.mesh.GetPrim())
    binding.CreateBlendShapesAttr(list(scene.expression_names))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _add_provenance(prim: Usd.Prim, scene: ExportScene) -> None:
    identity = np.asarray(scene.performance.identity, np.float32)
    custom(prim, "identity", Sdf.ValueTypeNames.FloatArray).Set(Vt.FloatArray.FromNumpy(identity))
    source = scene.surface.source.astype(np.int32)
    custom(prim, "modelVertex", Sdf.ValueTypeNames.IntArray).Set(Vt.IntArray.FromNumpy(source))
