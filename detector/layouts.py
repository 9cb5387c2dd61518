"""Layouts: named lists of queries on the canonical head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.errors import UsageError
from detector.region import QUERY_SCALE
from detector.splatting import depth_behind
from fitting.head_model import HeadModel
from fitting.surface import SurfacePoints

LAYOUTS = ("ibug68", "dense320", "dense703", "vertices")
"""Names that :func:`layout` knows."""

PART_DENSITY = {
    "left_eye": 2.0,
    "right_eye": 2.0,
    "upper_teeth": 0.6,
    "lower_teeth": 0.6,
    "tongue": 0.15,
    "lashes": 0.0,
}
"""Relative density of points by part; the skin's depends on where it is."""

VIEWS = 26
CELL = 0.0015
DEPTH_TOLERANCE = 0.004
SPLATS = 200_000


@dataclass(frozen=True)
class Layout:
    """Landmarks to ask the network for.

    Attributes:
        name: what it is called.
        queries: (L, 3) canonical positions in units of QUERY_SCALE, float32.
        points: the same L points on the head model's surface.
    """

    name: str
    queries: Tensor
    points: SurfacePoints

    def __len__(self) -> int:
        return len(self.queries)


def layout(name: str, model: HeadModel) -> Layout:
    """The layout of this name on the head model.

    Args:
        name: "ibug68" (the 68 landmarks of 300-W), "dense320" and "dense703" (farthest point samples:
            the face densely, then ears and eyes, then teeth and skull), "vertices" (all of the model's).
        model: the head model whose mean head is the canonical shape.

    Raises:
        UsageError: there is no such layout; the message names those that there are.
    """
    if name == "ibug68":
        points = model.ibug68
    elif name == "vertices":
        points = SurfacePoints.from_vertices(np.arange(len(model.mean)))
    elif name in LAYOUTS:
        density = sampling_density(model)
        chosen = farthest_points(_mean(model), int(name.removeprefix("dense")), density)
        points = SurfacePoints.from_vertices(chosen)
    else:
        raise UsageError(f"there is no layout named {name!r}", fix=f"Choose one of {', '.join(LAYOUTS)}")
    return Layout(name, queries_of(points, model), points)


def queries_of(points: SurfacePoints, model: HeadModel) -> Tensor:
    """Queries (L, 3) of points on the head model's surface: where they lie on its mean head."""
    canonical = points.evaluate(_mean(model)) / QUERY_SCALE
    return torch.as_tensor(np.asarray(canonical), dtype=torch.float32)


def farthest_points(
    points: NDArray[np.float64], count: int, density: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Indices (count,) of a farthest point sample, spaced more closely where the density is higher.

    Deterministic: it starts at the frontmost point, and ties go to the lower index.

    Args:
        points: (V, 3) positions.
        count: how many to choose.
        density: (V,) wanted points per area, in any unit; 0 excludes a point.

    Raises:
        UsageError: fewer points than that have any density.
    """
    allowed = density > 0
    if allowed.sum() < count:
        raise UsageError(f"{count} points were asked for, the head has {int(allowed.sum())}")
    chosen = np.empty(count, dtype=np.int64)
    chosen[0] = int(np.argmax(np.where(allowed, points[:, 2], -np.inf)))
    distance = np.where(allowed, np.inf, -1.0)
    for i in range(1, count):
        step = np.linalg.norm(points - points[chosen[i - 1]], axis=1) * np.sqrt(density)
        distance = np.where(allowed, np.minimum(distance, step), -1.0)
        chosen[i] = int(np.argmax(distance))
    return chosen


def sampling_density(model: HeadModel) -> NDArray[np.float64]:
    """How densely (V,) each vertex's surroundings deserve landmarks, relative to the middle of the face.

    The face counts most, then eyes (irises above all), then ears, skull and neck; skin that nothing sees
    from outside, such as the inner mouth, counts nothing.
    """
    mean = _mean(model)
    density = np.zeros(len(mean))
    skin = np.asarray(model.parts["skin"])
    seen = exposed(mean, np.asarray(model.triangles))
    density[skin] = _skin_density(mean[skin]) * seen[skin]
    for part, value in PART_DENSITY.items():
        vertices = np.asarray(model.parts[part])
        density[vertices] = value
        if part.endswith("eye"):
            depth = mean[vertices, 2] - mean[vertices, 2].max()
            # the front 5 mm of an eyeball show; its back is inside the head
            density[vertices] *= np.where(depth > -0.0035, 2.0, np.where(depth > -0.010, 0.5, 0.02))
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
    """Which vertices (V,) can be seen from outside, from some of 26 directions at least.

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
    """(VIEWS, 3) unit vectors spread over the sphere (a Fibonacci lattice)."""
    i = np.arange(VIEWS) + 0.5
    height, angle = 1 - 2 * i / VIEWS, np.pi * (1 + np.sqrt(5)) * i
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1)


def _mean(model: HeadModel) -> NDArray[np.float64]:
    """The mean head (V, 3) in metres."""
    return model.mean.detach().cpu().numpy().astype(np.float64)
