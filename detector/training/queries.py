"""Which points of the head a training step asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detector.layouts import layout, sampling_density
from detector.region import QUERY_SCALE
from detector.training.samples import known
from fitting.anatomy import anatomy
from fitting.head_model import HeadModel
from fitting.surface import SurfacePoints

SPARSE_LAYOUT = "ibug68"
"""The layout that is part of every step, whole."""

SPANS = (
    *((37, 41), (38, 40), (43, 47), (44, 46)),
    *((61, 67), (62, 66), (63, 65), (50, 58), (51, 57), (52, 56)),
    *((48, 54), (48, 31), (54, 35)),
    *((19, 37), (20, 38), (21, 39), (22, 42), (23, 43), (24, 44), (21, 22)),
)
"""Pairs of that layout whose distance tells expressions: openings of eyes and mouth, width and height of its
corners, rise of the brows."""

REGION_LAYOUT = "dense320"
"""The layout whose landmarks define the region of interest; half of the other queries of a step are its."""

BONE_SHARE = 0.15
"""How many of the queries of a step besides the sparse layout are skull and mandible."""


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """L points of the head.

    Attributes:
        queries: (L, 3).
        vertices: (L, 3) which labels of a sample label each: vertices of the model or, from V on, bones.
        weights: (L, 3) of these.
    """

    queries: Tensor
    vertices: Tensor
    weights: Tensor

    def positions(self, pixels: Tensor) -> Tensor:
        """The labels (N, L, 2) from the pixels (N, P, 2) of the model's vertices and bones."""
        return torch.einsum("nlkc,lk->nlc", pixels[:, self.vertices], self.weights)

    def labelled(self, pixels: Tensor) -> Tensor:
        """Weights (N, L) for the loss: 1, or 0 where the pixels (N, P, 2) hold no label."""
        return known(pixels[:, self.vertices]).all(dim=-1).to(self.weights)

    def joined(self, *others: QueryBatch) -> QueryBatch:
        """These points, then those of others."""
        batches = (self, *others)
        return QueryBatch(
            torch.cat([batch.queries for batch in batches]),
            torch.cat([batch.vertices for batch in batches]),
            torch.cat([batch.weights for batch in batches]),
        )

    def select(self, index: Tensor) -> QueryBatch:
        """Some of the points."""
        return QueryBatch(self.queries[index], self.vertices[index], self.weights[index])


class QuerySampler:
    """Draws queries: the fixed layouts, random points of the surface by :func:`sampling_density`, and bones.

    Attributes:
        label_count: V + A, the positions that a sample is labelled with.
        bone_count: A, how many of them, the last ones, are bones; older samples lack them.
    """

    def __init__(self, model: HeadModel, device: torch.device, further: Sequence[str] = ()) -> None:
        """Prepare for drawing from a model; ``further`` names layouts to hold besides the usual ones."""
        shape = model.canonical
        triangles = np.asarray(model.triangles)
        corners = shape[triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        mass = np.linalg.norm(cross, axis=1) * sampling_density(model)[triangles].mean(axis=1)
        bones = anatomy(model).canonical.detach().double().cpu().numpy()
        self.label_count, self.bone_count = len(shape) + len(bones), len(bones)
        points = np.concatenate([shape, bones]) / QUERY_SCALE
        self.canonical = torch.as_tensor(points, dtype=torch.float32, device=device)
        self.triangles = torch.as_tensor(triangles, dtype=torch.long, device=device)
        self.cumulative = torch.as_tensor(np.cumsum(mass / mass.sum()), dtype=torch.float32, device=device)
        self.layouts = {
            name: self._fixed(layout(name, model).points) for name in (SPARSE_LAYOUT, REGION_LAYOUT, *further)
        }

    def _fixed(self, points: SurfacePoints) -> QueryBatch:
        device = self.canonical.device
        vertices = torch.as_tensor(points.vertices, dtype=torch.long, device=device)
        return self._batch(vertices, torch.as_tensor(points.weights, dtype=torch.float32, device=device))

    def _batch(self, vertices: Tensor, weights: Tensor) -> QueryBatch:
        return QueryBatch(torch.einsum("lkc,lk->lc", self.canonical[vertices], weights), vertices, weights)

    def draw(self, count: int, generator: torch.Generator) -> QueryBatch:
        """``count`` queries: first the sparse layout, then dense ones, others anywhere, and some bones."""
        sparse, dense = self.layouts[SPARSE_LAYOUT], self.layouts[REGION_LAYOUT]
        free = max(0, count - len(sparse.queries))
        bones = self._in_bones(round(BONE_SHARE * free), generator)
        free -= len(bones.queries)
        order = torch.randperm(len(dense.queries), generator=generator, device=self.canonical.device)
        chosen = order[: free // 2]
        surface = self._on_surface(free - len(chosen), generator)
        return sparse.joined(dense.select(chosen), surface, bones)

    def _on_surface(self, count: int, generator: torch.Generator) -> QueryBatch:
        """Random points of the surface."""
        device = self.canonical.device
        where = torch.rand(count, generator=generator, device=device)
        face = torch.searchsorted(self.cumulative, where).clamp(max=len(self.triangles) - 1)
        # exponentials, normalised, are uniform on the triangle
        weights = -torch.rand((count, 3), generator=generator, device=device).clamp(min=1e-6).log()
        return self._batch(self.triangles[face], weights / weights.sum(-1, keepdim=True))

    def _in_bones(self, count: int, generator: torch.Generator) -> QueryBatch:
        """Random points of the skull and the mandible."""
        device = self.canonical.device
        chosen = torch.randperm(self.bone_count, generator=generator, device=device)[:count]
        labels = (self.label_count - self.bone_count + chosen)[:, None].expand(-1, 3)
        return self._batch(labels, torch.tensor([1.0, 0.0, 0.0], device=device).expand(len(chosen), 3))
