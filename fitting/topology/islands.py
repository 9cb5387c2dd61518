"""The connected pieces of a user's mesh, and which part of our head each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from fitting.closest import Surface
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
Int = NDArray[np.int64]

SKIN, EYES, TEETH, TONGUE = "skin", ("left_eye", "right_eye"), ("upper_teeth", "lower_teeth"), "tongue"
FOLLOWED = (SKIN, *EYES, *TEETH, TONGUE)
"""Parts of our head that a piece may follow; skin is also what everything else follows, near or far."""

_EYE_REACH, _EYE_SHARE = 1.15, 0.95
"""Of the radius of our eyeball, within which nearly all of an eye's piece is of its middle."""
_BALL_RADIUS, _BALL_ROUND, _BALL_OFF = (0.008, 0.018), 0.06, 0.008
"""Metres of an eyeball's radius, the share of it that a piece may be unround, and metres from our joint."""
_ASKED = 150
_SKIN_HANDICAP = 1.3
"""The inside of the mouth is skin, and close to teeth."""
_PART_REACH = 0.012
"""Metres from our teeth or tongue that theirs may be, on average."""
_ARCH, _ACROSS = 0.0055, [0, 2]
"""Metres across the head from our rows of teeth that teeth are, on average. Measured: teeth of ICT-FaceKit up
to 4 mm, its gums and tongue 7 mm, our tongue 9 mm.
"""


@dataclass(frozen=True, eq=False)
class OurHead:
    """Our head in the shape that was fitted to the user's: vertices (V, 3), joints (K, 3), metres."""

    model: HeadModel
    vertices: Array
    joints: Array

    def triangles(self, *parts: str) -> Int:
        """(T, 3) of some parts."""
        members = np.zeros(len(self.vertices), dtype=np.bool_)
        for part in parts:
            members[self.model.parts[part]] = True
        triangles = np.asarray(self.model.triangles, np.int64)
        return triangles[members[triangles].all(axis=1)]

    def joint(self, name: str) -> Array:
        """(3,) where a joint is."""
        return np.asarray(self.joints[self.model.joint_names.index(name)])

    def radius(self, eye: str) -> float:
        """Of an eyeball, metres."""
        ball = self.vertices[self.model.parts[eye]]
        return float(np.linalg.norm(ball - self.joint(eye), axis=1).max())


def islands(vertices: Array, triangles: Int) -> Int:
    """(V,) which connected piece each vertex belongs to; vertices at the same place count as one."""
    size = max(float(np.ptp(vertices, axis=0).max()), 1e-300)
    _, same = np.unique(np.round(vertices / size * 1e6).astype(np.int64), axis=0, return_inverse=True)
    welded = same.reshape(-1)[triangles]
    count = int(same.max()) + 1
    ends = np.concatenate([welded[:, [0, 1]], welded[:, [1, 2]]])
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    return np.asarray(label[same.reshape(-1)], np.int64)


def parts_of(vertices: Array, island: Int, skin: int, ours: OurHead) -> Int:
    """(V,) the part of our head, in :data:`FOLLOWED`, that each vertex follows.

    Args:
        vertices: (V, 3) of the user's mesh where it lies on our head. island: (V,) pieces.
        skin: the piece that is known to be skin. ours: our head in its shape.
    """
    surfaces = {part: Surface(ours.vertices, ours.triangles(part)) for part in (SKIN, *TEETH, TONGUE)}
    teeth = np.concatenate([ours.vertices[ours.model.parts[row]] for row in TEETH])
    arch = KDTree(teeth[:, _ACROSS])
    part = np.zeros(len(vertices), np.int64)
    order = np.argsort(island, kind="stable")
    for piece in np.split(order, np.flatnonzero(np.diff(island[order])) + 1):
        if island[piece[0]] != skin:
            part[piece] = FOLLOWED.index(_part_of(vertices[piece], ours, surfaces, arch))
    return part


def _part_of(piece: Array, ours: OurHead, surfaces: dict[str, Surface], arch: KDTree) -> str:
    for eye in EYES:
        reach = np.linalg.norm(piece - ours.joint(eye), axis=1)
        if (reach < _EYE_REACH * ours.radius(eye)).mean() > _EYE_SHARE or _is_ball(piece, ours.joint(eye)):
            return eye
    asked = piece[:: max(1, len(piece) // _ASKED)]
    apart = {
        part: float(np.linalg.norm(surface.closest(asked)[0] - asked, axis=1).mean())
        for part, surface in surfaces.items()
    }
    nearest = min((*TEETH, TONGUE), key=lambda part: apart[part])
    if apart[nearest] > min(_PART_REACH, _SKIN_HANDICAP * apart[SKIN]):
        return SKIN
    # seen from above, teeth are beneath ours, alone or in a row; the tongue, with or without gums, is not
    beside, _ = arch.query(asked[:, _ACROSS])
    return TONGUE if np.mean(beside) > _ARCH else min(TEETH, key=lambda part: apart[part])


def ball_middle(points: Array) -> Array:
    """(3,) the centre of the sphere through points (N, 3), in the least squares."""
    # |x|^2 = 2 c x + (r^2 - |c|^2), about the mean for the sake of the numbers
    middle = points.mean(axis=0)
    around = points - middle
    system = np.concatenate([2 * around, np.ones((len(points), 1))], axis=1)
    found, *_ = np.linalg.lstsq(system, (around**2).sum(axis=1), rcond=None)
    return np.asarray(middle + found[:3])


def _is_ball(piece: Array, joint: Array) -> bool:
    """Whether a piece is an eyeball, or the white or the cornea of one, in another place than ours."""
    middle = ball_middle(piece)
    radii = np.linalg.norm(piece - middle, axis=1)
    radius = float(radii.mean())
    low, high = _BALL_RADIUS
    near = float(np.linalg.norm(middle - joint)) < _BALL_OFF
    return near and low < radius < high and float(radii.std()) < _BALL_ROUND * radius
