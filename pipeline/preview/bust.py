"""The head cut off cleanly at the neck, as a sculptor's bust is, whatever the mesh has below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_THROAT, _NAPE = np.array([0.0, -0.146, -0.02]), np.array([0.0, -0.118, -0.16])
"""Places of the cut on the head at rest, metres: at the front and at the back."""
_ABOVE_BORDER = 0.002
_NECK = 0.04
"""Metres above those places up to which the mesh may end; the cut moves above its border."""


@dataclass(frozen=True, eq=False)
class Bust:
    """What of a mesh is above the cut; V vertices, T triangles.

    Attributes:
        kept: (T,) bool, the triangles that are above the cut or on it.
        slide: (V, V) sparse: what becomes of vertices; those that the cut passes by slide onto it.
        rim: (N, 2) edges of the cut, the mesh to their left seen from outside.
    """

    kept: Bool
    slide: csr_array
    rim: Int

    def lid(self, slid: Float) -> tuple[Float, Float, Int]:
        """Positions and normals, (n, 3) each, and triangles (N, 3) that close the cut of slid ones (V, 3)."""
        ring, own = np.unique(self.rim, return_inverse=True)
        positions = np.concatenate([slid[ring], slid[ring].mean(axis=0, keepdims=True)])
        own = own.reshape(-1, 2)
        triangles = np.stack([own[:, 1], own[:, 0], np.full(len(own), len(ring))], axis=1)
        a, b, c = (positions[triangles[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a).sum(axis=0)
        normal /= max(float(np.linalg.norm(normal)), 1e-12)
        return positions, np.tile(normal, (len(positions), 1)), triangles


def cut_at_neck(vertices: Float, triangles: Int) -> Bust:
    """Cut a head at rest, vertices (V, 3) in canonical axes and metres, triangles (T, 3)."""
    across = np.cross(_NAPE - _THROAT, [1.0, 0.0, 0.0])
    height = (vertices - _THROAT) @ (across / np.linalg.norm(across) * np.sign(across[1]))
    ends = height[_border(triangles)]
    height -= np.max(ends[ends < _NECK] + _ABOVE_BORDER, initial=0.0)
    kept = np.asarray((height[triangles] > 0.0).any(axis=1))
    edges = np.concatenate([triangles[kept][:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    crossing = edges[(height[edges[:, 0]] > 0.0) != (height[edges[:, 1]] > 0.0)]
    above, below = np.where(height[crossing[:, :1]] > 0.0, crossing, crossing[:, ::-1]).T
    # each vertex below slides up the edge that is the steepest
    order = np.argsort(height[above])
    mate = np.arange(len(vertices))
    mate[below[order]] = above[order]
    moved = np.flatnonzero(mate != np.arange(len(vertices)))
    share = np.zeros(len(vertices))
    share[moved] = height[moved] / (height[moved] - height[mate[moved]])
    rows = np.arange(len(vertices))
    slide = csr_array(
        (np.concatenate([1.0 - share, share]), (np.tile(rows, 2), np.concatenate([rows, mate]))),
        shape=(len(vertices), len(vertices)),
    )
    return Bust(kept, slide, _rim(edges, height <= 0.0))


def _border(triangles: Int) -> Int:
    """Vertices of the edges that have one face alone."""
    edges = np.sort(np.concatenate([triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(unique[count == 1])


def _rim(edges: Int, low: Bool) -> Int:
    """The edges (N, 2) along the cut that have a face on one side alone."""
    along = edges[low[edges].all(axis=1)]
    twins = {(b, a) for a, b in along.tolist()}
    return np.array([edge for edge in along.tolist() if tuple(edge) not in twins], np.int64).reshape(-1, 2)
