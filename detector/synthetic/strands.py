"""Hair as strands: wisps that grow from the skin, follow guides, and are drawn as thin ribbons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats, Material, Surface

Array = NDArray[np.float64]

STRAND_PX = 1.15
"""Pixels: thinner strands are drawn as fewer, wider ones."""
LEAST_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Strands:
    """S strands of P points each, from root to tip.

    Attributes:
        points: (S, P, 3) float32 metres.
        normals: (S, 3) float32, outwards at the roots; light falls on the hair as on a surface with them.
        width: (S,) float32, full width in metres at the root.
        tint: (S, 3) float32, linear RGB multiplier of each strand.
        depth: (S,) float32 in [0, 1]: 0 lies on top of the hair, 1 at the skin.
    """

    points: Floats
    normals: Floats
    width: Floats
    tint: Floats
    depth: Floats

    def moved(self, points: Floats, normals: Floats, kept: NDArray[np.bool_] | None = None) -> Strands:
        """The same strands elsewhere, only those that are kept (S,) where that is given."""
        if kept is None:
            return Strands(points, normals, self.width, self.tint, self.depth)
        return Strands(points[kept], normals[kept], self.width[kept], self.tint[kept], self.depth[kept])

    def coarse(self, share: float) -> Strands:
        """The first `share` of the strands (their order is random), wider, so that they cover the same."""
        kept = slice(0, max(1, round(share * len(self.points))))
        return Strands(
            self.points[kept],
            self.normals[kept],
            self.width[kept] / np.float32(share),
            self.tint[kept] ** np.float32(0.5 + 0.5 * share),
            self.depth[kept],
        )


def visible_share(width: float, pixel: float) -> float:
    """Share of the strands that a picture can tell apart: those it draws are `STRAND_PX` wide or wider.

    Args:
        width: of a strand in metres. pixel: metres that a pixel spans at the strands, 0 for all strands.
    """
    return float(np.clip(width / max(STRAND_PX * pixel, 1e-9), LEAST_SHARE, 1.0))


def ribbons(
    strands: Strands, material: Material, root_shade: float = 0.35, tip_light: float = 1.15
) -> Surface:
    """A surface that draws the strands.

    Args:
        strands: what to draw.
        material: of kind STRANDS.
        root_shade: ambient occlusion at the root of the deepest strand.
        tip_light: brightness of the tips relative to the middle; sun bleaches hair.
    """
    count, steps, _ = strands.points.shape
    along = np.gradient(strands.points, axis=1)
    taper = (np.clip(1.04 - np.linspace(0.0, 1.0, steps) ** 2, 0.0, 1.0) ** 0.8).astype(np.float32)
    half = 0.5 * strands.width[:, None] * taper
    sides = np.empty((count, steps, 2, 4), np.float32)
    sides[..., :3] = along[:, :, None]
    sides[..., 0, 3] = half
    sides[..., 1, 3] = -half
    t = np.linspace(0.0, 1.0, steps, dtype=np.float32)
    lit = 1.0 - (1.0 - root_shade) * (1.0 - np.minimum(2.5 * t, 1.0)) - 0.45 * strands.depth[:, None]
    tint = np.empty((count, steps, 2, 4), np.float32)
    tint[..., :3] = strands.tint[:, None, None] * (0.8 + (tip_light - 0.8) * t)[:, None, None]
    tint[..., 3] = np.clip(lit, 0.05, 1.0)[..., None]
    return Surface(
        positions=np.repeat(strands.points.reshape(-1, 3), 2, axis=0),
        normals=np.repeat(strands.normals, 2 * steps, axis=0),
        triangles=_ribbon_triangles(count, steps),
        material=material,
        tint=tint.reshape(-1, 4),
        strands=sides.reshape(-1, 4),
    )


@lru_cache(maxsize=32)
def _ribbon_triangles(count: int, steps: int) -> NDArray[np.int32]:
    first = (np.arange(count)[:, None] * steps + np.arange(steps - 1)).ravel() * 2
    quads = first[:, None] + np.array([0, 2, 3, 1])
    return np.asarray(quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), np.int32)


def scatter_roots(
    vertices: Array, triangles: NDArray[np.int64], density: Array, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Array]:
    """Random roots on a surface: vertex triples (count, 3) and barycentric weights (count, 3).

    Args:
        vertices: (V, 3). triangles: (T, 3). density: (V,) relative number of roots per area.
        count: how many. rng: the source of chance.
    """
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * density[triangles].mean(axis=1)
    chosen = triangles[rng.choice(len(triangles), count, p=area / area.sum())]
    weights = rng.dirichlet((1.0, 1.0, 1.0), count)
    # Roots follow the density within a triangle too, so that a hairline is not a zigzag of triangles.
    keep = np.einsum("nk,nk->n", weights, density[chosen])
    kept = rng.random(count) * keep.max(initial=1e-9) * 0.6 < keep
    return chosen[kept], weights[kept]


def barycentric(values: NDArray[np.floating], corners: NDArray[np.int64], weights: Array) -> Floats:
    """Values (V, n) at roots given by corners and weights (S, 3) each: (S, n)."""
    return np.asarray(np.einsum("skn,sk->sn", values[corners], weights.astype(values.dtype)), np.float32)
