"""Which points of the head a training step asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detector.layouts import layout, sampling_density
from detector.region import QUERY_SCALE
from fitting.head_model import HeadModel
from fitting.surface import SurfacePoints

SPARSE_LAYOUT = "ibug68"
"""The layout that is part of every step, whole."""

REGION_LAYOUT = "dense320"
"""The layout whose landmarks define the region of interest; half of the other queries of a step are its."""


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """L points on the head: queries (L, 3), and the vertices (L, 3) and weights (L, 3) that label them."""

    queries: Tensor
    vertices: Tensor
    weights: Tensor

    def positions(self, vertex_pixels: Tensor) -> Tensor:
        """The labels (N, L, 2) from the pixels (N, V, 2) of the model's vertices."""
        return torch.einsum("nlkc,lk->nlc", vertex_pixels[:, self.vertices], self.weights)

    def select(self, index: Tensor) -> QueryBatch:
        """Some of the points."""
        return QueryBatch(self.queries[index], self.vertices[index], self.weights[index])


class QuerySampler:
    """Draws queries: the fixed layouts, and random points of the surface by :func:`sampling_density`."""

    def __init__(self, model: HeadModel, device: torch.device) -> None:
        mean = model.mean.detach().double().cpu().numpy()
        triangles = np.asarray(model.triangles)
        corners = mean[triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        mass = np.linalg.norm(cross, axis=1) * sampling_density(model)[triangles].mean(axis=1)
        self.mean = torch.as_tensor(mean / QUERY_SCALE, dtype=torch.float32, device=device)
        self.triangles = torch.as_tensor(triangles, dtype=torch.long, device=device)
        self.cumulative = torch.as_tensor(np.cumsum(mass / mass.sum()), dtype=torch.float32, device=device)
        self.layouts = {
            name: self._fixed(layout(name, model).points) for name in (SPARSE_LAYOUT, REGION_LAYOUT)
        }

    def _fixed(self, points: SurfacePoints) -> QueryBatch:
        device = self.mean.device
        vertices = torch.as_tensor(points.vertices, dtype=torch.long, device=device)
        return self._batch(vertices, torch.as_tensor(points.weights, dtype=torch.float32, device=device))

    def _batch(self, vertices: Tensor, weights: Tensor) -> QueryBatch:
        return QueryBatch(torch.einsum("lkc,lk->lc", self.mean[vertices], weights), vertices, weights)

    def draw(self, count: int, generator: torch.Generator) -> QueryBatch:
        """``count`` queries: all of the sparse layout, then as many of the dense one as of the surface."""
        sparse, dense = self.layouts[SPARSE_LAYOUT], self.layouts[REGION_LAYOUT]
        free = max(0, count - len(sparse.queries))
        chosen = torch.randperm(len(dense.queries), generator=generator, device=self.mean.device)[: free // 2]
        batches = [sparse, dense.select(chosen), self._on_surface(free - len(chosen), generator)]
        return QueryBatch(
            torch.cat([batch.queries for batch in batches]),
            torch.cat([batch.vertices for batch in batches]),
            torch.cat([batch.weights for batch in batches]),
        )

    def _on_surface(self, count: int, generator: torch.Generator) -> QueryBatch:
        """Random points of the surface."""
        device = self.mean.device
        where = torch.rand(count, generator=generator, device=device)
        face = torch.searchsorted(self.cumulative, where).clamp(max=len(self.triangles) - 1)
        # exponentials, normalised, are uniform on the triangle
        weights = -torch.rand((count, 3), generator=generator, device=device).clamp(min=1e-6).log()
        return self._batch(self.triangles[face], weights / weights.sum(-1, keepdim=True))
