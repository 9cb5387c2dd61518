"""Bringing a surface onto points near it: iterated closest points, from point to plane."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from fitting.alignment import RigidMotion

Array = NDArray[np.float64]

_ROUNDS = 30
_STILL = 1e-5
"""Radians, metres and relative size of a step that ends the search: a hundredth of a millimetre."""

STAYS = RigidMotion(np.eye(3)[None], np.zeros((1, 3)), np.ones(1))
"""The motion that leaves everything where it is."""


class NearSurface(Protocol):
    """What knows its closest points and unit normals, such as :class:`fitting.closest.Surface`."""

    normals: Array

    def closest(self, points: Array) -> tuple[Array, NDArray[np.int64]]:
        """The closest points (N, 3) to points (N, 3), and whose normal each has."""
        ...


def surface_onto_points(
    surface: NearSurface,
    points: Array,
    start: RigidMotion = STAYS,
    *,
    with_scale: bool = False,
    trim: float = 0.0,
) -> RigidMotion:
    """The motion of a surface that brings it nearest to points, in the least squares of their distances.

    Distances are those of the points to the moved surface, so that a surface that may grow does not shrink
    to lower them.

    Args:
        surface: as it is before any motion.
        points: (N, 3) metres, a few centimetres from the surface once that is moved by the start.
        start: one motion. with_scale: whether the surface may also grow.
        trim: share of the points, the farthest in each round, that are left out.
    """
    rotation, shift, scale = start.rotation[0], start.translation[0], float(start.scale[0])
    for _ in range(_ROUNDS):
        closest, triangle = surface.closest((points - shift) @ rotation / scale)
        on_surface = scale * closest @ rotation.T + shift
        normal = surface.normals[triangle] @ rotation.T
        kept = _nearest(np.linalg.norm(points - on_surface, axis=1), trim)
        step = _step(points[kept], on_surface[kept], normal[kept], with_scale)
        turn, growth = Rotation.from_rotvec(step[:3]).as_matrix(), 1 + step[6]
        centre = on_surface[kept].mean(0)
        shift = growth * turn @ (shift - centre) + centre + step[3:6]
        rotation, scale = turn @ rotation, scale * growth
        if np.abs(step).max() < _STILL:
            break
    return RigidMotion(rotation[None], shift[None], np.array([scale]))


def _nearest(distance: Array, trim: float) -> NDArray[np.bool_]:
    if not trim > 0:
        return np.ones(len(distance), dtype=np.bool_)
    return np.asarray(distance <= np.quantile(distance, 1 - trim))


def _step(points: Array, on_surface: Array, normal: Array, with_scale: bool) -> Array:
    """(7,) a small turn about the middle, a shift, and a growth that bring the surface nearer."""
    arm = on_surface - on_surface.mean(0)
    # n . (w x a + s + g a) = n . (p - q), linear in turn w, shift s and growth g
    columns = [np.cross(arm, normal), normal]
    if with_scale:
        columns.append((arm * normal).sum(-1)[:, None])
    right = ((points - on_surface) * normal).sum(-1)
    found, *_ = np.linalg.lstsq(np.concatenate(columns, axis=1), right, rcond=None)
    return np.asarray(np.pad(found, (0, 7 - len(found))))
