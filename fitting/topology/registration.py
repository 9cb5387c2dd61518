"""A user's neutral mesh on our head: placed by a similarity, met by our identity, bound by vertex."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.errors import InputError
from fitting.closest import Surface
from fitting.head_model import HeadModel
from fitting.head_models.obj_file import ObjMesh
from fitting.head_models.shape_fit import Linear, Target, fit_shape
from fitting.model_arrays import as_array
from fitting.polygons import face_sizes, fan
from fitting.surface import SurfacePoints
from fitting.topology.binding import Binding, bind
from fitting.topology.islands import EYES, FOLLOWED, OurHead, ball_middle, islands, parts_of
from fitting.topology.placing import Cloud, Placement, place, sampled
from fitting.vertex_normals import vertex_normals

Array = NDArray[np.float64]
Int = NDArray[np.int64]
Progress = Callable[[int, int, str], None]

CLOSE = 0.003
"""Metres from our face within which the user's surface lies on it."""
MIN_COVERED = 0.88
"""A mesh that lies on less of our face than this is not registered. Measured: a head of ICT-FaceKit 0.96, and
eggs, to which our face can be bent but for its eyes, 0.82 to 0.84.
"""

_HOPELESS = 0.3
"""A mesh that a similarity alone brings onto less of our face is not worth the fit."""
_ASKED = 500
_LOOSE = 0.2
_LOOKED_ALONG = (0.003, 0.05, 0.0015)
"""Metres ahead of a point at which something is looked for: from, to, and every."""
_SKIN_POINTS = 1_500
"""Of the user's skin meet ours in the fit; more change nothing that could be measured."""


@dataclass(frozen=True, eq=False)
class Registered:
    """The result; V vertices of the user's.

    Attributes:
        neutral: (V, 3) the user's mesh on the canonical head, metres.
        turn: (3, 3) and scale: what takes the file's directions and lengths there.
        unit: of the file, or "" where it has none.
        identity: (B,) our head as it was fitted to the user's.
        binding: the place of each vertex.
        eyes: (2, 3) metres, the middles of the user's eyeballs, left first; NaN where the mesh has none.
        covered: the share of our face that has the mesh on it.
    """

    neutral: Array
    turn: Array
    scale: float
    unit: str
    identity: Array
    binding: Binding
    eyes: Array
    covered: float


def register_mesh(
    mesh: ObjMesh,
    head: HeadModel,
    *,
    landmarks: SurfacePoints | None = None,
    unit: str | None = None,
    progress: Progress | None = None,
) -> Registered:
    """Register a user's neutral to our head.

    Args:
        mesh: the neutral. head: ours.
        landmarks: the 68 of iBUG on the mesh; NaN weights where not known.
        unit: of the file; found where it is not said.
        progress: called with (done, total, label).

    Raises:
        InputError: it does not come to lie on our head.
    """
    triangles = fan(mesh.quads, face_sizes(mesh.quads))
    loose = 1.0 - len(np.unique(triangles)) / len(mesh.vertices)
    if loose > _LOOSE:
        raise InputError(f"{loose:.0%} of its vertices belong to no face", fix="Is the file whole?")
    placed = place(mesh.vertices, triangles, head, landmarks, unit)
    if landmarks is None and placed.covered < _HOPELESS:
        raise InputError(_refusal(placed.covered, None, placed), fix=_advice(unit, landmarks))
    vertices = placed.apply(mesh.vertices)
    island = islands(vertices, triangles)
    skin = _skin_island(vertices, island, head)
    target = _target(vertices, triangles, np.flatnonzero(island == skin), head, landmarks)
    fit = fit_shape(Linear.of(head), target, progress)
    part = parts_of(fit.bring(vertices), island, skin, fitted_head(head, fit.identity))
    eyes = np.stack([_eye_middle(vertices, island, part, eye) for eye in EYES])
    if np.isfinite(eyes).all():
        # what could only be told now: where the eyes are, which the skin alone says badly
        fit = fit_shape(Linear.of(head), _with_eyes(target, eyes, head), progress)
    brought = fit.bring(vertices)
    ours = fitted_head(head, fit.identity)
    covered, apart = _coverage(brought, triangles, ours)
    if covered < MIN_COVERED:
        raise InputError(_refusal(covered, apart, placed), fix=_advice(unit, landmarks))
    normals = vertex_normals(brought, triangles)
    binding = bind(brought, normals, part, ours)
    turn = fit.rotation.T @ placed.motion.rotation[0]
    size = float(placed.motion.scale[0])
    return Registered(brought, turn, size, placed.unit, fit.identity, binding, fit.bring(eyes), covered)


