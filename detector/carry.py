"""Carrying regions through a calibrated rig, from the cameras that are sure to those that are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.triangulation import triangulate
from detector.region import aligned_region_from_landmarks

LEAST_CAMERAS = 2
LEAST_POINTS = 12

MOST_POINTS = 64
"""More landmarks than these tell no more of where a head is."""

MOST_MISS = 0.15
"""Cameras agree when their landmarks are this near to those of the others, median, in sides of the region."""


@dataclass(frozen=True, eq=False)
class Carried:
    """Where the head of one frame is in every camera.

    Attributes:
        regions: (C, 4) cx, cy, size in pixels, roll in radians; NaN for a camera that the head is behind.
        agreeing: (C,) the cameras whose landmarks told it; a camera that was sure and is not among them shows
            another head.
    """

    regions: NDArray[np.float64]
    agreeing: NDArray[np.bool_]


def carried_regions(
    rig: Rig,
    mean: NDArray[np.floating],
    sigma: NDArray[np.floating],
    seen: NDArray[np.bool_],
    queries: NDArray[np.floating],
) -> Carried | None:
    """Where the head of one frame is in every camera, given its landmarks in some.

    Args:
        rig: C cameras.
        mean: (C, L, 2) pixels; anything where not seen.
        sigma: (C, L) pixels.
        seen: (C,) which cameras are sure.
        queries: (L, 3) of the landmarks.

    Returns:
        None when fewer than two cameras are sure, or when no majority agrees on where the head is.
    """
    step = -(-len(queries) // MOST_POINTS)
    views = _Views(rig, mean[:, ::step], sigma[:, ::step], queries[::step])
    agreeing = np.asarray(seen, dtype=bool)
    points, miss = views.triangulated(agreeing)
    while agreeing.sum() > LEAST_CAMERAS and not miss <= MOST_MISS:
        # the camera without which the others agree best
        fewer = [agreeing & (np.arange(len(rig)) != index) for index in np.flatnonzero(agreeing)]
        tried = [views.triangulated(each) for each in fewer]
        best = int(np.argmin([miss for _, miss in tried]))
        agreeing, (points, miss) = fewer[best], tried[best]
    # two that agree are no majority of two that do not
    if not miss <= MOST_MISS or 2 * agreeing.sum() <= np.sum(seen):
        return None
    return Carried(views.regions(points), agreeing)


@dataclass(frozen=True, eq=False)
class _Views:
    """The landmarks of one frame in C cameras, as :func:`carried_regions` takes them."""

    rig: Rig
    mean: NDArray[np.floating]
    sigma: NDArray[np.floating]
    queries: NDArray[np.floating]

    def triangulated(self, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
        """Points (L, 3) in metres, NaN where unknown, and how far the worst of the chosen cameras is off."""
        if chosen.sum() < LEAST_CAMERAS:
            return np.full((len(self.queries), 3), np.nan), float("inf")
        weights = np.where(chosen[:, None], 1 / np.square(np.where(chosen[:, None], self.sigma, 1.0)), 0.0)
        pixels = np.where(chosen[:, None, None], self.mean, 0.0).swapaxes(0, 1)
        points, residual = triangulate(pixels, self.rig, weights.swapaxes(0, 1))
        kept = np.isfinite(points).all(axis=1)
        if kept.sum() < LEAST_POINTS:
            return points, float("inf")
        seen = torch.as_tensor(self.mean[chosen], dtype=torch.float64)
        sizes = aligned_region_from_landmarks(seen, torch.as_tensor(self.queries, dtype=torch.float64))[:, 2]
        return points, float((np.median(residual[kept][:, chosen], axis=0) / sizes.numpy()).max())

    def regions(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Regions (C, 4) of the head in all cameras."""
        kept = np.isfinite(points).all(axis=1)
        points, canonical = points[kept], torch.as_tensor(self.queries[kept], dtype=torch.float64)
        regions = np.full((len(self.rig), 4), np.nan)
        for index, camera in enumerate(self.rig):
            if (camera.to_camera(points)[:, 2] > 0).all():
                projected = torch.as_tensor(camera.project(points))[None]
                regions[index] = aligned_region_from_landmarks(projected, canonical)[0].numpy()
        return regions
