"""Where a user's head mesh stands, how it is turned and how large it is: a similarity to our head.

Points of our face are laid on the mesh from many starts (turned in eight ways, by the tip of the nose and by
the top of the head, in every unit that makes sense); the start that covers most of the face wins. Hair,
shoulders and a whole body do no harm, since nothing asks what they lie on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.errors import InputError
from fitting.alignment import RigidMotion, align
from fitting.head_model import HeadModel
from fitting.head_models.assembly import UNITS
from fitting.model_arrays import mean_head
from fitting.surface import SurfacePoints
from fitting.surface_alignment import surface_onto_points
from fitting.vertex_normals import vertex_normals

Array = NDArray[np.float64]
Int = NDArray[np.int64]

LENGTHS = {**UNITS, "inch": 0.0254}
"""Metres of each unit that a mesh may be in."""

_TALL = (0.14, 2.4)
"""Metres from the lowest to the highest point of a mesh with a head in it: a mask, and a giant."""
_USUAL_HEAD = 0.26
_HEAD = 0.30
"""Metres below the highest point in which all of a head is."""
_SAME_UNIT = 1.2
"""A head of this many times the usual size is a large head; beyond, it is in a unit of its own."""
_SAMPLES, _ASKED = 50_000, 260
_NEAR, _FACING = 0.006, 0.6
_TRIM = 0.25
_FEWER, _KEPT = 3, 5
"""Starts are tried with every third point, and the best five with all."""
_MIN_LANDMARKS = 4


@dataclass(frozen=True, eq=False)
class Placement:
    """`canonical = scale * R x + t` for points x of the file.

    Attributes:
        motion: one motion. unit: of the file, or "" for one that has no name.
        covered: the share of our face that has the mesh near it.
    """

    motion: RigidMotion
    unit: str
    covered: float

    def apply(self, points: Array) -> Array:
        """Points (N, 3) of the file on the canonical head, metres."""
        return np.asarray(self.motion.apply(points)[0])


class Cloud:
    """Points (N, 3) of a surface with their normals, that answers as a surface does."""

    def __init__(self, points: Array, normals: Array) -> None:
        self.points, self.normals, self.tree = points, normals, KDTree(points)

    def closest(self, points: Array) -> tuple[Array, Int]:
        """The closest of its points to points (M, 3), and which they are."""
        _, index = self.tree.query(points)
        near = np.asarray(index, np.int64)
        return self.points[near], near


@dataclass(frozen=True, eq=False)
class _Face:
    """Points (N, 3) of our face with normals, its nose and where the head is highest; metres."""

    points: Array
    normals: Array
    nose: Array
    top: Array

    def every(self, step: int) -> _Face:
        """With fewer points."""
        return _Face(self.points[::step], self.normals[::step], self.nose, self.top)


def place(
    vertices: Array,
    triangles: Int,
    head: HeadModel,
    landmarks: SurfacePoints | None = None,
    unit: str | None = None,
) -> Placement:
    """Find a mesh's place by its shape, or by landmarks.

    Args:
        vertices: (V, 3) in the file's unit. triangles: (T, 3).
        head: ours.
        landmarks: the 68 of iBUG on the mesh, NaN weights where not known; what there is of them decides.
        unit: one of :data:`LENGTHS`, which fixes the size.

    Raises:
        InputError: in that unit, it cannot be a head.
    """
    _check_size(vertices, unit)
    cloud, face = sampled(vertices, triangles), _our_face(head)
    if landmarks is not None:
        starts: Iterator[RigidMotion] = iter([_by_landmarks(vertices, head, landmarks, unit)])
    else:
        starts = _starts(cloud.points, face, unit)
    few = face.every(_FEWER)
    grows = unit is None
    tried = sorted((_settled(cloud, few, start, grows=grows) for start in starts), key=_by_cover)[-_KEPT:]
    best = max((_settled(cloud, face, each.motion, grows=grows) for each in tried), key=_by_cover)
    if unit is not None:
        return Placement(best.motion, unit, best.covered)
    return _in_unit(cloud, face, best)


def _check_size(vertices: Array, unit: str | None) -> None:
    tall = float(np.ptp(vertices, axis=0).max())
    if not tall > 0.0:
        raise InputError("the mesh has no size")
    if unit is None or _TALL[0] <= tall * LENGTHS[unit] <= _TALL[1]:
        return
    likely = [name for name, metres in LENGTHS.items() if _TALL[0] <= tall * metres <= _TALL[1]]
    raise InputError(
        f"in {unit}, the mesh is {tall * LENGTHS[unit]:.3g} m from end to end, which is no head",
        fix=f"Say --units {' or '.join(likely)}" if likely else "Leave the unit out, and it is found",
    )


def sampled(vertices: Array, triangles: Int) -> Cloud:
    """Points spread evenly over a surface of vertices (V, 3) and triangles (T, 3)."""
    corners = vertices[triangles]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(crossed, axis=1)
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(triangles), _SAMPLES, p=area / area.sum())
    points = np.einsum("nk,nkc->nc", rng.dirichlet((1.0, 1.0, 1.0), _SAMPLES), corners[chosen])
    return Cloud(points, crossed[chosen] / area[chosen, None])


def _by_cover(placed: Placement) -> float:
    return placed.covered


def _our_face(head: HeadModel) -> _Face:
    mean, face = mean_head(head), head.region("face")
    chosen = face[:: max(1, len(face) // _ASKED)]
    normals = vertex_normals(mean, np.asarray(head.triangles, np.int64))
    skin = mean[head.region("outer_skin")]
    return _Face(mean[chosen], normals[chosen], skin[skin[:, 2].argmax()], _top_middle(skin))


def _top_middle(points: Array) -> Array:
    """(3,) the middle of a head's box, at its highest point."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([(low[0] + high[0]) / 2, high[1], (low[2] + high[2]) / 2])


