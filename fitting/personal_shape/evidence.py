"""What the landmarks say of the neutral head: residuals of all views, brought back to the bind pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from fitting.head_model import HeadModel, HeadPoints, joint_transforms
from fitting.model_arrays import mean_head
from fitting.observations import Observations, softened
from fitting.options import FitOptions
from fitting.performance import Performance
from fitting.robust import influence

Array = NDArray[np.float64]

CROWD = 0.004
"""Metres. Landmarks so near to each other err alike: together they say hardly more than one of them."""


@dataclass(frozen=True, eq=False)
class ShapeEvidence:
    """Linearised residuals of L landmarks in G groups of views, as functions of an offset of the neutral.

    A group says `e + d^T A d / 2 - b^T d` of the offset d of a landmark, with A = information and b = pull.

    Attributes:
        information: (G, L, 3, 3) 1 / m^2. pull: (G, L, 3) 1 / m.
        energy: (G, L) half the weighted squared residuals, in units of sigma.
        views: (G, L) how many views of each landmark there are.
        crowd: (L,) how many landmarks lie where this one lies, at least 1.
    """

    information: Array
    pull: Array
    energy: Array
    views: Array
    crowd: Array

    def believed(self, groups: NDArray[np.int64], systematic: float) -> tuple[Array, Array]:
        """Information (L, 3, 3) and pull (L, 3) of some groups, for as much as they are worth.

        What is wrong with a landmark is mostly wrong with it in every view, and with its neighbours.

        Args:
            groups: their positions.
            systematic: see :attr:`fitting.options.FitOptions.systematic`.
        """
        share = 1 / (self.crowd * (1 + systematic * self.views[groups].sum(0)))
        information, pull = self.information[groups].sum(0), self.pull[groups].sum(0)
        return information * share[:, None, None], pull * share[:, None]

    def change(self, groups: NDArray[np.int64], displacement: Array) -> float:
        """The relative change of the energy of some groups by a displacement (L, 3) of the landmarks."""
        moved = 0.5 * np.einsum("glij,lj->gli", self.information[groups], displacement) - self.pull[groups]
        energy = float((self.energy[groups] / self.crowd).sum())
        return float((displacement * moved / self.crowd[:, None]).sum()) / max(energy, 1e-12)

    def masked(self, kept: NDArray[np.bool_]) -> ShapeEvidence:
        """The evidence of some landmarks (L,) alone; the others say nothing."""
        return ShapeEvidence(
            np.where(kept[:, None, None], self.information, 0.0),
            np.where(kept[:, None], self.pull, 0.0),
            np.where(kept, self.energy, 0.0),
            np.where(kept, self.views, 0.0),
            self.crowd,
        )


def gather_evidence(
    model: HeadModel, performance: Performance, observations: Observations, options: FitOptions
) -> ShapeEvidence:
    """The evidence of the landmarks about a fitted performance, a group per camera.

    Args:
        model: that the performance was fitted with, its personal shape included.
        performance: of F frames and C cameras.
        observations: landmarks of the same frames and cameras; any L points of the surface.
        options: the softening and the robust kernel of the fit.
    """
    head = model.restrict(observations.points)
    points = _posed(head, performance)
    turns = _turns(head, performance)
    depths = np.stack([each.to_camera(points.mean(1))[:, 2] for each in performance.rig], axis=1)
    sigma = softened(observations, performance.rig, depths, options.sigma_floor, options.landmark_spread)
    count = len(observations.points)
    cameras = len(performance.rig)
    information, pull = np.zeros((cameras, count, 3, 3)), np.zeros((cameras, count, 3))
    energy = np.zeros((cameras, count))
    used = observations.used
    for frame, view in np.argwhere(used.any(-1)):
        camera = performance.rig.cameras[view]
        precision = np.where(used[frame, view], sigma[frame, view] ** -2.0, 0.0)
        mean = np.where(used[frame, view, :, None], observations.mean[frame, view], 0.0)
        residual = mean - camera.project(points[frame])
        weights = _weights(residual, precision, options)
        # d pixel / d offset = d pixel / d world  d world / d neutral
        rows = camera.jacobian(points[frame]) @ turns[frame]
        information[view] += np.einsum("l,lki,lkj->lij", weights, rows, rows)
        pull[view] += np.einsum("l,lki,lk->li", weights, rows, residual)
        energy[view] += 0.5 * weights * (residual * residual).sum(-1)
    neutral = observations.points.evaluate(mean_head(model))
    return ShapeEvidence(information, pull, energy, used.sum(0).astype(np.float64), crowding(neutral))


def crowding(points: Array) -> Array:
    """(L,) how many of points (L, 3) are at each of them, counted by a Gaussian of :data:`CROWD`."""
    tree = KDTree(points)
    pairs = tree.sparse_distance_matrix(tree, 3 * CROWD, output_type="coo_matrix")
    near = np.exp(-0.5 * (pairs.data / CROWD) ** 2)
    return np.asarray(np.bincount(pairs.row, near, minlength=len(points)))


def _weights(residual: Array, precision: Array, options: FitOptions) -> Array:
    """(L,) 1 / px^2 of residuals (L, 2), the robust kernel's slope included."""
    squared = torch.as_tensor(precision * (residual * residual).sum(-1))
    return np.asarray(precision * influence(options.robust, squared, options.robust_scale).numpy())


@torch.no_grad()
def _posed(head: HeadPoints, performance: Performance) -> Array:
    """(F, L, 3) metres in the world."""
    like = head.weights
    rows = (torch.as_tensor(each).to(like) for each in (performance.expression, performance.pose))
    identity = torch.as_tensor(performance.identity).to(like)
    posed = [head(identity, expression, pose) for expression, pose in zip(*rows, strict=True)]
    return np.asarray(torch.stack(posed).cpu().numpy(), dtype=np.float64)


@torch.no_grad()
def _turns(head: HeadPoints, performance: Performance) -> Array:
    """(F, L, 3, 3) how an offset of the neutral at each landmark turns with the skin."""
    like = head.weights
    joints = head.vertices.joints(torch.as_tensor(performance.identity).to(like))
    rotations, _ = joint_transforms(joints, torch.as_tensor(performance.pose).to(like))
    corners = head.vertices.skin_weights[head.corners]
    weights = torch.einsum("li,lik->lk", head.weights, corners)
    turns = torch.einsum("lk,fkij->flij", weights, rotations)
    return np.asarray(turns.cpu().numpy(), dtype=np.float64)
