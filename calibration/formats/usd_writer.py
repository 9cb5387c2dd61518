"""Cameras as USD; :mod:`calibration.formats.usd_cameras` says what is in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from calibration.camera import Camera, Rig
from calibration.errors import InputError, MissingDependencyError, UsageError
from calibration.formats.conventions import to_graphics, to_z_up
from calibration.formats.usd_filmback import film_back
from calibration.formats.usd_lens import write_lens
from calibration.whole_file import whole_file

WRITTEN = (".usda", ".usd", ".usdc")
_ROOT = "/cameras"
_FRAME = 1001
_FRAMES_PER_SECOND = 24.0
_NEAR_AND_FAR = (0.01, 100.0)


def missing_usd(path: Path) -> MissingDependencyError:
    """What to say where the library is absent."""
    return MissingDependencyError(
        "USD cameras need the library of USD", where=str(path), fix="Install it: pip install usd-core"
    )


def is_z_up(stage: Any) -> bool:
    """Whether the z axis of a stage is up; else y is."""
    from pxr import UsdGeom

    return bool(UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z)


def write(rig: Rig, path: Path) -> None:
    """Write a stage in metres, Y up, whose default prim holds the cameras.

    Raises:
        UsageError: if the suffix is not that of a USD file that can be written.
        MissingDependencyError: if USD is not installed.
    """
    try:
        from pxr import Tf, Usd, UsdGeom
    except ImportError as error:
        raise missing_usd(path) from error
    if path.suffix.lower() not in WRITTEN:
        raise UsageError(
            f"no USD is written with the suffix {path.suffix!r}",
            where=str(path),
            fix=f"Name a file with one of: {', '.join(WRITTEN)}",
        )
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    stage.SetTimeCodesPerSecond(_FRAMES_PER_SECOND)
    stage.SetFramesPerSecond(_FRAMES_PER_SECOND)
    stage.SetStartTimeCode(_FRAME)
    stage.SetEndTimeCode(_FRAME)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, _ROOT).GetPrim())
    define_cameras(stage, rig, _ROOT)
    with whole_file(path) as partial:
        try:
            stage.GetRootLayer().Export(str(partial))
        except Tf.ErrorException as error:
            raise InputError("cannot be written as USD", where=str(path)) from error


def define_cameras(stage: Any, rig: Rig, root: str) -> dict[str, Any]:
    """Author the cameras of a rig under a prim of a stage, in its units and axes.

    Returns:
        the `UsdGeomCamera` of each camera, by name.
    """
    from pxr import Sdf, Tf, UsdGeom

    z_up, unit = is_z_up(stage), float(UsdGeom.GetStageMetersPerUnit(stage))
    defined: dict[str, Any] = {}
    taken: set[str] = set()
    for camera in rig:
        valid = Tf.MakeValidIdentifier(camera.name)
        while valid in taken:
            valid += "_"
        taken.add(valid)
        usd = UsdGeom.Camera.Define(stage, Sdf.Path(root).AppendChild(valid))
        _define(usd, camera, z_up, unit)
        write_lens(usd.GetPrim(), camera, rig.residual_px.get(camera.name))
        defined[camera.name] = usd
    return defined


def _define(defined: Any, camera: Camera, z_up: bool, unit: float) -> None:
    """Author pose and film back in a stage with so many metres in a unit."""
    from pxr import Gf

    R, centre = to_z_up(camera.R, camera.centre) if z_up else (camera.R, camera.centre)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = to_graphics(R), centre / unit
    defined.AddTransformOp().Set(Gf.Matrix4d(*matrix.T.ravel().tolist()))
    film = film_back(camera, unit)
    defined.CreateProjectionAttr("perspective")
    defined.CreateFocalLengthAttr(film.focal)
    defined.CreateHorizontalApertureAttr(film.width)
    defined.CreateVerticalApertureAttr(film.height)
    defined.CreateHorizontalApertureOffsetAttr(film.right)
    defined.CreateVerticalApertureOffsetAttr(film.up)
    near, far = (distance / unit for distance in _NEAR_AND_FAR)
    defined.CreateClippingRangeAttr(Gf.Vec2f(near, far))