def _by_landmarks(
    vertices: Array, head: HeadModel, landmarks: SurfacePoints, unit: str | None
) -> RigidMotion:
    known = np.isfinite(landmarks.weights).all(axis=1)
    if known.sum() < _MIN_LANDMARKS:
        raise InputError(f"{known.sum()} landmarks are known, at least {_MIN_LANDMARKS} are needed")
    theirs = landmarks.subset(known).evaluate(vertices)
    ours = head.ibug68.subset(known).evaluate(mean_head(head))
    size = 1.0 if unit is None else LENGTHS[unit]
    motion = align(size * theirs, ours[None], np.ones((1, len(theirs))), with_scale=unit is None)
    return RigidMotion(motion.rotation, motion.translation, size * motion.scale)


def _starts(points: Array, face: _Face, unit: str | None) -> Iterator[RigidMotion]:
    for turn in _turns():
        turned = points @ turn.T
        tall = float(np.ptp(turned[:, 1]))
        for scale in _scales(tall, unit):
            top = turned[:, 1].max() - _HEAD / scale
            part = turned[turned[:, 1] > top]
            for theirs, ours in ((part[part[:, 2].argmax()], face.nose), (_top_middle(part), face.top)):
                yield RigidMotion(turn[None], (ours - scale * theirs)[None], np.array([scale]))


def _turns() -> Iterator[Array]:
    """Up may be Y or Z, and the face may look any of four ways about it."""
    z_up = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    for stand in (np.eye(3), z_up):
        for quarter in range(4):
            c, s = np.cos(quarter * np.pi / 2), np.sin(quarter * np.pi / 2)
            yield np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]) @ stand


def _scales(tall: float, unit: str | None) -> list[float]:
    if unit is not None:
        return [LENGTHS[unit]]
    known = [metres for metres in LENGTHS.values() if _TALL[0] <= tall * metres <= _TALL[1]]
    return known or [_USUAL_HEAD / tall]


def _settled(cloud: Cloud, face: _Face, start: RigidMotion, *, grows: bool) -> Placement:
    rigid = surface_onto_points(cloud, face.points, start, trim=_TRIM)
    motion = surface_onto_points(cloud, face.points, rigid, with_scale=True, trim=_TRIM) if grows else rigid
    # what has grown or shrunk out of all proportion has found a flat patch and not a face
    growth = float(motion.scale[0] / start.scale[0])
    if not 0.5 < growth < 2.0:
        motion = rigid
    return Placement(motion, "", _covered(cloud, face, motion))


def _covered(cloud: Cloud, face: _Face, motion: RigidMotion) -> float:
    closest, index = cloud.closest(motion.undo(face.points))
    apart = np.linalg.norm(motion.apply(closest)[0] - face.points, axis=1)
    alike = ((cloud.normals[index] @ motion.rotation[0].T) * face.normals).sum(axis=1) > _FACING
    return float(((apart < _NEAR) & alike).mean())


def _in_unit(cloud: Cloud, face: _Face, found: Placement) -> Placement:
    """With the size that the file has in the unit that it must be in: how large heads are differs."""
    scale = float(found.motion.scale[0])
    unit = min(LENGTHS, key=lambda name: abs(np.log(LENGTHS[name] / scale)))
    if abs(np.log(LENGTHS[unit] / scale)) > np.log(_SAME_UNIT):
        return found
    motion = found.motion
    size = LENGTHS[unit]
    middle = motion.undo(face.points).mean(axis=0)
    shift = motion.apply(middle[None])[0, 0] - size * motion.rotation[0] @ middle
    start = RigidMotion(motion.rotation, shift[None], np.array([size]))
    placed = _settled(cloud, face, start, grows=False)
    return Placement(placed.motion, unit, placed.covered)
