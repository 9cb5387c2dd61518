"""Do the cameras agree about the head that they see?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import MIN_DEPTH
from calibration.triangulation import triangulate
from fitting.alignment import RigidMotion, align, align_robustly
from fitting.camera_checks.consensus import MISFIT, RESIDUAL, find_consensus
from fitting.camera_checks.sample import Sample, nanmedian

Array = NDArray[np.float64]

LOST = 0.3
"""Share of the landmarks whose rays may meet behind a camera."""

_DOWNWEIGHT = 0.05
_ROUNDS = 3
# What a detector and an unknown actor leave at their best: the costs grow fast from there on.
_FINE_RESIDUAL, _FINE_MISFIT, _FINE_LOST, _FINE_SCALE = 0.02, 0.1, 0.1, 0.3
_SCALE_WEIGHT = 0.25


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far the cameras of a sample agree.

    Attributes:
        residual_px: (C,) median distance of a camera's landmarks from the triangulated ones; NaN if none.
        residual: (C,) the same as a part of the face's radius.
        among: (C,) the cameras that were triangulated from.
        lost: share of the landmarks whose rays meet behind a camera of those that agree.
        misfit: distance of the triangulated landmarks from the mean head's, in radii of the head.
        scale: size of the triangulated head, that of the mean head being 1, if metres are what the rig says.
        points: (F, L, 3) the triangulated landmarks in the world and unit of the rig; NaN where unknown.
        motion: of the mean head to where it is in each of the frames that have enough points.
    """

    residual_px: Array
    residual: Array
    among: NDArray[np.bool_]
    lost: float
    misfit: float
    scale: float
    points: Array
    motion: RigidMotion | None

    @classmethod
    def of(cls, sample: Sample, among: NDArray[np.bool_] | None = None) -> Agreement:
        """Triangulate a sample from the cameras that agree; the others are compared with what those see.

        Args:
            sample: of any unit.
            among: (C,) the cameras to triangulate from; by default the largest set that agrees, and all
                where there is none.
        """
        given, sample = sample, in_own_unit(sample)
        unit = sample.metres / given.metres
        if among is None:
            agreeing = find_consensus(sample)
            among = np.ones(len(sample.rig), dtype=np.bool_) if agreeing is None else agreeing.cameras
        points = _triangulated(sample, among)
        residual_px = _residuals(sample, points)
        known = np.asarray(np.isfinite(points).all(-1))
        twice = sample.seen[..., among].sum(-1) >= 2
        lost = 1 - (known & twice).sum() / max(int(twice.sum()), 1)
        misfit, scale, motion = _against_head(points, known, sample.head)
        if motion is not None:
            motion = replace(motion, translation=motion.translation * unit, scale=motion.scale * unit)
        residual = residual_px / sample.radius_px
        return cls(
            residual_px, residual, among, float(lost), misfit, scale * sample.metres, points * unit, motion
        )

    def rejudged(self, sample: Sample, cameras: tuple[int, ...]) -> Agreement:
        """The same points, compared with what some cameras see if they and their landmarks are others.

        Args:
            sample: of the same unit as the one that was triangulated.
            cameras: positions of those that changed.
        """
        changed = _residuals(sample, self.points, cameras)
        residual_px, residual = self.residual_px.copy(), self.residual.copy()
        chosen = list(cameras)
        residual_px[chosen] = changed[chosen]
        residual[chosen] = (changed / sample.radius_px)[chosen]
        return replace(self, residual_px=residual_px, residual=residual)

    @property
    def good_cameras(self) -> NDArray[np.bool_]:
        """(C,) whose landmarks are where the others see them."""
        return self.residual < RESIDUAL

    @property
    def badness(self) -> float:
        """Below 1 if the cameras agree."""
        known = self.residual[np.isfinite(self.residual)]
        worst = float(known.max()) if known.size else np.inf
        return max(worst / RESIDUAL, self.misfit / MISFIT, self.lost / LOST)

    def cost_of(self, cameras: Iterable[int], floor: float = 0.0) -> float:
        """Of some cameras: the mean logarithm of their residuals, so that none counts for too much.

        Residuals below the floor count as that.
        """
        residual = self.residual[list(cameras)]
        known = np.maximum(residual[np.isfinite(residual)], floor)
        return float(_penalty(known, _FINE_RESIDUAL).mean() if known.size else _penalty(1.0, _FINE_RESIDUAL))

    @property
    def shape_cost(self) -> float:
        """Of a head of another shape or size than heads have, and of landmarks behind cameras."""
        size = np.log(self.scale) if np.isfinite(self.scale) and self.scale > 0 else 10.0
        return float(
            _penalty(min(self.misfit, 1.0), _FINE_MISFIT)
            + _penalty(self.lost, _FINE_LOST)
            + _SCALE_WEIGHT * _penalty(size, _FINE_SCALE)
        )

    @property
    def cost(self) -> float:
        """Of all cameras and of the head: to compare explanations by."""
        return self.cost_of(range(len(self.residual))) + self.shape_cost


