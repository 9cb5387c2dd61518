"""Ambient occlusion of a head, baked per vertex: how much of the sky each point of the skin can see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.splatting import depth_behind

DIRECTIONS = 56
CELL = 0.0016
NEAR, FAR = 0.0015, 0.006
"""Metres behind the front surface at which a point counts as fully seen and as hidden."""
SAMPLES = 160_000


def ambient_occlusion(
    vertices: NDArray[np.float64],
    normals: NDArray[np.floating],
    triangles: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The cosine-weighted share of directions (V,) from which each vertex can be seen, in [0, 1].

    The surface is scattered into a grid of depths for each of many directions; no ray is traced.

    Args:
        vertices: (V, 3) metres. normals: (V, 3). triangles: (T, 3).
        rng: for the scattered points.
    """
    surface = np.concatenate([_scatter(vertices, triangles, rng), vertices])
    own = slice(len(surface) - len(vertices), None)
    seen = np.zeros(len(vertices))
    total = np.zeros(len(vertices))
    for direction in _sphere(DIRECTIONS):
        behind = depth_behind(surface, direction, CELL)[own]
        cosine = np.maximum(normals @ direction, 0.0)
        seen += cosine * np.clip((FAR - behind) / (FAR - NEAR), 0.0, 1.0)
        total += cosine
    return np.asarray(seen / np.maximum(total, 1e-9))


def _scatter(
    vertices: NDArray[np.float64], triangles: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    face = rng.choice(len(triangles), SAMPLES, p=area / area.sum())
    weights = rng.dirichlet((1.0, 1.0, 1.0), SAMPLES)
    return np.asarray(np.einsum("nk,nkd->nd", weights, vertices[triangles[face]]))


def _sphere(count: int) -> NDArray[np.float64]:
    i = np.arange(count) + 0.5
    height, angle = 1 - 2 * i / count, np.pi * (1 + np.sqrt(5)) * i
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1)
