"""The pose of a known rigid head in every image of every camera, each by itself (perspective-n-point)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]

MIN_LANDMARKS = 6
"""A head is placed by at least so many landmarks."""

MISMATCH = 0.004
"""Metres by which a landmark of an actor is usually beside that of the mean head."""

_ROUNDS = 12
_ROBUST_SCALE = 3.0
_MIN_DEPTH = 1e-2
# Beyond so many times the mismatch, at the median, SQPNP has followed wild landmarks.
_ASTRAY = 4.0


@dataclass(frozen=True, eq=False)
class Views:
    """Landmarks in N images, as a camera without lens or scale would see them; L landmarks.

    Attributes:
        ideal: (N, L, 2) normalised coordinates, finite throughout.
        sigma: (N, L) their standard deviation; infinite where not seen.
    """

    ideal: Array
    sigma: Array

    @property
    def enough(self) -> NDArray[np.bool_]:
        """(N,) whether an image has landmarks enough to place a head by."""
        return np.asarray(np.isfinite(self.sigma).sum(-1) >= MIN_LANDMARKS)

    def scaled(self, factor: float) -> Views:
        """The same images with all coordinates multiplied, as by another focal length."""
        return Views(self.ideal * factor, self.sigma * factor)


@dataclass(frozen=True, eq=False)
class HeadPoses:
    """`x_camera = R x_head + t` in N images.

    Attributes:
        rotation: (N, 3, 3). translation: (N, 3) metres.
        known: (N,) bool, false where no pose explains the image.
        cost: (N,) robust squared residual in sigmas, mean over the landmarks; 0 where not known.
    """

    rotation: Array
    translation: Array
    known: NDArray[np.bool_]
    cost: Array


def pose_heads(views: Views, head: Array) -> HeadPoses:
    """The pose of the head in each image: SQPNP, RANSAC where that went astray, then robust Gauss-Newton.

    Args:
        views: N images. head: (L, 3) landmarks of the head in metres, canonical.
    """
    count = len(views.ideal)
    rotation, translation = np.tile(np.eye(3), (count, 1, 1)), np.tile([0.0, 0.0, 1.0], (count, 1))
    known = views.enough.copy()
    for index in np.flatnonzero(known):
        seen = np.isfinite(views.sigma[index])
        found = _first_pose(views.ideal[index, seen], head[seen])
        if found is None:
            known[index] = False
        else:
            rotation[index], translation[index] = found
    return refine_poses(views, head, HeadPoses(rotation, translation, known, np.zeros(count)))


def refine_poses(views: Views, head: Array, start: HeadPoses, rounds: int = _ROUNDS) -> HeadPoses:
    """Poses that minimise Geman and McClure's kernel of the residuals, weighted by sigma.

    Sigma is widened by :data:`MISMATCH`, seen at the head's depth.

    Args:
        views: N images. head: (L, 3) metres. start: where to begin. rounds: of reweighted Gauss-Newton.
    """
    rotation, translation, known = start.rotation.copy(), start.translation.copy(), start.known
    for _ in range(rounds):
        problem = _Linearised.at(views, head, rotation, translation)
        step = problem.step()
        rotation = Rotation.from_rotvec(step[:, :3]).as_matrix() @ rotation
        # A step of more than half the depth would throw the head behind the camera.
        limit = 0.5 * np.maximum(translation[:, 2:], _MIN_DEPTH)
        translation = translation + np.clip(step[:, 3:], -limit, limit)
    cost = _Linearised.at(views, head, rotation, translation).cost
    good = known & np.isfinite(cost) & (translation[:, 2] > _MIN_DEPTH)
    return HeadPoses(
        np.where(good[:, None, None], rotation, np.eye(3)),
        np.where(good[:, None], translation, [0.0, 0.0, 1.0]),
        good,
        np.where(good, cost, 0.0),
    )


@dataclass(frozen=True, eq=False)
class _Linearised:
    """Residuals (N, L, 2), their weights (N, L), their derivatives (N, L, 2, 6), and the mean cost (N,)."""

    residual: Array
    weight: Array
    jacobian: Array
    cost: Array

    @classmethod
    def at(cls, views: Views, head: Array, rotation: Array, translation: Array) -> _Linearised:
        turned = head @ np.swapaxes(rotation, -1, -2)
        local = turned + translation[:, None]
        depth = np.maximum(local[..., 2], _MIN_DEPTH)
        ideal = local[..., :2] / depth[..., None]
        residual = ideal - views.ideal
        variance = views.sigma**2 + (MISMATCH / depth) ** 2
        squared = (residual**2).sum(-1) / variance
        bend = squared / _ROBUST_SCALE**2
        seen = np.isfinite(views.sigma)
        loss = np.where(seen, squared / (1 + bend), 0.0).sum(-1) / np.maximum(seen.sum(-1), 1)
        # d (x/z, y/z) / d point, and d point / d (rotation, translation) = (-[turned]_x, 1)
        by_point = np.zeros((*depth.shape, 2, 3))
        by_point[..., 0, 0] = by_point[..., 1, 1] = 1 / depth
        by_point[..., :, 2] = -ideal / depth[..., None]
        # row . (w x turned) = (turned x row) . w
        by_turn = np.cross(turned[..., None, :], by_point)
        jacobian = np.concatenate([by_turn, by_point], axis=-1)
        return cls(residual, np.where(seen, 1 / variance, 0.0) / (1 + bend) ** 2, jacobian, loss)

    def step(self) -> Array:
        """(N, 6) the Gauss-Newton step."""
        weighted = self.jacobian * self.weight[..., None, None]
        left = np.einsum("nlki,nlkj->nij", weighted, self.jacobian)
        right = -np.einsum("nlki,nlk->ni", weighted, self.residual)
        ridge = 1e-9 * np.trace(left, axis1=-2, axis2=-1) + 1e-12
        left = left + ridge[:, None, None] * np.eye(6)
        return np.asarray(np.linalg.solve(left, right[..., None])[..., 0])


def _first_pose(ideal: Array, head: Array) -> tuple[Array, Array] | None:
    """R (3, 3) and t (3,), head to camera, of ideal (l, 2) and head (l, 3); None if there is none."""
    points, pixels = np.ascontiguousarray(head), np.ascontiguousarray(ideal)
    found, vector, shift = cv2.solvePnP(points, pixels, np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP)
    pose = _checked(found, vector, shift)
    if pose is not None and _median_error(pose, ideal, head) < _ASTRAY * MISMATCH:
        return pose
    # The scatter of the image tells its scale: a head spreads over some 0.16 m.
    reach = 0.1 * float(np.median(np.abs(ideal - np.median(ideal, axis=0))))
    found, vector, shift, _ = cv2.solvePnPRansac(
        points, pixels, np.eye(3), None, reprojectionError=reach, flags=cv2.SOLVEPNP_SQPNP
    )
    return _checked(found, vector, shift) or pose


def _checked(found: bool, vector: Array, shift: Array) -> tuple[Array, Array] | None:
    if not found or not np.isfinite(vector).all() or not float(shift[2, 0]) > _MIN_DEPTH:
        return None
    return np.asarray(cv2.Rodrigues(vector)[0], dtype=np.float64), np.asarray(shift[:, 0], dtype=np.float64)


def _median_error(pose: tuple[Array, Array], ideal: Array, head: Array) -> float:
    """Metres at the head's depth between seen and projected landmarks, median."""
    local = head @ pose[0].T + pose[1]
    apart = local[:, :2] / np.maximum(local[:, 2:], _MIN_DEPTH) - ideal
    return float(np.median(np.linalg.norm(apart, axis=-1)) * pose[1][2])
