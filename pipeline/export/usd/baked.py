"""A take in USD as points in time, for programs that do not evaluate skeletons."""

from __future__ import annotations

from pathlib import Path

from pxr import UsdGeom

from fitting.vertex_normals import vertex_normals
from pipeline.export.scene import ExportScene
from pipeline.export.usd.mesh import define_mesh
from pipeline.export.usd.stage import HEAD, extent, set_root, stage_file, vectors


def write_baked(scene: ExportScene, path: Path) -> Path:
    """Write the head with points, normals and extent keyed at every frame, and return the path."""
    triangles, count = scene.surface.triangles, len(scene.frames)
    with stage_file(scene, path) as stage:
        set_root(stage, UsdGeom.Xform.Define(stage, HEAD).GetPrim())
        defined = define_mesh(stage, scene, HEAD.AppendChild("mesh"), HEAD.AppendChild("looks"))
        mesh = defined.mesh
        points, normals, box = mesh.GetPointsAttr(), mesh.GetNormalsAttr(), mesh.GetExtentAttr()
        for position, frame in enumerate(scene.frames.tolist()):
            posed, time = scene.posed(position), float(frame)
            points.Set(vectors(posed), time)
            normals.Set(vectors(vertex_normals(posed, triangles)), time)
            box.Set(extent(posed), time)
            scene.options.progress(position + 1, count, path.name)
    return path
