"""Catmull-Clark subdivision as a sparse matrix: it serves positions, blend shapes and skin weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, vstack

from fitting.polygons import face_sizes

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Refinement:
    """One level of subdivision of V vertices and Q faces.

    Attributes:
        matrix: (V', V) what each new vertex is made of: first the old ones, then edges, then faces.
        quads: (Q', 4) of the new vertices.
        face: (Q',) the old face that each new one lies in.
    """

    matrix: csr_array
    quads: Int
    face: Int


def catmull_clark(quads: Int, count: int) -> Refinement:
    """One level of Catmull-Clark subdivision; borders are refined as curves of their own, and corners move.

    Catmull and Clark, "Recursively generated B-spline surfaces on arbitrary topological meshes" (1978), with
    the usual cubic rule at borders.

    Args:
        quads: (Q, 4) vertices of each face, the last repeated where it is a triangle; or wider.
        count: V.
    """
    corners, nexts, face = _corners(quads, face_sizes(quads))
    edges, edge_of = np.unique(
        np.sort(np.stack((corners, nexts), axis=1), axis=1), axis=0, return_inverse=True
    )
    edge_of = edge_of.reshape(-1)
    border = np.bincount(edge_of, minlength=len(edges)) == 1
    faces = _face_points(corners, face, len(quads), count)
    middles = _averages(edges, count)
    edge_points = _edge_points(middles, faces, edge_of, face, border)
    vertices = _vertex_points(edges, middles, faces, (corners, face), border, count)
    matrix = csr_array(vstack([vertices, edge_points, faces]))
    previous = _previous(face, edge_of)
    new = np.stack((corners, count + edge_of, count + len(edges) + face, count + previous), axis=1)
    return Refinement(matrix, new, face)


def refine_uv(quads_uv: Int, uv: NDArray[np.float64], sizes: Int) -> tuple[Int, NDArray[np.float64]]:
    """Texture coordinates of the refined faces, in the order of :func:`catmull_clark`: bilinear, seams kept.

    Args:
        quads_uv: (Q, 4) indices into uv (N, 2). sizes: (Q,) corners of each face.
    """
    corners, nexts, face = _corners(quads_uv, sizes)
    edges, edge_of = np.unique(
        np.sort(np.stack((corners, nexts), axis=1), axis=1), axis=0, return_inverse=True
    )
    edge_of = edge_of.reshape(-1)
    middles = _averages(edges, len(uv)) @ uv
    centres = _face_points(corners, face, len(quads_uv), len(uv)) @ uv
    previous = _previous(face, edge_of)
    new = np.stack((corners, len(uv) + edge_of, len(uv) + len(edges) + face, len(uv) + previous), axis=1)
    return new, np.concatenate((uv, middles, centres))


def _corners(quads: Int, sizes: Int) -> tuple[Int, Int, Int]:
    """The corners of all faces one after another: vertex, next vertex round the face, and face."""
    kept = np.arange(quads.shape[1]) < sizes[:, None]
    following = np.roll(quads, -1, axis=1)
    each = np.arange(len(quads))
    following[each, sizes - 1] = quads[:, 0]
    return quads[kept], following[kept], np.repeat(each, sizes)


def _previous(face: Int, edge_of: Int) -> Int:
    """For each corner, the edge that leads to it round its face."""
    first = np.r_[True, face[1:] != face[:-1]]
    last = np.flatnonzero(np.r_[first[1:], True])
    previous = np.r_[0, edge_of[:-1]]
    previous[first] = edge_of[last]
    return np.asarray(previous, np.int64)


def _matrix(rows: Int, columns: Int, values: NDArray[np.float64], shape: tuple[int, int]) -> csr_array:
    return csr_array(coo_array((values, (rows, columns)), shape=shape))


def _averages(edges: Int, count: int) -> csr_array:
    rows = np.repeat(np.arange(len(edges)), 2)
    return _matrix(rows, edges.ravel(), np.full(edges.size, 0.5), (len(edges), count))


def _face_points(corners: Int, face: Int, faces: int, count: int) -> csr_array:
    share = 1.0 / np.bincount(face, minlength=faces)[face]
    return _matrix(face, corners, share, (faces, count))


def _edge_points(middles: csr_array, faces: csr_array, edge_of: Int, face: Int, border: Bool) -> csr_array:
    """Inside, the mean of the edge's ends and of the two faces beside it; on a border, the edge's middle."""
    share = np.where(border[edge_of], 0.0, 1.0 / np.bincount(edge_of)[edge_of])
    beside = _matrix(edge_of, face, share, (middles.shape[0], faces.shape[0])) @ faces
    own = np.where(border, 1.0, 0.5)
    return csr_array(_scaled(middles, own) + _scaled(beside, 1.0 - own))


def _vertex_points(
    edges: Int, middles: csr_array, faces: csr_array, around: tuple[Int, Int], border: Bool, count: int
) -> csr_array:
    """Inside, (F + 2 E + (n - 3) v) / n; on a border, (left + 6 v + right) / 8."""
    corners, face = around
    valence = np.bincount(edges.ravel(), minlength=count)
    on_border = np.bincount(edges[border].ravel(), minlength=count) > 0
    n = np.maximum(valence, 1).astype(np.float64)
    corner_share = 1.0 / np.maximum(np.bincount(corners, minlength=count), 1)
    face_mean = _matrix(corners, face, corner_share[corners], (count, faces.shape[0])) @ faces
    rows, columns = edges.ravel(), np.repeat(np.arange(len(edges)), 2)
    edge_mean = _matrix(rows, columns, 1.0 / n[rows], (count, len(edges))) @ middles
    same = _matrix(np.arange(count), np.arange(count), np.ones(count), (count, count))
    inside = _scaled(face_mean, 1 / n) + _scaled(edge_mean, 2 / n) + _scaled(same, (n - 3) / n)
    rim = np.repeat(border, 2)
    sides = np.maximum(np.bincount(edges[border].ravel(), minlength=count), 1)
    border_mean = _matrix(rows[rim], columns[rim], 1.0 / sides[rows[rim]], (count, len(edges))) @ middles
    outside = _scaled(border_mean, np.full(count, 0.5)) + _scaled(same, np.full(count, 0.5))
    return csr_array(_scaled(inside, (~on_border).astype(float)) + _scaled(outside, on_border.astype(float)))


def _scaled(matrix: csr_array, factor: NDArray[np.float64]) -> csr_array:
    """The matrix with each row times its factor."""
    return csr_array(matrix.multiply(factor[:, None]))
