"""The head as a mesh to draw: refined once, smooth normals, texture seams, baked occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from detector.synthetic.surfaces import Floats
from fitting.head_model import HeadModel


@dataclass(frozen=True, eq=False)
class PartMesh:
    """One part's faces on the refined head.

    Attributes:
        source: (N,) refined vertex of each corner vertex that is drawn; seams double vertices.
        corner: (N,) the texture coordinate of each, an index into the refined coordinates.
        triangles: (T, 3) indices into `source`.
    """

    source: NDArray[np.int64]
    corner: NDArray[np.int64]
    triangles: NDArray[np.int64]


class HeadMesh:
    """Turns the model's V vertices into smooth surfaces of R > V vertices, the first V being the model's own.

    Each quad becomes four. New vertices lie on the curved surface that the normals of the old ones suggest
    (Phong tessellation, Boubekeur and Alexa 2008), so that the model's vertices stay exactly where they are.
    """

    def __init__(self, model: HeadModel) -> None:
        self.vertex_count = len(model.assets.mean)
        self._triangles = model.triangles
        self._sum_faces = _face_sum(model.triangles, self.vertex_count)
        quads, self._vertex_parents = _refine(model.quads, self.vertex_count)
        quads_uv, self._uv_parents = _refine(model.quads_uv, len(model.uv))
        self._smooth = _averaging(self._vertex_parents, self.vertex_count)
        self._smooth_uv = _averaging(self._uv_parents, len(model.uv))
        part_of = np.zeros(self.vertex_count, np.int64)
        for i, indices in enumerate(model.parts.values()):
            part_of[indices] = i
        quad_part = np.repeat(part_of[model.quads[:, 0]], 4)
        self.parts = {
            name: _part_mesh(quads[quad_part == i], quads_uv[quad_part == i])
            for i, name in enumerate(model.parts)
        }

    def refine_uv(self, uv: NDArray[np.floating]) -> Floats:
        """Texture coordinates (N, 2) of the model's corners to those of the refined corners."""
        return np.asarray(self._smooth_uv @ np.asarray(uv, np.float64), np.float32)

    def refine_values(self, values: NDArray[np.floating]) -> Floats:
        """Per-vertex values (V, n) to (R, n)."""
        return np.asarray(self._smooth @ np.asarray(values, np.float64), np.float32)

    def vertex_normals(self, vertices: NDArray[np.floating]) -> Floats:
        """Unit normals (V, 3) of vertices (V, 3), weighted by area."""
        a, b, c = (vertices[self._triangles[:, i]] for i in range(3))
        return _unit(self._sum_faces @ np.cross(b - a, c - a))

    def refine(self, vertices: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Vertices (V, 3) in metres to refined positions and unit normals (R, 3) each."""
        corners = np.asarray(vertices, np.float32)
        normals = self.vertex_normals(corners)
        flat = self._smooth @ corners
        refined = flat.copy()
        parents = self._vertex_parents
        new = np.arange(self.vertex_count, len(flat))
        pulled = np.zeros((len(new), 3), np.float32)
        for i in range(4):
            parent = parents[:, i]
            n = normals[parent]
            height = np.einsum("ij,ij->i", flat[new] - corners[parent], n)
            pulled += flat[new] - height[:, None] * n
        refined[new] = 0.25 * flat[new] + 0.75 * pulled / 4.0
        return refined.astype(np.float32), _unit(self._smooth @ normals)


def _unit(vectors: NDArray[np.floating]) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


def _face_sum(triangles: NDArray[np.int64], count: int) -> csr_matrix:
    rows = triangles.ravel()
    columns = np.repeat(np.arange(len(triangles)), 3)
    return coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), (count, len(triangles))).tocsr()


def _refine(quads: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Quads (4 Q, 4) of a mesh split once, and the four parents (new, 4) of each new vertex."""
    edges = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1)
    unique, which = np.unique(np.sort(edges.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    middle = count + which.reshape(quads.shape)
    centre = count + len(unique) + np.arange(len(quads))
    fine = np.stack(
        [np.stack([quads[:, i], middle[:, i], centre, middle[:, i - 1]], axis=1) for i in range(4)], axis=1
    )
    parents = np.concatenate([unique[:, [0, 0, 1, 1]], quads])
    return fine.reshape(-1, 4), parents


def _averaging(parents: NDArray[np.int64], count: int) -> csr_matrix:
    old = np.arange(count)
    rows = np.concatenate([old, np.repeat(count + np.arange(len(parents)), 4)])
    columns = np.concatenate([old, parents.ravel()])
    weights = np.concatenate([np.ones(count), np.full(parents.size, 0.25)]).astype(np.float32)
    return coo_matrix((weights, (rows, columns)), (count + len(parents), count)).tocsr()


def _part_mesh(quads: NDArray[np.int64], quads_uv: NDArray[np.int64]) -> PartMesh:
    pairs = np.stack([quads.ravel(), quads_uv.ravel()], axis=1)
    unique, index = np.unique(pairs, axis=0, return_inverse=True)
    faces = index.reshape(quads.shape)
    return PartMesh(unique[:, 0], unique[:, 1], faces[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3))
