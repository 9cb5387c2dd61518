"""Smooth offsets of a surface: the precision of a random field on its vertices, by finite elements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

Array = NDArray[np.float64]

_SMALLEST = 1e-12
"""m^2 below which a triangle or the surroundings of a vertex count as so much."""


def field_precision(vertices: Array, triangles: NDArray[np.int64], reach: float) -> csr_array:
    """Precision matrix of a smooth random field with unit standard deviation on a surface.

    The field solves `(1 / l^2 - Laplacian) d = white noise`, a Matern field of smoothness 1 whose values are
    alike within about `sqrt(8) l` (Lindgren, Rue and Lindstrom 2011, section 2.3; finite elements as in their
    appendix A.2). Its precision is a ridge, a Laplacian and a bi-Laplacian in the proportions that give the
    field the same standard deviation at every density of vertices. It is higher near borders only.

    Args:
        vertices: (V, 3) metres. triangles: (T, 3).
        reach: l, metres.

    Returns:
        (V, V) symmetric, positive definite; vertices in no triangle are tied to 0 on their own.
    """
    mass, stiffness = _mass(vertices, triangles), _stiffness(vertices, triangles)
    operator = diags_array(mass / reach**2).tocsr() + stiffness
    inverse = diags_array(1 / mass)
    # the variance of the field is l^2 / (4 pi)
    return csr_array(operator @ inverse @ operator) * (reach**2 / (4 * np.pi))


def _mass(vertices: Array, triangles: NDArray[np.int64]) -> Array:
    """(V,) m^2, a third of the triangles around each vertex."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    around = np.bincount(triangles.ravel(), np.repeat(area / 3, 3), minlength=len(vertices))
    return np.maximum(around, _SMALLEST)


def _stiffness(vertices: Array, triangles: NDArray[np.int64]) -> csr_array:
    """(V, V) the cotangent Laplacian, positive semi-definite."""
    rows, columns, values = [], [], []
    for k in range(3):
        apex, left, right = (triangles[:, (k + i) % 3] for i in range(3))
        u, v = vertices[left] - vertices[apex], vertices[right] - vertices[apex]
        across = np.linalg.norm(np.cross(u, v), axis=1)
        half = 0.5 * np.einsum("tc,tc->t", u, v) / np.maximum(across, _SMALLEST)
        rows += [left, right, left, right]
        columns += [right, left, left, right]
        values += [-half, -half, half, half]
    triples = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_array(coo_array(triples, shape=(len(vertices),) * 2))
