"""Where on the head landmarks are worth having."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from detector.splatting import depth_behind
from fitting.head_model import HeadModel
from fitting.model_arrays import mean_head

PART_DENSITY = {
    "left_eye": 4.0,
    "right_eye": 4.0,
    "upper_teeth": 0.4,
    "lower_teeth": 0.4,
    "tongue": 0.15,
    "lashes": 0.0,
}
"""Relative density of points by part; the skin's depends on where it is."""

EDGES = (range(36, 42), range(42, 48), range(48, 60), range(60, 68))
"""Closed lines of 300-W landmarks: the lids' edges, the outer and the inner edges of the lips."""

EDGE_DENSITY = 6.0
"""How much denser landmarks are on these lines, and within what distance (metres)."""

EDGE_WIDTH = 0.003

VIEWS = 26
LOWEST_VIEW = -0.75
"""Sine of the elevation of the lowest view: from farther below one looks into the head through its neck."""

CELL = 0.0025
DEPTH_TOLERANCE = 0.004
SPLATS = 600_000
"""A dozen for each cell: where a cell of the skin has none, one sees through it."""


def sampling_density(model: HeadModel) -> NDArray[np.float64]:
    """How densely (V,) each vertex's surroundings deserve landmarks, relative to the middle of the face.

    The edges of lids and lips count most, which tell expressions, and the face; then eyes (irises above
    all), then ears, skull and neck; skin that nothing sees from outside, such as the inner mouth, counts
    nothing.
    """
    mean = mean_head(model)
    density = np.zeros(len(mean))
    skin = np.asarray(model.parts["skin"])
    # of parted lips the inner edges are seen too
    seen = exposed(model.canonical, np.asarray(model.triangles))
    density[skin] = _skin_density(mean[skin]) * _edge_density(model, mean[skin]) * seen[skin]
    for part, value in PART_DENSITY.items():
        vertices = np.asarray(model.parts[part])
        density[vertices] = value
        if part.endswith("eye"):
            depth = mean[vertices, 2] - mean[vertices, 2].max()
            # the front 5 mm of an eyeball show; its back is inside the head
            density[vertices] *= np.where(depth > -0.0035, 2.0, np.where(depth > -0.010, 0.5, 0.02))
    return density


def seen_triangles(model: HeadModel) -> NDArray[np.int64]:
    """Numbers of the triangles that can be seen from outside, and of the teeth; neither tongue nor lashes."""
    mean = mean_head(model)
    triangles = np.asarray(model.triangles)
    kept = exposed(mean, triangles)
    for part in ("upper_teeth", "lower_teeth"):
        kept[model.parts[part]] = True
    for part in ("tongue", "lashes"):
        kept[model.parts[part]] = False
    return np.flatnonzero(kept[triangles].all(axis=1))


def _edge_density(model: HeadModel, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more (N,) points of the mean head count for being near the edge of a lid or a lip."""
    landmarks = model.ibug68.evaluate(mean_head(model))
    along = np.linspace(0.0, 1.0, 10)[:, None, None]
    edges = [landmarks[list(edge)] for edge in EDGES]
    lines = [(1 - along) * edge + along * np.roll(edge, -1, axis=0) for edge in edges]
    apart, _ = KDTree(np.concatenate([line.reshape(-1, 3) for line in lines])).query(points)
    density: NDArray[np.float64] = 1.0 + EDGE_DENSITY * np.exp(-((np.asarray(apart) / EDGE_WIDTH) ** 2))
    return density


def _skin_density(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density on the skin from canonical positions (N, 3): high on the face, low on the skull and neck."""
    x, y, z = points.T
    face = _step(z, -0.075, -0.035) * _step(y, -0.125, -0.105) * _step(-y, -0.085, -0.055)
    centre = _step(-np.abs(x), -0.055, -0.035) * _step(-y, -0.045, -0.025) * face
    neck = _step(-y, 0.105, 0.125)
    ears = _step(np.abs(x), 0.066, 0.072) * _step(-y, -0.05, -0.03) * (1 - neck)
    base = 0.06 * (1 - neck) + 0.01 * neck
    density: NDArray[np.float64] = np.maximum(base, 0.3 * ears) + 0.45 * face + 0.55 * centre
    return density


def _step(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """0 below low, 1 above high, linear between."""
    return np.clip((value - low) / (high - low), 0.0, 1.0)


def exposed(vertices: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which vertices (V,) can be seen from outside, from some of the directions around it.

    The surface is scattered into a grid of depths per direction; a vertex is seen where it lies within a
    few millimetres of the front.

    Args:
        vertices: (V, 3) in metres.
        triangles: (T, 3) indices.
    """
    rng = np.random.default_rng(0)
    surface = np.concatenate([scatter(vertices, triangles, SPLATS, rng), vertices])
    seen = np.zeros(len(vertices), dtype=bool)
    for direction in _directions():
        behind = depth_behind(surface, direction, CELL)
        seen |= behind[len(surface) - len(vertices) :] <= DEPTH_TOLERANCE
    return seen


def scatter(
    vertices: NDArray[np.float64], triangles: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Random points (count, 3), uniform over the area of the triangles (T, 3) of vertices (V, 3)."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    face = rng.choice(len(triangles), count, p=area / area.sum())
    weights = rng.dirichlet((1.0, 1.0, 1.0), count)
    points: NDArray[np.float64] = np.einsum("nk,nkd->nd", weights, vertices[triangles[face]])
    return points


def _directions() -> NDArray[np.float64]:
    """Unit vectors (about VIEWS, 3) spread over the sphere (a Fibonacci lattice), but from far below."""
    i = np.arange(VIEWS) + 0.5
    height, angle = 1 - 2 * i / VIEWS, np.pi * (1 + np.sqrt(5)) * i
    radius = np.sqrt(1 - height**2)
    around = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1)
    return np.asarray(around[height > LOWEST_VIEW])
