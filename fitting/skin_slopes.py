"""How the skin lies about a point, smoothed: a stencil that gives two tangents of any head's skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from fitting.surface import SurfacePoints

Array = NDArray[np.float64]

NEIGHBOURS = 96
SIGMA = 0.008
"""Metres: one sigma of the patch of skin that the tangents are fitted to."""


def tangent_stencil(
    mean: Array, triangles: NDArray[np.int64], points: SurfacePoints, ignored: NDArray[np.bool_]
) -> csr_array:
    """Weights that turn vertices into two tangents at each of A points, (2 A, V).

    About each point an affine map from the mean head's tangent plane to the vertices around is fitted,
    each weighted by a Gaussian, by the area that it stands for, and by how far it faces the same way. The
    derivatives of that map are linear in the vertices, so that the stencil holds for all heads and for the
    identity basis. Their cross product points outward.

    Args:
        mean: (V, 3) metres.
        triangles: (T, 3) of the skin, anticlockwise seen from outside.
        points: where, on those triangles.
        ignored: (V,) vertices without a vote.
    """
    normals, area = _normals(mean, triangles)
    used = np.flatnonzero((area > 0) & ~ignored)
    places = points.evaluate(mean)
    upright = np.einsum("akc,ak->ac", normals[points.vertices], points.weights)
    upright /= np.linalg.norm(upright, axis=1, keepdims=True)
    distance, near = KDTree(mean[used]).query(places, k=NEIGHBOURS)
    index = used[near]
    agree = np.einsum("akc,ac->ak", normals[index], upright).clip(min=0.0)
    weights = np.exp(-0.5 * (distance / SIGMA) ** 2) * area[index] * agree
    weights /= weights.sum(axis=1, keepdims=True)
    plane = np.einsum("akc,atc->akt", mean[index] - places[:, None], _frames(upright))
    plane -= np.einsum("ak,akt->at", weights, plane)[:, None]
    # the derivatives of the weighted least squares fit: (P^T W P)^-1 P^T W
    weighted = weights[..., None] * plane
    solved = np.linalg.solve(np.einsum("akt,aks->ats", plane, weighted), weighted.swapaxes(1, 2))
    rows = np.repeat(np.arange(2 * len(points)), NEIGHBOURS)
    columns = np.repeat(index[:, None], 2, axis=1).ravel()
    return csr_array((solved.ravel(), (rows, columns)), shape=(2 * len(points), len(mean)))


def tangents(stencil: csr_array, heads: Array) -> Array:
    """The two tangents (N, A, 2, 3) at each point on each of N heads (N, V, 3)."""
    count, vertices, _ = heads.shape
    found = stencil @ heads.transpose(1, 0, 2).reshape(vertices, -1)
    return np.asarray(found).reshape(-1, 2, count, 3).transpose(2, 0, 1, 3)


def _normals(mean: Array, triangles: NDArray[np.int64]) -> tuple[Array, Array]:
    """Unit normals (V, 3) and the areas (V,) around the vertices."""
    a, b, c = (mean[triangles[:, i]] for i in range(3))
    across = np.repeat(np.cross(b - a, c - a), 3, axis=0)
    flat, count = triangles.ravel(), len(mean)
    normals: Array = np.zeros((count, 3))
    area: Array = np.zeros(count)
    np.add.at(normals, flat, across)
    np.add.at(area, flat, np.linalg.norm(across, axis=1))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), area


def _frames(normals: Array) -> Array:
    """Two unit vectors (A, 2, 3) at right angles to each normal (A, 3); with it, right-handed."""
    axis = np.eye(3)[np.abs(normals).argmin(axis=1)]
    first = np.cross(axis, normals)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(normals, first)], axis=1)
