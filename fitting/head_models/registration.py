"""Where the vertices of another head model lie on the canonical head, so that each has a query.

Our head is fitted to the other's skin (:mod:`fitting.head_models.shape_fit`); the closest point of each
skin vertex on the fitted surface is, by its weights in its triangle, a point of the canonical head.
Eyeballs go straight from centre to centre, by direction, since models make them of different sizes.
Everything else (teeth, tongue, the inside of the mouth, skin that ours ends before) is carried along with
what is around it: it gets a query, but corresponds to nothing exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.errors import InputError
from fitting.closest import Surface
from fitting.head_model import HeadModel
from fitting.head_models.shape_fit import Linear, Progress, ShapeFit, Target, fit_shape
from fitting.model_arrays import as_array, mean_head
from fitting.surface import SurfacePoints, barycentric
from fitting.vertex_normals import vertex_normals

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]

CLOSE = 0.004
"""Metres from the fitted surface beyond which a skin vertex corresponds to nothing."""

MIN_SHARE = 0.3
"""A registration that finds less of the outer skin than this has failed."""

_FACING = 0.5
_NEIGHBOURS = 8
_EYES = ("left_eye", "right_eye")


@dataclass(frozen=True, eq=False)
class Registration:
    """The result; V vertices of the other model.

    Attributes:
        canonical: (V, 3) metres, on or in the canonical head.
        registered: (V,) which of them correspond to a point of its surface.
        distance: (V,) metres from our fitted surface; NaN where nothing was compared.
        landmarks: (68,) metres from the canonical head's own landmark; NaN where the model's is not known.
    """

    canonical: Array
    registered: Bool
    distance: Array
    landmarks: Array

    def figures(self) -> dict[str, float]:
        """Millimetres by name, and the share of the compared vertices that is registered."""
        compared = np.isfinite(self.distance)
        apart = self.distance[self.registered & compared] * 1e3
        known = self.landmarks[np.isfinite(self.landmarks)] * 1e3
        figures = {
            "registered": float(self.registered.sum() / len(self.registered)),
            "median_mm": float(np.median(apart)),
            "p90_mm": float(np.quantile(apart, 0.9)),
            "max_mm": float(apart.max()),
        }
        return figures | ({"landmarks_mm": float(np.median(known))} if len(known) else {})


def register(model: HeadModel, head: HeadModel, progress: Progress | None = None) -> Registration:
    """Register a head model to the canonical head.

    Args:
        model: the other model, in canonical axes as :func:`fitting.head_models.assembly.assemble` leaves it.
        head: ours.
        progress: called with (done, total, label).

    Raises:
        InputError: the heads do not come to lie on each other.
    """
    ours, vertices = Linear.of(head), mean_head(model)
    skin = model.region("outer_skin")
    target = _target(model, head, vertices, skin)
    fit = fit_shape(ours, target, progress)
    shape = ours.shape(fit.identity)
    brought = fit.bring(vertices)
    canonical, registered = np.full_like(brought, np.nan), np.zeros(len(brought), dtype=np.bool_)
    distance = np.full(len(brought), np.nan)
    normals = vertex_normals(brought, np.asarray(model.triangles))[skin]
    points, distance[skin], corresponds = _on_skin(ours, shape, brought[skin], normals)
    placed = np.asarray(points.evaluate(head.canonical), np.float64)
    canonical[skin[corresponds]], registered[skin] = placed[corresponds], corresponds
    if corresponds.mean() < MIN_SHARE:
        raise InputError(
            f"only {corresponds.mean():.0%} of {model.traits.name}'s skin came to lie on the canonical head",
            fix="Say where its landmarks are with --landmarks, and look at it with: vultus model show",
        )
    for part in _EYES:
        members = model.parts[part]
        canonical[members] = _on_eye(head, part, vertices[members] - _eye(model, part), fit)
        registered[members] = True
    _carry_rest(canonical, brought)
    return Registration(canonical, registered, distance, _landmark_errors(model, head, canonical))


def _target(model: HeadModel, head: HeadModel, vertices: Array, skin: NDArray[np.int64]) -> Target:
    known = np.isfinite(model.ibug68.weights).all(axis=1)
    joints = [head.joint_names.index(part) for part in _EYES]
    return Target(
        skin=vertices[skin],
        normals=vertex_normals(vertices, np.asarray(model.triangles))[skin],
        landmarks=np.asarray(model.ibug68.subset(known).evaluate(vertices)),
        ours=head.ibug68.subset(known),
        eyes=np.stack([_eye(model, part) for part in _EYES]),
        eye_mean=as_array(head.joint_mean)[joints],
        eye_basis=as_array(head.joint_basis)[:, joints],
    )


def _eye(model: HeadModel, part: str) -> Array:
    return np.asarray(as_array(model.joint_mean)[model.joint_names.index(part)])


def _on_skin(ours: Linear, shape: Array, points: Array, normals: Array) -> tuple[SurfacePoints, Array, Bool]:
    """The points of our skin (N) that skin points lie on, distances (N,), and which of them correspond."""
    surface = Surface(shape, ours.triangles)
    closest, face = surface.closest(points)
    corners = ours.triangles[face]
    points_of_ours = SurfacePoints(corners, barycentric(closest, shape[corners]))
    distance = np.linalg.norm(closest - points, axis=1)
    alike = (surface.normals[face] * normals).sum(1) > _FACING
    return points_of_ours, distance, np.asarray((distance < CLOSE) & alike)


def _on_eye(head: HeadModel, part: str, rays: Array, fit: ShapeFit) -> Array:
    """Canonical places (N, 3) on our eyeball, in directions (N, 3) of the other's axes from its centre."""
    mean = mean_head(head)
    ball = mean[head.parts[part]]
    middle = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
    turned = rays @ fit.rotation
    length = np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    radius = np.linalg.norm(ball - middle, axis=1).max()
    member = np.zeros(len(mean), dtype=bool)
    member[head.parts[part]] = True
    triangles = np.asarray(head.triangles, np.int64)
    closest, _ = Surface(mean, triangles[member[triangles].all(1)]).closest(middle + radius * turned / length)
    return closest


def _carry_rest(canonical: Array, brought: Array) -> None:
    """Fill what is NaN: moved as the nearest vertices that have a place are."""
    open_ = np.isnan(canonical[:, 0])
    if not open_.any():
        return
    moves = (canonical - brought)[~open_]
    count = min(_NEIGHBOURS, len(moves))
    reach, near = KDTree(brought[~open_]).query(brought[open_], k=np.arange(1, count + 1))
    weight = 1.0 / np.maximum(np.asarray(reach), 1e-6)
    weight /= weight.sum(axis=1, keepdims=True)
    canonical[open_] = brought[open_] + np.einsum("nk,nkc->nc", weight, moves[np.asarray(near)])


def _landmark_errors(model: HeadModel, head: HeadModel, canonical: Array) -> Array:
    theirs = np.asarray(model.ibug68.evaluate(canonical))
    return np.asarray(np.linalg.norm(theirs - head.ibug68.evaluate(head.canonical), axis=1))
