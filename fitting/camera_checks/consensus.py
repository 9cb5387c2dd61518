"""Which cameras of a rig agree with each other: the largest set that sees one and the same head.

Every two cameras triangulate a few landmarks, the others vote. So the cameras that are right are found even
where nearly half of them are wrong, which no fit that begins with all of them does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from calibration.camera import MIN_DEPTH
from fitting.alignment import align
from fitting.camera_checks.sample import Sample, nanmedian, spread

Array = NDArray[np.float64]
Int = NDArray[np.int64]

RESIDUAL = 0.12
"""Of the face's radius in an image: what a camera's landmarks may be off from where the others see them."""
MISFIT = 0.25
"""Of the head's radius: what the triangulated landmarks may be off from the mean head, once aligned."""

_FRAMES, _LANDMARKS, _PAIRS = 3, 20, 120
_MIN_POINTS = 6
_NEARLY_PARALLEL = 1e-6


@dataclass(frozen=True, eq=False)
class Consensus:
    """The cameras that agree, and how well, as two of them see it.

    Attributes:
        cameras: (C,) which they are.
        residual: (C,) how far the landmarks of each camera are off, parts of the face's radius; infinite
            where the head is behind it.
        misfit: of the head, in radii of it.
    """

    cameras: NDArray[np.bool_]
    residual: Array
    misfit: float


def find_consensus(sample: Sample) -> Consensus | None:
    """The largest set of cameras that agree, the tighter one of several; None where no two do.

    Args:
        sample: in a unit of about the distance of its cameras from each other.
    """
    few = sample.thinned(_FRAMES, _LANDMARKS)
    every = np.array(list(combinations(few.seeing, 2)), dtype=np.int64).reshape(-1, 2)
    if not len(every):
        return None
    pairs = every[spread(np.arange(len(every)), _PAIRS)]
    points = _midpoints(few, pairs)
    residual, misfit = _residuals(few, points), _misfit(few, points)
    votes = residual < RESIDUAL
    possible = np.take_along_axis(votes, pairs, axis=1).all(axis=1) & (misfit < MISFIT)
    if not possible.any():
        return None
    looseness = np.where(votes, residual, 0.0).sum(1) / np.maximum(votes.sum(1), 1)
    best = int(np.argmax(np.where(possible, votes.sum(1) - looseness / RESIDUAL, -np.inf)))
    return Consensus(np.asarray(votes[best]), residual[best], float(misfit[best]))


def _midpoints(sample: Sample, pairs: Int) -> Array:
    """(P, F, L, 3) where the rays of two cameras are nearest; NaN where they are not before both."""
    rays = [
        camera.normalise(np.nan_to_num(sample.pixels[:, :, index])) for index, camera in enumerate(sample.rig)
    ]
    # direction[c, f, l] = R[c]^T (x, y, 1)
    directions = np.stack(
        [
            np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1) @ camera.R
            for ideal, camera in zip(rays, sample.rig, strict=True)
        ]
    )
    centres = np.stack([camera.centre for camera in sample.rig])
    first, second = directions[pairs[:, 0]], directions[pairs[:, 1]]
    base = (centres[pairs[:, 1]] - centres[pairs[:, 0]])[:, None, None]
    aa, bb, ab = (first * first).sum(-1), (second * second).sum(-1), (first * second).sum(-1)
    da, db = (first * base).sum(-1), (second * base).sum(-1)
    determinant = aa * bb - ab * ab
    crossing = determinant > _NEARLY_PARALLEL * aa * bb
    divisor = np.where(crossing, determinant, 1.0)
    s, t = (da * bb - db * ab) / divisor, (da * ab - db * aa) / divisor
    origin = centres[pairs[:, 0]][:, None, None]
    points = origin + 0.5 * (s[..., None] * first + base + t[..., None] * second)
    seen = np.moveaxis(sample.seen, -1, 0)
    usable = crossing & (s > MIN_DEPTH) & (t > MIN_DEPTH) & seen[pairs[:, 0]] & seen[pairs[:, 1]]
    return np.where(usable[..., None], points, np.nan)


def _residuals(sample: Sample, points: Array) -> Array:
    """(P, C) how far the landmarks of each camera are from the points, parts of the face's radius."""
    residual = np.full((len(points), len(sample.rig)), np.inf)
    for index, camera in enumerate(sample.rig):
        known = np.isfinite(points).all(-1) & sample.seen[None, :, :, index]
        placed = np.where(known[..., None], points, 0.0)
        apart = np.linalg.norm(camera.project(placed) - sample.pixels[None, :, :, index], axis=-1)
        behind = camera.to_camera(placed)[..., 2] <= MIN_DEPTH
        apart = np.where(known, np.where(behind, 1e9, apart), np.nan)
        median = nanmedian(apart, axis=(1, 2)) / sample.radius_px[index]
        residual[:, index] = np.where(np.isfinite(median), median, np.inf)
    return residual


def _misfit(sample: Sample, points: Array) -> Array:
    """(P,) root median square distance from the mean head of any size, in radii of the head."""
    head = sample.head
    radius = np.sqrt(np.square(head - head.mean(0)).sum(-1).mean())
    shape = points.shape[:2]
    known = np.isfinite(points).all(-1)
    flat, weights = points.reshape(-1, *points.shape[2:]), known.reshape(-1, known.shape[-1]).astype(float)
    enough = known.sum(-1) >= min(_MIN_POINTS, len(head))
    motion = align(head, np.where(weights[..., None] > 0, flat, 0.0), weights, with_scale=True)
    apart = np.linalg.norm(flat - motion.apply(head), axis=-1)
    size = np.maximum(np.abs(motion.scale), 1e-12)
    relative = nanmedian(apart / size[:, None], axis=1).reshape(shape) / radius
    relative = np.where(enough, relative, np.nan)
    median = nanmedian(relative, axis=1)
    return np.where(np.isfinite(median), median, np.inf)
