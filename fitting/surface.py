"""Points on a triangulated surface, named by three vertices and their barycentric weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import UsageError

Float = TypeVar("Float", bound=np.floating)


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """L points, each a weighted sum of three vertices.

    Attributes:
        vertices: (L, 3) int64, the vertex indices.
        weights: (L, 3) float64, summing to one along the last axis. Weights outside [0, 1] are legal: they
            extrapolate.
    """

    vertices: NDArray[np.int64]
    weights: NDArray[np.float64]

    def __post_init__(self) -> None:
        if (
            self.vertices.ndim != 2
            or self.vertices.shape[1] != 3
            or self.weights.shape != self.vertices.shape
        ):
            raise UsageError(
                f"surface points need (L, 3) vertices and weights, not {self.vertices.shape} and "
                f"{self.weights.shape}"
            )

    def __len__(self) -> int:
        return len(self.vertices)

    @classmethod
    def from_vertices(cls, indices: ArrayLike) -> SurfacePoints:
        """Points that are vertices: indices (L,)."""
        index = np.asarray(indices, np.int64)
        weights = np.tile(np.array([1.0, 0.0, 0.0]), (len(index), 1))
        return cls(np.repeat(index[:, None], 3, axis=1), weights)

    @classmethod
    def unknown(cls, count: int) -> SurfacePoints:
        """Points that are nowhere on the surface: they evaluate to NaN."""
        return cls(np.zeros((count, 3), np.int64), np.full((count, 3), np.nan))

    def evaluate(self, vertices: NDArray[Float]) -> NDArray[Float]:
        """The points (..., L, 3) on a mesh whose vertices are (..., V, 3), in the unit of the vertices."""
        corners = vertices[..., self.vertices, :]
        points: NDArray[Float] = np.einsum("...lkc,lk->...lc", corners, self.weights.astype(vertices.dtype))
        return points

    def subset(self, index: ArrayLike) -> SurfacePoints:
        """The points of the given positions (or boolean mask) only."""
        chosen = np.asarray(index)
        return SurfacePoints(self.vertices[chosen], self.weights[chosen])


def concatenated(parts: Sequence[SurfacePoints]) -> SurfacePoints:
    """The points of several lists, one after the other."""
    return SurfacePoints(
        np.concatenate([part.vertices for part in parts]), np.concatenate([part.weights for part in parts])
    )


def barycentric(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights (L, 3), summing to one, by which the corners (L, 3, 3) of triangles make up points (L, 3).

    Least squares for points off their triangle's plane; triangles without an area are legal.
    """
    # the corners, and that the weights sum to one; tiny triangles need the scale
    scale = np.abs(corners).max(initial=1e-300)
    system = np.concatenate([corners.swapaxes(1, 2) / scale, np.ones((len(points), 1, 3))], axis=1)
    wanted = np.concatenate([points / scale, np.ones((len(points), 1))], axis=1)
    return np.asarray(np.einsum("lij,lj->li", np.linalg.pinv(system), wanted))
