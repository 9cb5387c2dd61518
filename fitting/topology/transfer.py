"""A user's mesh on an actor: its neutral, what each expression adds to it, and its skin weights.

What follows our surface is at its place there plus its offset, which turns as the surface around turns. What
is too far from it is carried along smoothly with the nearest skin and has no expression. Eyes are moved as
ours are and turn about their own middles; teeth move rigidly with ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from fitting.alignment import align
from fitting.head_model import HeadModel
from fitting.model_arrays import as_array
from fitting.topology.binding import Binding
from fitting.topology.islands import EYES, FOLLOWED, TEETH, OurHead
from fitting.topology.turning import Turning

Array = NDArray[np.float64]
Int = NDArray[np.int64]

_STILL = 1e-7
_OFF_SURFACE = 1e-6
"""Metres beneath which a motion and an offset are none."""
_RIGID = 1e-5
_AROUND = 48


@dataclass(frozen=True, eq=False)
class Carried:
    """A mesh of V vertices on an actor; metres, canonical axes.

    Attributes:
        vertices: (V, 3) the neutral. expressions: (E, V, 3). weights: (V, K) of the joints.
        joints: (K, 3) the actor's, but for those of the eyes: they are in the middles of the mesh's own.
    """

    vertices: Array
    expressions: Array
    weights: Array
    joints: Array


def carry(neutral: Array, eyes: Array, binding: Binding, ours: OurHead, actor: OurHead) -> Carried:
    """Bring a mesh onto an actor.

    An expression is taken at its full strength, with all that then turns; between, and where several come
    together, exports add them up, and offsets are off by what rotations do not add.

    Args:
        neutral: (V, 3) the mesh where it lies on our head. eyes: (2, 3) middles of its eyes, NaN for none.
        binding: of its vertices. ours: our head as it was when the mesh was bound. actor: and the actor's.
    """
    model, points = ours.model, binding.points
    turning = Turning(ours.vertices, np.asarray(model.triangles, np.int64))
    at_rest = turning.rotations(actor.vertices)
    turned = points.evaluate(at_rest.reshape(-1, 9).T[..., None])[..., 0].T.reshape(-1, 3, 3)
    followed = points.evaluate(actor.vertices) + np.einsum("nij,nj->ni", turned, binding.offset)
    vertices = _mixed(followed, neutral, binding.hold, ours, actor)
    weights = points.evaluate(as_array(model.skin_weights).T[..., None])[..., 0].T
    expressions = _expressions(model, binding, turning, actor, at_rest)
    weights = weights / weights.sum(axis=1, keepdims=True)
    carried = Carried(vertices, expressions, weights, actor.joints.copy())
    for part, eye in zip(EYES, eyes, strict=True):
        members = np.flatnonzero(binding.part == FOLLOWED.index(part))
        _set_eye(carried, members, neutral[members], eye, (part, ours, actor))
    for part in TEETH:
        members = np.flatnonzero(binding.part == FOLLOWED.index(part))
        _set_teeth(carried, members, neutral[members], part, (ours, actor))
    return carried


def _mixed(followed: Array, neutral: Array, hold: Array, ours: OurHead, actor: OurHead) -> Array:
    """Vertices (V, 3) that follow the surface as far as they hold to it, and else drift with the skin."""
    vertices = followed.copy()
    loose = np.flatnonzero(hold < 1.0)
    if len(loose):
        skin = ours.model.region("outer_skin")
        reach, near = KDTree(ours.vertices[skin]).query(neutral[loose], k=_AROUND)
        distance = np.asarray(reach)
        # neighbours count less and less, down to nothing for the last: no steps between vertices
        share = 1.0 / distance - 1.0 / distance[:, -1:]
        share = np.maximum(share, 1e-9)
        share /= share.sum(axis=1, keepdims=True)
        moves = (actor.vertices - ours.vertices)[skin]
        drifted = neutral[loose] + np.einsum("nk,nkc->nc", share, moves[np.asarray(near)])
        vertices[loose] = drifted + hold[loose, None] * (followed[loose] - drifted)
    return vertices


def _expressions(
    model: HeadModel, binding: Binding, turning: Turning, actor: OurHead, at_rest: Array
) -> Array:
    """(E, V, 3) what each expression adds."""
    basis, points = as_array(model.expression_basis), binding.points
    carried = np.zeros((len(basis), len(points), 3))
    off = binding.distance > _OFF_SURFACE
    for expression, delta in enumerate(basis):
        moved = np.abs(delta).max(axis=1) > _STILL
        turned = turning.near(moved)
        change = np.zeros((len(delta), 3, 3))
        change[turned] = turning.rotations(actor.vertices + delta, turned) - at_rest[turned]
        here = np.zeros(len(delta), dtype=np.bool_)
        here[turned] = True
        rows = np.flatnonzero(here[points.vertices].any(axis=1) & (binding.hold > 0))
        chosen = points.subset(rows)
        added = chosen.evaluate(delta)
        stands = off[rows]
        corners, mix = chosen.vertices[stands], chosen.weights[stands]
        spun = np.einsum("nk,nkij,nj->ni", mix, change[corners], binding.offset[rows[stands]], optimize=True)
        added[stands] += spun
        carried[expression, rows] = binding.hold[rows, None] * added
    return carried


def _set_eye(
    carried: Carried, members: Int, places: Array, middle: Array, where: tuple[str, OurHead, OurHead]
) -> None:
    """An eye, at places (N, 3) about its middle on our head, as far from the actor's eye as it was from
    ours, so that it stays behind its lids; its joint goes with it, and alone moves it.
    """
    part, ours, actor = where
    if not len(members):
        return
    own, joint = ours.model.parts[part], ours.model.joint_names.index(part)
    grown = align(ours.vertices[own], actor.vertices[own][None], np.ones((1, len(own))), with_scale=True)
    carried.joints[joint] += grown.scale[0] * (middle - ours.joint(part))
    carried.vertices[members] = carried.joints[joint] + grown.scale[0] * (places - middle)
    carried.expressions[:, members] = 0.0
    carried.weights[members] = np.eye(len(actor.joints))[joint]


def _set_teeth(
    carried: Carried, members: Int, places: Array, part: str, heads: tuple[OurHead, OurHead]
) -> None:
    """Teeth, at places (N, 3) on our head, where the actor's are; moved by each expression rigidly."""
    if not len(members):
        return
    ours, actor = heads
    model, own = ours.model, ours.model.parts[part]
    every = np.ones((1, len(own)))
    placed = align(ours.vertices[own], actor.vertices[own][None], every, with_scale=True)
    carried.vertices[members] = placed.apply(places)[0]
    carried.weights[members] = as_array(model.skin_weights)[own].mean(axis=0)
    carried.expressions[:, members] = 0.0
    for expression, delta in enumerate(as_array(model.expression_basis)[:, own]):
        if np.abs(delta).max() > _RIGID:
            moved = align(actor.vertices[own], (actor.vertices[own] + delta)[None], every)
            at = carried.vertices[members]
            carried.expressions[expression, members] = moved.apply(at)[0] - at
