"""How a surface turns about each of its vertices when it changes its shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[np.float64]
Int = NDArray[np.int64]


class Turning:
    """The rotations of the neighbourhoods of vertices, from one shape at rest to others.

    Each is the rotation that brings the edges about a vertex and about its neighbours nearest to where they
    are in the other shape: smooth from vertex to vertex, unlike the frames of single triangles, so that what
    stands off the surface does not crumple.

    Args:
        rest: (V, 3). triangles: (T, 3).
    """

    def __init__(self, rest: Array, triangles: Int) -> None:
        ends = np.concatenate([triangles[:, [k, (k + 1) % 3]] for k in range(3)])
        both = np.unique(np.concatenate([ends, ends[:, ::-1]]), axis=0)
        self.start, self.end = both.T
        count = len(rest)
        self.around = csr_array((np.ones(len(both)), (self.start, self.end)), shape=(count, count))
        self.edges = rest[self.end] - rest[self.start]

    def near(self, moved: NDArray[np.bool_]) -> Int:
        """The vertices whose rotation those (V,) that moved can have changed."""
        reached = moved.astype(np.float64)
        for _ in range(2):
            reached = reached + self.around @ reached
        return np.flatnonzero(reached)

    def rotations(self, shape: Array, wanted: Int | None = None) -> Array:
        """The rotations (N, 3, 3) about the wanted vertices, or all, for another shape (V, 3)."""
        spread = np.einsum("ni,nj->nij", shape[self.end] - shape[self.start], self.edges).reshape(-1, 9)
        own = csr_array(
            (np.ones(len(self.start)), (self.start, np.arange(len(self.start)))),
            shape=(len(shape), len(self.start)),
        )
        one_ring = own @ spread
        both_rings = one_ring + self.around @ one_ring
        chosen = both_rings if wanted is None else both_rings[wanted]
        u, _, vh = np.linalg.svd(chosen.reshape(-1, 3, 3))
        u[:, :, 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vh))[:, None]
        return np.asarray(u @ vh)
