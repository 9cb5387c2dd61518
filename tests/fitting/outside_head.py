"""Heads that no identity of the model makes: which points of another surface are which of ours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitting.closest import Surface
from fitting.head_model import HeadModel
from fitting.head_models.shape_fit import Linear, Target, fit_shape
from fitting.model_arrays import as_array
from fitting.surface import SurfacePoints, barycentric
from fitting.vertex_normals import vertex_normals

Array = NDArray[np.float64]
Int = NDArray[np.int64]

_CLOSE = 0.004
_FACING = 0.6
_EYES = ("left_eye", "right_eye")


def corresponding_points(
    model: HeadModel, neutral: Array, triangles: Int, skin: Int, landmarks: Array, eyes: Array
) -> tuple[Int, SurfacePoints]:
    """Vertices of another mesh, and where they lie on our head.

    Our identity is fitted to the neutral surface; a vertex corresponds to the closest point of the fitted
    skin, if that is near and faces the same way.

    Args:
        model: our head model.
        neutral: (N, 3) metres, its neutral surface in our axes (X to its left, Y up, Z out of the face).
        triangles: (T, 3) of its surface.
        skin: (M,) the vertices that may correspond.
        landmarks: (68, 3) metres, the landmarks of 300-W on it.
        eyes: (2, 3) metres, the middles of its eyeballs, left first.

    Returns:
        index (K,) of vertices, and the K points of our head.
    """
    ours = Linear.of(model)
    joints = [model.joint_names.index(name) for name in _EYES]
    middle = eyes.mean(0)
    normals = vertex_normals(neutral, triangles)[skin]
    target = Target(
        skin=neutral[skin] - middle,
        normals=normals,
        landmarks=landmarks - middle,
        ours=model.ibug68,
        eyes=eyes - middle,
        eye_mean=as_array(model.joint_mean)[joints],
        eye_basis=as_array(model.joint_basis)[:, joints],
    )
    fit = fit_shape(ours, target)
    shape, brought = ours.shape(fit.identity), fit.bring(target.skin)
    surface = Surface(shape, ours.triangles)
    closest, face = surface.closest(brought)
    alike = (surface.normals[face] * (normals @ fit.rotation)).sum(1) > _FACING
    near = alike & (np.linalg.norm(closest - brought, axis=1) < _CLOSE)
    corners = ours.triangles[face[near]]
    return skin[near], SurfacePoints(corners, barycentric(closest[near], shape[corners]))
