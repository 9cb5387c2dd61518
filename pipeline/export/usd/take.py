"""A take in USD: the actor by reference, its animation, the cameras, and how good each frame is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt

from calibration.formats.usd_writer import define_cameras
from fitting.head_model import PARENTS
from fitting.performance import FrameStatus
from pipeline.export.quaternions import joint_quaternions
from pipeline.export.scene import ExportScene
from pipeline.export.usd.head import SKELETON, joint_paths
from pipeline.export.usd.stage import HEAD, custom, extent, stage_file, vectors

ROOT = Sdf.Path("/take")
ANIMATION = ROOT.AppendChild("head").AppendChild("animation")


def write_take(scene: ExportScene, path: Path, head: str) -> Path:
    """Write the take and return the path.

    Args:
        scene: to write. path: of the file. head: the file of the actor, relative to it.
    """
    with stage_file(scene, path) as stage:
        root = UsdGeom.Xform.Define(stage, ROOT)
        stage.SetDefaultPrim(root.GetPrim())
        skel = UsdSkel.Root.Define(stage, ROOT.AppendChild("head"))
        skel.GetPrim().GetReferences().AddReference(f"./{head}", HEAD)
        skel.CreateExtentAttr(_bounds(scene))
        _define_animation(stage, scene)
        _animate(stage)
        _add_quality(skel.GetPrim(), scene)
        if scene.options.motion == "world":
            _add_cameras(stage, scene)
    return path


def _bounds(scene: ExportScene) -> Vt.Vec3fArray:
    """The box about the head in all frames."""
    corners = [(posed.min(axis=0), posed.max(axis=0)) for posed in map(scene.posed, range(len(scene.frames)))]
    return extent(np.array(corners))


def _define_animation(stage: Usd.Stage, scene: ExportScene) -> None:
    """Weights of the blend shapes and local transforms of the joints, keyed at every frame."""
    animation = UsdSkel.Animation.Define(stage, ANIMATION)
    animation.CreateJointsAttr(joint_paths(scene))
    animation.CreateBlendShapesAttr(list(scene.expression_names))
    animation.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1.0)] * len(PARENTS)))
    weights = animation.CreateBlendShapeWeightsAttr()
    translations, rotations = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    places = np.array([scene.rest_offset(joint) for joint in range(len(PARENTS))])
    quaternions = joint_quaternions(scene.rotations)
    for position, time in enumerate(map(float, scene.frames)):
        weights.Set(Vt.FloatArray.FromNumpy(scene.weights[position].astype(np.float32)), time)
        places[0] = scene.root[position]
        translations.Set(vectors(places), time)
        rotations.Set(Vt.QuatfArray.FromNumpy(quaternions[:, position].astype(np.float32)), time)


def _animate(stage: Usd.Stage) -> None:
    """Let the animation drive the skeleton that came by reference."""
    skeleton = stage.OverridePrim(ROOT.AppendChild("head").AppendChild(SKELETON.name))
    binding = UsdSkel.BindingAPI.Apply(skeleton)
    binding.CreateAnimationSourceRel().SetTargets([ANIMATION])


def _add_quality(prim: Usd.Prim, scene: ExportScene) -> None:
    """How far each frame can be trusted, as attributes to plot or to read in scripts."""
    performance = scene.performance
    types = Sdf.ValueTypeNames
    custom(prim, "converged", types.Bool).Set(bool(performance.converged))
    custom(prim, "rig", types.String).Set(performance.rig.source)
    custom(prim, "warnings", types.StringArray).Set(Vt.StringArray(list(performance.warnings)))
    custom(prim, "frames", types.IntArray).Set(Vt.IntArray.FromNumpy(scene.frames.astype(np.int32)))
    residual, status = custom(prim, "residualPx", types.Float), custom(prim, "status", types.Token)
    for position, time in enumerate(map(float, scene.frames)):
        seen = np.asarray(performance.residual_px[position])
        seen = seen[np.isfinite(seen)]
        if seen.size:
            residual.Set(float(seen.mean()), time)
        status.Set(FrameStatus(int(performance.status[position])).name.lower(), time)


def _add_cameras(stage: Usd.Stage, scene: ExportScene) -> None:
    """The cameras of the fit, with the footage that each one filmed."""
    path = ROOT.AppendChild("cameras")
    UsdGeom.Scope.Define(stage, path)
    for name, camera in define_cameras(stage, scene.performance.rig, str(path)).items():
        footage = scene.options.footage.get(name)
        if footage:
            custom(camera.GetPrim(), "footage", Sdf.ValueTypeNames.String).Set(footage)
