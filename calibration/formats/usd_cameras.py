"""USD cameras: a `UsdGeomCamera` per camera, which looks down -z with y up, under one `Xform`.

Where a camera carries our exact matrix (:mod:`calibration.formats.usd_lens`) and its film back
(:mod:`calibration.formats.usd_filmback`) still agrees with it, the matrix is taken; where the film back was
edited since, the film back is. Transforms of ancestors, `metersPerUnit` and `upAxis` are honoured.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats.conventions import from_graphics, from_z_up, pose_from_centre
from calibration.formats.entry import Format, ReadOptions
from calibration.formats.fields import METRES, given_size
from calibration.formats.numbers import numbers, rotation
from calibration.formats.usd_filmback import FilmBack, camera_matrix
from calibration.formats.usd_lens import read_lens, said_name, said_residual
from calibration.formats.usd_writer import WRITTEN, is_z_up, missing_usd, write

Array = NDArray[np.float64]

_SAME_PX = 0.01
_STILL = 1e-6


def read(path: Path, options: ReadOptions) -> Rig:
    """Read all cameras of a stage.

    Raises:
        InputError: naming the file and the camera, which moves, is orthographic, or lacks its image size.
        MissingDependencyError: if USD is not installed.
    """
    try:
        from pxr import Tf
    except ImportError as error:
        raise missing_usd(path) from error
    # USD reads a file as it is asked for its parts, so that damage comes to light at any of these steps.
    try:
        return _read_stage(_open(path), path, options)
    except Tf.ErrorException as error:
        raise InputError("the file cannot be read as USD", where=str(path)) from error


def _read_stage(stage: Any, path: Path, options: ReadOptions) -> Rig:
    scale, notes = _unit(stage, options, path)
    prims = _cameras(stage)
    if not prims:
        raise InputError("the stage holds no cameras", where=str(path))
    names = _names(prims)
    cameras, residuals = [], {}
    for prim, name in zip(prims, names, strict=True):
        where = f"{path}: {prim.GetPath()}"
        orientation, position, film = _still(prim, where)
        R, centre = from_graphics(orientation), position * scale
        if is_z_up(stage):
            R, centre = from_z_up(R, centre)
        camera, note = _camera(prim, name, film, (R, pose_from_centre(R, centre)), options, where)
        cameras.append(camera)
        notes += note
        residual = said_residual(prim, where)
        if residual is not None:
            residuals[name] = residual
    return Rig(tuple(cameras), path.name, residuals, notes)


def _open(path: Path) -> Any:
    """The stage of a file as it is now, and not as this process may have seen it before."""
    from pxr import Sdf, Usd

    seen = Sdf.Layer.Find(str(path))
    if seen is not None and not seen.Reload(force=True):
        raise InputError("the file cannot be read as USD", where=str(path))
    return Usd.Stage.Open(str(path))


def _unit(stage: Any, options: ReadOptions, path: Path) -> tuple[float, tuple[str, ...]]:
    """Metres per scene unit; what a person says has to be what the stage says, where it says something."""
    from pxr import UsdGeom

    scale = float(numbers(UsdGeom.GetStageMetersPerUnit(stage), (), "metersPerUnit", str(path)))
    if scale <= 0:
        raise InputError(f"metersPerUnit is {scale:g}", where=str(path))
    said = METRES.get(options.units or "", scale)
    if UsdGeom.StageHasAuthoredMetersPerUnit(stage):
        if not np.isclose(said, scale):
            raise InputError(
                f"the stage has {scale:g} metres per unit, but {options.units!r} were asked for",
                where=str(path),
                fix="Leave the units to the file",
            )
        return scale, ()
    if options.units is not None:
        return said, ()
    return scale, (f"The stage does not say its metersPerUnit: {scale:g}, USD's own, was taken.",)


def _cameras(stage: Any) -> list[Any]:
    from pxr import Usd, UsdGeom

    return [p for p in Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies()) if p.IsA(UsdGeom.Camera)]


def _names(prims: list[Any]) -> list[str]:
    """The names of the cameras; those that share one are called by their whole path."""
    said = [said_name(prim) for prim in prims]
    counts = Counter(said)
    return [
        name if counts[name] == 1 else str(prim.GetPath())[1:].replace("/", "_")
        for prim, name in zip(prims, said, strict=True)
    ]


def _still(prim: Any, where: str) -> tuple[Array, Array, FilmBack]:
    """Orientation (3, 3), position (3,) in scene units and film back of a camera that does not move."""
    from pxr import Usd

    times = [Usd.TimeCode(time) for time in _times(prim)] or [Usd.TimeCode.Default()]
    first = _at(prim, times[0], where)
    for time in times[1:]:
        other = _at(prim, time, where)
        if not np.allclose(other[0], first[0], atol=_STILL) or other[1] != first[1]:
            raise InputError(
                f"the camera moves (time {time.GetValue():g} differs from {times[0].GetValue():g}); "
                "only cameras that stand still are read",
                where=where,
            )
    matrix, film = first
    if np.linalg.det(matrix[:3, :3]) == 0:
        raise InputError("the transform has no size", where=where)
    size = np.cbrt(abs(np.linalg.det(matrix[:3, :3])))
    orientation = rotation(matrix[:3, :3] / size, "the transform (but for a uniform scale)", where)
    return orientation, matrix[:3, 3], film


def _times(prim: Any) -> list[float]:
    """All times, of samples and of the knots of curves, that bear on where a camera is and what it sees."""
    from pxr import UsdGeom

    attributes = list(prim.GetAttributes())
    while prim:
        if prim.IsA(UsdGeom.Xformable):
            attributes += [op.GetAttr() for op in UsdGeom.Xformable(prim).GetOrderedXformOps()]
        prim = prim.GetParent()
    times: set[float] = set()
    for attribute in attributes:
        times.update(attribute.GetTimeSamples())
        if attribute.HasSpline():
            times.update(attribute.GetSpline().GetKnots().keys())
    return sorted(times)


def _at(prim: Any, time: Any, where: str) -> tuple[Array, FilmBack]:
    """The matrix (4, 4) to the world, which acts on columns, and the film back at a time."""
    from pxr import Gf, UsdGeom

    seen = UsdGeom.Camera(prim).GetCamera(time)
    if seen.projection != Gf.Camera.Perspective:
        raise InputError("the camera is orthographic; only perspective ones are read", where=where)
    to_world = UsdGeom.XformCache(time).GetLocalToWorldTransform(prim)
    matrix = numbers(np.array(to_world), (4, 4), "the transform", where)
    values = (
        seen.focalLength,
        seen.horizontalAperture,
        seen.verticalAperture,
        seen.horizontalApertureOffset,
        seen.verticalApertureOffset,
    )
    film = FilmBack(*map(float, numbers(values, (5,), "focal length and apertures", where)))
    if min(film.focal, film.width, film.height) <= 0:
        raise InputError("focal length and apertures must be positive", where=where)
    return matrix.T, film


def _camera(
    prim: Any, name: str, film: FilmBack, pose: tuple[Array, Array], options: ReadOptions, where: str
) -> tuple[Camera, tuple[str, ...]]:
    """The camera of a prim, and what a person should know of it."""
    lens = read_lens(prim, where)
    width, height = lens.size or given_size(name, options, where)
    K = camera_matrix(film, (width, height))
    notes: tuple[str, ...] = ()
    if lens.K is not None and (lens.drives or np.allclose(K, lens.K, rtol=1e-5, atol=_SAME_PX)):
        K = lens.K
    elif lens.K is not None:
        notes = (f"Camera {name}: focal length or apertures were edited since; they are used.",)
    elif abs(K[0, 0] / K[1, 1] - 1) > 0.005:
        notes = (
            f"Camera {name}: its apertures make pixels that are not square for images of {width} x {height} "
            f"(fx is {K[0, 0] / K[1, 1]:.3f} of fy); look whether the film back fits the images.",
        )
    return Camera(name, width, height, K, lens.distortion, *pose, lens.fisheye), notes


RIG_FORMAT = Format(
    "usd",
    "USD: a UsdGeomCamera per camera",
    (*WRITTEN, ".usdz"),
    read=read,
    write=write,
)
