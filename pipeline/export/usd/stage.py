"""Stages with all their metadata authored, and values in the types that USD takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Kind, Sdf, Tf, Usd, UsdGeom, Vt

from calibration.whole_file import refused, whole_file
from pipeline.export.options import UNITS
from pipeline.export.scene import ExportScene

Float = NDArray[np.float64]

HEAD = Sdf.Path("/head")
"""Where the head is in every file."""


@contextmanager
def stage_file(scene: ExportScene, path: Path) -> Iterator[Usd.Stage]:
    """A stage that is written to a file, whole or not at all, when the block ends well.

    Raises:
        DiskError: the disk is full.
        InputError: it cannot be written.
    """
    with whole_file(path) as partial:
        # In its own folder from the start, so that it finds what it refers to.
        try:
            stage = Usd.Stage.CreateNew(str(partial))
            _describe(stage, scene)
            yield stage
            stage.Save()
        except Tf.ErrorException as error:
            raise refused(path, "cannot be written as USD") from error


def _describe(stage: Usd.Stage, scene: ExportScene) -> None:
    UsdGeom.SetStageMetersPerUnit(stage, 1.0 / UNITS[scene.options.units])
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z if scene.options.up == "Z" else UsdGeom.Tokens.y)
    stage.SetTimeCodesPerSecond(scene.fps)
    stage.SetFramesPerSecond(scene.fps)
    stage.SetStartTimeCode(float(scene.frames.min()))
    stage.SetEndTimeCode(float(scene.frames.max()))
    stage.GetRootLayer().comment = f"vultus {version('vultus')}"


def set_root(stage: Usd.Stage, prim: Usd.Prim) -> None:
    """Make a prim the default one, and a component in the sense of asset libraries."""
    stage.SetDefaultPrim(prim)
    Usd.ModelAPI(prim).SetKind(Kind.Tokens.component)


def vectors(values: Float) -> Vt.Vec3fArray:
    """(N, 3) numbers as USD's array of vectors in single precision."""
    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32))


def extent(points: Float) -> Vt.Vec3fArray:
    """The corners of the box about points (..., 3)."""
    flat = points.reshape(-1, 3)
    return vectors(np.stack((flat.min(axis=0), flat.max(axis=0))))


def translation(place: Float) -> Gf.Matrix4d:
    """The matrix that moves the origin to a place (3,)."""
    return Gf.Matrix4d().SetTranslate(Gf.Vec3d(*place.tolist()))


def custom(prim: Usd.Prim, name: str, kind: Any) -> Usd.Attribute:
    """A custom attribute in our namespace."""
    return prim.CreateAttribute(f"vultus:{name}", kind, custom=True)
