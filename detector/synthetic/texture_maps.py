"""The canonical head spread out over the texture images, so that paint can follow the anatomy.

Each texel of the skin image knows its place on the mean head, and each landmark its place in the image. Built
once per process and image size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from detector.synthetic.texture_layout import eye_uv, part_triangles, skin_islands, skin_uv
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

HEAD_ISLAND, MOUTH_ISLAND = 1, 2
SOCKET_ISLANDS = (3, 4)
NECK_ISLAND = 5
AXIS_Z_MM, RADIUS_MM, TOP_MM = -60.0, 80.0, 180.0
"""The upright cylinder about the head that noise is wound on."""


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """The skin image's geometry, (H, W) texels.

    Attributes:
        position: (H, W, 3) millimetres on the mean head; outside the mesh that of the nearest texel.
        cylinder: (H, W) twice, float32: millimetres round the head and down it, from behind; they run on
            across the islands' borders.
        island: (H, W) uint8, see :func:`detector.synthetic.texture_layout.skin_islands`.
        inside: (H, W) whether the texel lies on the mesh.
        landmarks: (68, 2) texels (x, y) of the ibug68 landmarks.
        texels_per_mm: how fine the face is.
        finder: nearest-texel search over the outer skin of the head, positions in millimetres.
        found: (M, 2) the texels (x, y) that `finder` counts.
    """

    position: Floats
    cylinder: tuple[Floats, Floats]
    island: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    landmarks: Array
    texels_per_mm: float
    finder: cKDTree
    found: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = self.island.shape
        return height, width

    def texel(self, points: NDArray[np.floating]) -> Array:
        """The texels (n, 2) nearest to points (n, 3) in millimetres near the mean head."""
        _, index = self.finder.query(np.asarray(points, np.float64))
        return np.asarray(self.found[index])


@dataclass(frozen=True, eq=False)
class EyeMaps:
    """The eye image's geometry: (h, w, 3) unit directions from an eyeball's centre, Z along its axis."""

    direction: Floats


_CACHE_SIZE = 4


@lru_cache(maxsize=_CACHE_SIZE)
def skin_maps(model: HeadModel, width: int) -> SkinMaps:
    """The geometry of a skin image `width` texels wide and twice as high."""
    shape = (2 * width, width)
    faces = part_triangles(model, "skin")
    pixels = _to_texels(skin_uv(model), shape)
    mean = model.assets.mean.astype(np.float64) * 1000.0
    number, weights = _rasterise(pixels[model.triangles_uv[faces]], shape)
    inside = number >= 0
    corners = mean[model.triangles[faces]]
    position = np.einsum("hwc,hwcd->hwd", weights, corners[number])
    island = skin_islands(model)[model.triangles_uv[faces][:, 0]][number]
    nearest = distance_transform_edt(~inside, return_distances=False, return_indices=True)
    position, island = position[tuple(nearest)], island[tuple(nearest)]
    landmarks, scale = _landmark_texels(model, pixels, mean)
    rows, columns = np.nonzero(inside & (island == HEAD_ISLAND))
    keep = slice(None, None, 3)
    found = np.stack([columns[keep], rows[keep]], axis=1).astype(np.float64)
    tree = cKDTree(position[rows[keep], columns[keep]])
    places, labels = position.astype(np.float32), island.astype(np.uint8)
    return SkinMaps(places, _cylinder(places), labels, inside, landmarks, scale, tree, found)


@lru_cache(maxsize=_CACHE_SIZE)
def eye_maps(model: HeadModel, width: int) -> EyeMaps:
    """The geometry of an eye image `width` texels wide and half as high."""
    shape = (width // 2, width)
    direction = np.zeros((*model.assets.mean.shape,))
    for part in ("left_eye", "right_eye"):
        points = model.assets.mean[model.parts[part]].astype(np.float64)
        low, high = points.min(axis=0), points.max(axis=0)
        direction[model.parts[part]] = points - (low + high) / 2
    faces = part_triangles(model, "left_eye", "right_eye")
    number, weights = _rasterise(_to_texels(eye_uv(model), shape)[model.triangles_uv[faces]], shape)
    field = np.einsum("hwc,hwcd->hwd", weights, direction[model.triangles[faces]][number])
    nearest = distance_transform_edt(number < 0, return_distances=False, return_indices=True)
    field = field[tuple(nearest)]
    return EyeMaps((field / np.linalg.norm(field, axis=-1, keepdims=True)).astype(np.float32))


def _cylinder(position: Floats) -> tuple[Floats, Floats]:
    turn = np.arctan2(position[..., 0], position[..., 2] - AXIS_Z_MM) + np.pi
    return np.asarray(turn * RADIUS_MM, np.float32), np.asarray(TOP_MM - position[..., 1], np.float32)


def _to_texels(uv: Array, shape: tuple[int, int]) -> Array:
    return np.stack([uv[:, 0] * shape[1] - 0.5, (1.0 - uv[:, 1]) * shape[0] - 0.5], axis=1)


def _rasterise(triangles: Array, shape: tuple[int, int]) -> tuple[NDArray[np.int64], Array]:
    """Which of the triangles (T, 3, 2) covers each texel (-1: none), and its barycentric weights."""
    number = np.full(shape, -1, np.int32)
    fixed = np.rint(triangles * 16).astype(np.int32)
    for i, triangle in enumerate(fixed):
        cv2.fillConvexPoly(number, triangle, i, lineType=cv2.LINE_8, shift=4)
    rows, columns = np.indices(shape)
    a, b, c = (triangles[number, i] for i in range(3))
    ab, ac = b - a, c - a
    offset = np.stack([columns, rows], axis=-1) - a
    area = ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    second = np.clip((offset[..., 0] * ac[..., 1] - offset[..., 1] * ac[..., 0]) / area, 0.0, 1.0)
    third = np.clip((ab[..., 0] * offset[..., 1] - ab[..., 1] * offset[..., 0]) / area, 0.0, 1.0)
    total = np.maximum(second + third, 1.0)
    second, third = second / total, third / total
    return number.astype(np.int64), np.stack([1.0 - second - third, second, third], axis=-1)


def _landmark_texels(model: HeadModel, pixels: Array, mean: Array) -> tuple[Array, float]:
    """The texels (68, 2) of the landmarks, and the texels per millimetre between those of the face."""
    of_vertex = np.full((len(mean), 2), np.nan)
    faces = part_triangles(model, "skin")
    corners, vertices = model.triangles_uv[faces].ravel(), model.triangles[faces].ravel()
    on_head = skin_islands(model)[corners] == HEAD_ISLAND
    of_vertex[vertices[on_head]] = pixels[corners[on_head]]
    texels = np.asarray(model.ibug68.evaluate(of_vertex), np.float64)
    points = model.ibug68.evaluate(mean)
    steps = np.array([[17, 18], [18, 19], [24, 25], [37, 38], [43, 44], [50, 52], [56, 58]])
    ratio = [np.linalg.norm(texels[a] - texels[b]) / np.linalg.norm(points[a] - points[b]) for a, b in steps]
    return texels, float(np.median(ratio))