def rough_cost(sample: Sample) -> float:
    """About what :attr:`Agreement.cost` is, but for the size of the head, in a fraction of the time."""
    agreeing = find_consensus(in_own_unit(sample))
    if agreeing is None:
        return np.inf
    residual = np.minimum(agreeing.residual[sample.seeing], 1.0)
    return float(_penalty(residual, _FINE_RESIDUAL).mean() + _penalty(agreeing.misfit, _FINE_MISFIT))


def in_own_unit(sample: Sample) -> Sample:
    """The sample with its cameras about one unit apart, whatever they are in the file."""
    rig = sample.rig
    if len(rig) < 2:
        return sample
    centres = np.stack([camera.centre for camera in rig])
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(len(rig), 1)]
    unit = max(float(np.median(apart)), 1e-9)
    scaled = sample.with_rig(replace(camera, t=camera.t / unit) for camera in rig)
    return replace(scaled, metres=sample.metres * unit)


def _penalty(value: Array | float, scale: float) -> Array:
    return np.asarray(np.log1p(np.square(np.minimum(np.abs(value), 1e3) / scale)))


def _triangulated(sample: Sample, among: NDArray[np.bool_]) -> Array:
    """(F, L, 3), from some cameras, believing views the less the more they differ from the others."""
    chosen = np.flatnonzero(among)
    radius = np.maximum(np.nan_to_num(sample.radius_px[chosen], nan=1.0), 1e-9)
    rig = sample.rig.select(sample.rig.names[index] for index in chosen)
    pixels = sample.pixels[:, :, chosen]
    weights = np.where(sample.seen[..., chosen], 1 / radius**2, 0.0)
    current, points = weights, np.empty(0)
    for _ in range(_ROUNDS):
        points, residual_px = triangulate(pixels, rig, current)
        apart = np.nan_to_num(residual_px / radius, nan=0.0)
        current = weights / (1 + (apart / _DOWNWEIGHT) ** 2) ** 2
    return points


def _residuals(sample: Sample, points: Array, cameras: Iterable[int] | None = None) -> Array:
    """(C,) median distance in pixels of seen landmarks from the points; a face's radius if behind."""
    result = np.full(len(sample.rig), np.nan)
    for index in range(len(sample.rig)) if cameras is None else cameras:
        camera = sample.rig.cameras[index]
        known = np.isfinite(points).all(-1) & sample.seen[..., index]
        if not known.any():
            continue
        apart = np.linalg.norm(camera.project(points[known]) - sample.pixels[:, :, index][known], axis=-1)
        behind = camera.to_camera(points[known])[:, 2] <= MIN_DEPTH
        result[index] = np.median(np.where(behind, sample.radius_px[index], apart))
    return result


def _against_head(
    points: Array, known: NDArray[np.bool_], head: Array
) -> tuple[float, float, RigidMotion | None]:
    """Misfit, scale and motion of the head of points (F, L, 3): of the frames that have enough of them."""
    enough = known.sum(1) >= min(6, len(head))
    if not enough.any():
        return np.inf, np.nan, None
    placed, weights = np.where(known[..., None], points, 0.0)[enough], known[enough].astype(np.float64)
    scale = align(head, placed, weights, with_scale=True).scale
    scale = np.maximum(np.abs(scale), 1e-12)
    shrunk = placed / scale[:, None, None]
    motion = align_robustly(head, shrunk, weights)
    apart = np.linalg.norm(shrunk - motion.apply(head), axis=-1)
    misfit = nanmedian(np.where(weights > 0, apart, np.nan), axis=1)
    radius = np.sqrt(np.square(head - head.mean(0)).sum(-1).mean())
    placed_head = RigidMotion(motion.rotation, motion.translation * scale[:, None], scale)
    return float(np.median(misfit) / radius), float(np.median(scale)), placed_head
