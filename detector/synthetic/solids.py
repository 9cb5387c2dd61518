"""Simple solids from which accessories are made: bent tubes, domes, boxes and blobs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats, Material, Surface

Array = NDArray[np.float64]


def grid_surface(
    points: Array, material: Material, closed: bool = False, tint: Floats | None = None, tile: float = 1.0
) -> Surface:
    """A surface over a grid of points (rows, columns, 3) in metres.

    Args:
        points: the grid. material: its look. closed: whether the last column joins the first.
        tint: (rows * columns, 4), or None.
        tile: repeats of a texture across the grid.
    """
    if closed:
        points = np.concatenate([points, points[:, :1]], axis=1)
        if tint is not None:
            table = tint.reshape(points.shape[0], -1, 4)
            tint = np.concatenate([table, table[:, :1]], axis=1).reshape(-1, 4)
    rows, columns, _ = points.shape
    around = np.gradient(points, axis=1)
    if closed:
        around[:, [0, -1]] = (points[:, 1] - points[:, -2])[:, None] / 2
    normals = np.cross(np.gradient(points, axis=0), around)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    if closed:
        # Tubes and domes face away from their axis, whichever way they were laid out.
        outward = points - points.mean(axis=1, keepdims=True)
        normals = normals * (1.0 if np.einsum("ijk,ijk->", normals, outward) > 0 else -1.0)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    quads = corner[:, None] + np.array([0, columns, columns + 1, 1])
    v, u = np.mgrid[0:rows, 0:columns]
    uv = np.stack([u / (columns - 1), v / (rows - 1)], axis=-1).reshape(-1, 2) * tile
    return Surface(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3),
        material,
        uv.astype(np.float32),
        tint,
    )


def tube(
    path: Array, radius: float | Array, material: Material, closed: bool = False, flat: float = 1.0
) -> Surface:
    """A round (or flattened) tube along a path (P, 3).

    Args:
        path: its axis in metres. radius: in metres, one or (P,).
        material: its look. closed: whether the path is a loop. flat: thickness relative to width.
    """
    if closed:
        path = np.concatenate([path, path[:1]])
        along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
        along[0] = along[-1] = path[1] - path[-2]
    else:
        along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    side = np.cross(along, [0.02, 0.05, 1.0])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    up = np.cross(side, along)
    a = np.linspace(0.0, 2 * np.pi, 9)[:-1]
    size = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))[:, None, None]
    ring = np.cos(a)[None, :, None] * side[:, None] + flat * np.sin(a)[None, :, None] * up[:, None]
    return grid_surface(path[:, None] + size * ring, material, closed=True)


def ellipsoid(centre: Array, radii: Array, material: Material, wobble: Array | None = None) -> Surface:
    """An ellipsoid, or with `wobble` (rows, columns) relative offsets a lump of it."""
    rows, columns = (18, 26) if wobble is None else wobble.shape
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    a = np.linspace(0.0, 2 * np.pi, columns + 1)[None, :-1]
    unit = np.stack([np.sin(polar) * np.cos(a), np.cos(polar) + 0 * a, np.sin(polar) * np.sin(a)], axis=-1)
    scale = 1.0 if wobble is None else (1.0 + wobble)[..., None]
    return grid_surface(centre + unit * radii * scale, material, closed=True)


def box(centre: Array, half: Array, rotation: Array, material: Material) -> Surface:
    """A box with rounded corners: a strongly squared ellipsoid, rotated by a matrix (3, 3)."""
    polar = np.linspace(0.02, np.pi - 0.02, 16)[:, None]
    a = np.linspace(0.0, 2 * np.pi, 33)[None, :-1]
    unit = np.stack([np.sin(polar) * np.cos(a), np.cos(polar) + 0 * a, np.sin(polar) * np.sin(a)], axis=-1)
    unit = unit / np.max(np.abs(unit), axis=-1, keepdims=True)
    return grid_surface(centre + (unit * half) @ rotation.T, material, closed=True)


def merged(surfaces: list[Surface]) -> Surface:
    """Surfaces of one material without strands as one; drawing many small ones is slow."""
    starts = np.cumsum([0] + [len(s.positions) for s in surfaces[:-1]])
    tints = [s.tint if s.tint is not None else np.ones((len(s.positions), 4), np.float32) for s in surfaces]
    uvs = [s.uv if s.uv is not None else np.zeros((len(s.positions), 2), np.float32) for s in surfaces]
    return Surface(
        np.concatenate([s.positions for s in surfaces]),
        np.concatenate([s.normals for s in surfaces]),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=True)]),
        surfaces[0].material,
        np.concatenate(uvs),
        np.concatenate(tints),
    )
