"""A z-buffer rasteriser in plain NumPy, for machines that have no OpenGL.

Triangles are cut into pixel rows, rows into pixels, and the nearest triangle of each pixel wins; all of it in
whole-array operations, so that a head of 10,000 triangles takes some tens of milliseconds on one core.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_DEPTH_BITS = 38  # of an int64 key, above the bits that hold the triangle's index
_FACE_BITS = 24
_EDGE = 1e-9  # pixels: a pixel centre on a shared edge belongs to both triangles, so that no cracks open


@dataclass(frozen=True)
class Coverage:
    """Which triangle is seen in which pixel.

    Attributes:
        pixels: (P,) flat indices (row * width + column) of the covered pixels, ascending.
        faces: (P,) the index of the nearest triangle of each.
        weights: (P, 3) the barycentric weights, in the image, of its three corners.
    """

    pixels: Int
    faces: Int
    weights: Float

    def interpolate(self, triangles: Int, values: Float) -> Float:
        """Values (V, N) of the vertices, spread over the covered pixels: (P, N)."""
        corners = triangles[self.faces]
        weights = self.weights.astype(values.dtype)
        # out[p, n] = sum_k weights[p, k] values[corners[p, k], n]
        return np.einsum("pk,pkn->pn", weights, values[corners])  # type: ignore[no-any-return]


def rasterise(points: Float, inverse_depth: Float, triangles: Int, width: int, height: int) -> Coverage:
    """Find the nearest triangle of every pixel.

    Args:
        points: (V, 2) vertices in pixels; pixel (0, 0) is the centre of the top-left pixel.
        inverse_depth: (V,) one over the distance along the optical axis, 1/metres; linear over a flat
            triangle's image, so that the order in depth is exact. Vertices that are not finite, or whose
            inverse depth is not positive (behind the camera), take their triangles with them.
        triangles: (T, 3) vertex indices of either winding.
        width: of the image, pixels.
        height: of the image, pixels.

    Returns:
        the covered pixels.
    """
    usable = np.isfinite(points).all(axis=1) & (inverse_depth > 0.0)
    corners = np.where(usable[:, None], points, 0.0)[triangles]
    area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    kept = np.flatnonzero(usable[triangles].all(axis=1) & (np.abs(area) > 1e-12))
    corners, area = corners[kept], area[kept]
    edges = _edge_functions(corners) / area[:, None, None]  # (T, 3, 3): corner weight = a x + b y + c
    face, x, y = _pixels(edges, *_rows(corners, height), width)
    # plane[t] gives 1/z = plane . (x, y, 1); z is the weighted mean of the corners' inverse depths
    plane = np.einsum("tk,tkc->tc", inverse_depth[triangles[kept]], edges)
    depth = plane[face, 0] * x + plane[face, 1] * y + plane[face, 2]
    pixels, winner = _nearest(y * width + x, depth, face, width * height)
    edge = edges[winner]
    column, row = (pixels % width)[:, None], (pixels // width)[:, None]
    weights = edge[..., 0] * column + edge[..., 1] * row + edge[..., 2]
    return Coverage(pixels, kept[winner], weights)


def _cross(a: Float, b: Float) -> Float:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _edge_functions(corners: Float) -> Float:
    """Per triangle and corner, (a, b, c): zero on the opposite edge, the doubled area at the corner."""
    start, end = np.roll(corners, -1, axis=1), np.roll(corners, -2, axis=1)
    a = start[..., 1] - end[..., 1]
    b = end[..., 0] - start[..., 0]
    return np.stack([a, b, -(a * start[..., 0] + b * start[..., 1])], axis=-1)


def _rows(corners: Float, height: int) -> tuple[Int, Int]:
    """The pixel rows that each triangle touches, as (triangle, y) pairs."""
    low = np.ceil(np.clip(corners[..., 1].min(axis=1), 0, height)).astype(np.int64)
    high = np.floor(np.clip(corners[..., 1].max(axis=1), -1, height - 1)).astype(np.int64)
    return _expand(low, high)


def _pixels(edges: Float, face: Int, y: Int, width: int) -> tuple[Int, Int, Int]:
    """The pixels of each row, as (triangle, x, y): each edge function bounds x from one side."""
    slope = edges[face, :, 0]
    rest = edges[face, :, 1] * y[:, None] + edges[face, :, 2]
    level = slope == 0.0
    with np.errstate(over="ignore"):
        crossing = -rest / np.where(level, 1.0, slope)
    low = np.where(slope > 0.0, crossing, -np.inf).max(axis=1)
    high = np.where(slope < 0.0, crossing, np.inf).min(axis=1)
    high[(level & (rest < 0.0)).any(axis=1)] = -np.inf
    first = np.ceil(np.clip(low - _EDGE, 0, width)).astype(np.int64)
    last = np.floor(np.clip(high + _EDGE, -1, width - 1)).astype(np.int64)
    row, x = _expand(first, last)
    return face[row], x, y[row]


def _expand(first: Int, last: Int) -> tuple[Int, Int]:
    """All (i, n) with first[i] <= n <= last[i]."""
    count = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(count)), count)
    start = np.cumsum(count) - count
    return owner, np.arange(len(owner)) - np.repeat(start - first, count)


def _nearest(pixel: Int, inverse_depth: Float, face: Int, size: int) -> tuple[Int, Int]:
    """Of all candidates of a pixel, the one of the greatest inverse depth: covered pixels and their faces."""
    if not len(pixel):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    scale = (2**_DEPTH_BITS - 1) / max(float(inverse_depth.max()), 1e-12)
    depth = np.maximum(inverse_depth * scale, 0.0).astype(np.int64)
    buffer = np.full(size, -1, np.int64)
    np.maximum.at(buffer, pixel, (depth << _FACE_BITS) | face)
    covered = np.flatnonzero(buffer >= 0)
    return covered, buffer[covered] & (2**_FACE_BITS - 1)
