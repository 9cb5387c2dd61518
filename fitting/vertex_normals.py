"""Normals of a triangle mesh at its vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def vertex_normals(vertices: Float, triangles: Int) -> Float:
    """Unit normals (V, 3) of a mesh: the mean of the normals of the triangles around, weighted by their area.

    Args:
        vertices: (V, 3), any unit.
        triangles: (T, 3), anticlockwise seen from outside.

    Returns:
        (V, 3); vertices without an area around them get (0, 0, 1).
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.empty_like(vertices, dtype=np.float64)
    for axis in range(3):
        weights = np.repeat(faces[:, axis], 3)
        normals[:, axis] = np.bincount(triangles.ravel(), weights, minlength=len(vertices))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 0.0, normals / np.where(length > 0.0, length, 1.0), np.array([0.0, 0.0, 1.0]))
