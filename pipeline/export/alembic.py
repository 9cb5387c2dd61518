"""Alembic: the take as points in time, and the cameras; for programs that read caches.

The bindings are those of the optional extra ``alembic``.
"""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import MissingDependencyError
from calibration.formats.conventions import to_graphics
from calibration.formats.usd_filmback import film_back
from calibration.whole_file import refused, whole_file
from pipeline.export.options import UNITS, ExportOptions
from pipeline.export.scene import ExportScene, build_scene, world_axes
from pipeline.export.surface import Surface

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

_NEAR_AND_FAR = (0.01, 100.0)
_DATE = re.compile(rb"(?<=_ai_DateWritten=)[^;]{24}")
_NO_DATE = b"Thu Jan  1 00:00:00 1970"


def export_alembic(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.abc``: the head as one mesh with a face set per part, a sample per frame, and the cameras.

    A sample's time is its frame number / fps seconds, and gaps in the numbers stay gaps. Alembic does not say
    its unit or axes; those of the options are written into the archive's description.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the file; it is made where it is absent.
        options: name, progress, and all that :class:`ExportOptions` says of geometry and frames.

    Returns:
        the one file.

    Raises:
        MissingDependencyError: the bindings of Alembic are not installed.
        DiskError: its disk has no room for the archive.
        InputError: the folder cannot be written to.
        UsageError: the head has no such part.
    """
    scene = build_scene(performance, model, options or ExportOptions())
    path = folder / f"{scene.options.name}.abc"
    abc = _bindings(path)
    with whole_file(path) as partial:
        _reserve(partial, _size(scene))
        try:
            _write(abc, scene, partial)
        except RuntimeError as error:
            raise refused(path, f"cannot be written as Alembic ({error})") from error
        _forget_the_date(partial)
    return [path]


def _bindings(path: Path) -> Any:
    try:
        import alembic3d
    except ImportError as error:
        raise MissingDependencyError(
            "Alembic needs its bindings",
            where=str(path),
            fix="Install them (pip install 'vultus[alembic]'), or leave alembic out of the formats",
        ) from error
    return alembic3d


def _reserve(path: Path, size: int) -> None:
    """Fill a file with so many bytes: Alembic ends the whole process where the disk runs full under it.

    Raises:
        OSError: there is no room for them.
    """
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def _forget_the_date(path: Path) -> None:
    """Take out when the archive was written, so that the same take is the same bytes."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        for written in [found.span() for found in _DATE.finditer(content)]:
            content[slice(*written)] = _NO_DATE


def _size(scene: ExportScene) -> int:
    """Bytes that the archive takes at most: points, faces with texture coordinates, and its own books."""
    surface, frames, cameras = scene.surface, len(scene.frames), len(scene.performance.rig.cameras)
    points = 12 * frames * len(scene.skin.vertices)
    faces = 12 * int(surface.face_sizes.sum()) + 8 * len(surface.quads)
    return points + faces + 200 * frames + 1000 * (cameras + len(surface.parts)) + 8000


def _write(abc: Any, scene: ExportScene, path: Path) -> None:
    options = scene.options
    about = f"{options.name}: lengths in {options.units}, {options.up} up"
    archive = abc.Abc.CreateArchiveWithInfo(str(path), scene.fps, "vultus", about)
    sampling = abc.Abc.Argument(archive.addTimeSampling(_sampling(abc, scene)))
    parent = abc.AbcGeom.OXform(archive.getTop(), "head")
    schema = abc.AbcGeom.OPolyMesh(parent, options.name, sampling).getSchema()
    for position in range(len(scene.frames)):
        points = _vectors(scene.posed(position))
        schema.set(_first_sample(abc, scene, points) if position == 0 else _sample(abc, points))
        options.progress(position + 1, len(scene.frames), f"{options.name}.abc")
    for part, faces in scene.surface.parts.items():
        sample = abc.AbcGeom.OFaceSetSchemaSample(_integers(faces))
        schema.createFaceSet(part.replace("/", "_")).getSchema().set(sample)
    if options.motion == "world":
        for camera in scene.performance.rig:
            _add_camera(abc, archive, scene, camera)


def _sampling(abc: Any, scene: ExportScene) -> Any:
    """Seconds of the frames: evenly spaced, or one by one where numbers are missing."""
    core, times = abc.AbcCoreAbstract, scene.frames / scene.fps
    if len(times) == 1 or np.all(np.diff(scene.frames) == 1):
        return core.TimeSampling(1.0 / scene.fps, float(times[0]))
    every = core.TimeVector()
    every.extend(times.tolist())
    return core.TimeSampling(core.TimeSamplingType(core.AcyclicFlag.kAcyclic), every)


def _first_sample(abc: Any, scene: ExportScene, points: Any) -> Any:
    """Points with the faces and their texture coordinates. Alembic turns faces the other way round."""
    geom, surface = abc.AbcGeom, scene.surface
    # One pair for every corner: the bindings take no indices of their own making.
    uv = _pairs(surface.uv[_turned(surface, surface.quads_uv)])
    coordinates = geom.OV2fGeomParamSample(uv, geom.GeometryScope.kFacevaryingScope)
    corners = _integers(_turned(surface, surface.quads))
    return geom.OPolyMeshSchemaSample(points, corners, _integers(surface.face_sizes), coordinates)


def _sample(abc: Any, points: Any) -> Any:
    return abc.AbcGeom.OPolyMeshSchemaSample(points)


def _turned(surface: Surface, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Corners of the faces clockwise, from rows (Q, 4) that list them the other way."""
    starts = np.cumsum(surface.face_sizes) - surface.face_sizes
    ends = starts + surface.face_sizes - 1
    corners = surface.corners(rows)
    own = np.repeat(starts + ends, surface.face_sizes) - np.arange(len(corners))
    return np.asarray(corners[own], np.int64)


def _add_camera(abc: Any, archive: Any, scene: ExportScene, camera: Camera) -> None:
    """A camera that looks down -Z with Y up; focal length in millimetres, film back in centimetres."""
    geom, turn, unit = abc.AbcGeom, world_axes(scene.options), UNITS[scene.options.units]
    orientation, position = to_graphics(camera.R), camera.centre
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn @ orientation, unit * turn @ position
    place = geom.XformSample()
    place.setMatrix(_matrix(matrix.T))
    parent = geom.OXform(archive.getTop(), camera.name)
    parent.getSchema().set(place)
    film = film_back(camera, 1.0)  # tenths of a metre
    sample = geom.CameraSample()
    sample.setFocalLength(film.focal * 100)
    sample.setHorizontalAperture(film.width * 10)
    sample.setVerticalAperture(film.height * 10)
    sample.setHorizontalFilmOffset(film.right * 10)
    sample.setVerticalFilmOffset(film.up * 10)
    near, far = (distance * unit for distance in _NEAR_AND_FAR)
    sample.setNearClippingPlane(near)
    sample.setFarClippingPlane(far)
    geom.OCamera(parent, f"{camera.name}_camera").getSchema().set(sample)


def _matrix(rows: NDArray[np.float64]) -> Any:
    """A matrix (4, 4) that acts on row vectors."""
    import imath

    return imath.M44d(*rows.ravel().tolist())


def _vectors(points: NDArray[np.float64]) -> Any:
    import imath

    return imath.V3fArrayFromBuffer(np.ascontiguousarray(points, np.float32))


def _pairs(values: NDArray[np.float64]) -> Any:
    import imath

    return imath.V2fArrayFromBuffer(np.ascontiguousarray(values, np.float32))


def _integers(values: NDArray[np.int64]) -> Any:
    import imath

    return imath.IntArrayFromBuffer(np.ascontiguousarray(values, np.int32))