def fitted_head(head: HeadModel, identity: Array) -> OurHead:
    """Our head in an identity (B,)."""
    vertices = Linear.of(head).shape(identity)
    joints = as_array(head.joint_mean) + np.tensordot(identity, as_array(head.joint_basis), 1)
    return OurHead(head, vertices, np.asarray(joints))


def _skin_island(vertices: Array, island: Int, head: HeadModel) -> int:
    """The piece that most of our face has nearest to it, among vertices."""
    face = as_array(head.mean)[head.region("face")]
    _, nearest = KDTree(vertices).query(face)
    return int(np.bincount(island[np.asarray(nearest)]).argmax())


def _target(
    vertices: Array, triangles: Int, skin: Int, head: HeadModel, landmarks: SurfacePoints | None
) -> Target:
    """What our head is to meet: the skin (vertices) that is seen from outside, and landmarks."""
    points = SurfacePoints.unknown(len(head.ibug68)) if landmarks is None else landmarks
    known = np.isfinite(points.weights).all(axis=1)
    normals = vertex_normals(vertices, triangles)
    chosen = skin[:: max(1, len(skin) // _SKIN_POINTS)]
    chosen = chosen[~_covered_up(vertices[chosen], normals[chosen], sampled(vertices, triangles))]
    return Target(
        skin=vertices[chosen],
        normals=normals[chosen],
        landmarks=np.asarray(points.subset(known).evaluate(vertices)),
        ours=head.ibug68.subset(known),
        eyes=np.zeros((0, 3)),
        eye_mean=np.zeros((0, 3)),
        eye_basis=np.zeros((head.identity_size, 0, 3)),
    )


def _covered_up(points: Array, normals: Array, cloud: Cloud) -> NDArray[np.bool_]:
    """(N,) which points have something close before them: in the mouth, the sockets, the nostrils."""
    steps = np.arange(*_LOOKED_ALONG)
    ahead = points[:, None] + steps[:, None] * normals[:, None]
    apart, index = cloud.tree.query(ahead.reshape(-1, 3), distance_upper_bound=_LOOKED_ALONG[2])
    met = np.isfinite(np.asarray(apart)).reshape(len(points), -1)
    facing = np.append(cloud.normals, np.zeros((1, 3)), axis=0)[np.asarray(index)].reshape(*met.shape, 3)
    return np.asarray((met & ((facing * normals[:, None]).sum(axis=-1) < 0.0)).any(axis=1))


def _with_eyes(target: Target, eyes: Array, head: HeadModel) -> Target:
    """With the middles (2, 3) of the user's eyeballs."""
    joints = [head.joint_names.index(eye) for eye in EYES]
    mean, basis = as_array(head.joint_mean)[joints], as_array(head.joint_basis)[:, joints]
    return replace(target, eyes=eyes, eye_mean=mean, eye_basis=basis)


def _coverage(vertices: Array, triangles: Int, ours: OurHead) -> tuple[float, float]:
    """The share of our face that the user's surface lies on, and the median distance in metres.

    Directions do not count: lids are beside eyeballs, and meshes have layers there that ours has not.
    """
    face = ours.model.region("face")
    asked = ours.vertices[face[:: max(1, len(face) // _ASKED)]]
    closest, _ = Surface(vertices, triangles).closest(asked)
    apart = np.linalg.norm(closest - asked, axis=1)
    return float((apart < CLOSE).mean()), float(np.median(apart))


def _refusal(covered: float, apart: float | None, placed: Placement) -> str:
    size = (
        f"taken to be in {placed.unit}" if placed.unit else f"at {placed.motion.scale[0]:.3g} m to its unit"
    )
    far = "" if apart is None else f" is {apart * 1e3:.1f} mm (median) from our face and"
    return (
        f"the mesh does not come to lie on our head: {size}, its surface{far} lies on {covered:.0%} of our "
        f"face, and {MIN_COVERED:.0%} within {CLOSE * 1e3:g} mm are needed"
    )


def _advice(unit: str | None, landmarks: SurfacePoints | None) -> str:
    doubts = ["check that it is a neutral human head with the mouth closed and the normals outwards"]
    if unit is not None:
        doubts.insert(0, "check the unit, or leave it out")
    if landmarks is None:
        doubts.insert(0, "say where its landmarks are (--landmarks)")
    else:
        doubts.insert(0, "check the landmarks")
    text = ", or ".join(doubts)
    return text[0].upper() + text[1:]


def _eye_middle(vertices: Array, island: Int, part: Int, eye: str) -> Array:
    """(3,) the centre of the sphere through the largest piece of an eye; NaN without one."""
    members = np.flatnonzero(part == FOLLOWED.index(eye))
    if not len(members):
        return np.full(3, np.nan)
    largest = np.bincount(island[members]).argmax()
    return ball_middle(vertices[members[island[members] == largest]])
