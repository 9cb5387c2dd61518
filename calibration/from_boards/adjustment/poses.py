"""Poses of the board: from one image, and from all the images that several known cameras took of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import (
    Images,
    State,
    board_derivatives,
    image_rms,
    residuals,
)
from calibration.from_boards.adjustment.normal_equations import add_by
from calibration.lens import undistort

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HALF_TURN = np.diag([-1.0, -1.0, 1.0])
"""Turns the board by 180 degrees in its plane, which some boards do not show (`Board.turned`)."""

MINIMUM_CORNERS = 6
"""The fewest corners of an image that tell where the board is, and that it is the board."""

_STEPS = 25
_TOLERANCE = 1e-7
_MAX_DAMPING = 1e3
# Corners nearly on a line do not tell how the board is tilted: the least width of their spread, as a share
# of its length.
_LEAST_WIDTH = 0.05
# A board is placed by the image whose own pose explains the others best; this many are tried.
_MAX_CANDIDATES = 6


@dataclass(frozen=True)
class Sightings:
    """The M images in which a board was found and fits the lens.

    Attributes:
        camera: (M,) index of the camera.
        frame: (M,) frame number.
        pixels: (M, N, 2) corners, NaN where one is not seen.
        R: (M, 3, 3) board to camera, from this image alone.
        t: (M, 3) metres.
        rms: (M,) RMS in pixels of the corners for that pose.
    """

    camera: Ints
    frame: Ints
    pixels: Array
    R: Array
    t: Array
    rms: Array

    @classmethod
    def joined(cls, parts: Sequence[Sightings]) -> Sightings:
        """The images of all parts, in their order."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def __len__(self) -> int:
        return len(self.camera)

    def take(self, index: Ints | Bools) -> Sightings:
        """Some of the images."""
        return Sightings(*(getattr(self, field.name)[index] for field in fields(self)))

    def turned(self, backwards: Bools, order: Ints) -> Sightings:
        """The same images with the corners of those marked (M,) listed in another order (N,)."""
        pixels = np.where(backwards[:, None, None], self.pixels[:, order], self.pixels)
        R = np.where(backwards[:, None, None], self.R @ HALF_TURN, self.R)
        return replace(self, pixels=pixels, R=R)


@dataclass(frozen=True)
class Placed:
    """Board poses that best explain their images: state with boards, and the RMS (M,) px of each image."""

    state: State
    images: Images
    rms: Array


def tells_pose(pixels: Array, points: Array) -> bool:
    """Whether corners (N, 2), NaN where not seen, of board points (N, 3) are enough to place the board."""
    seen = np.isfinite(pixels).all(axis=-1)
    if seen.sum() < MINIMUM_CORNERS:
        return False
    spread = np.linalg.svd(points[seen, :2] - points[seen, :2].mean(axis=0), compute_uv=False)
    return bool(spread[1] > _LEAST_WIDTH * spread[0])


def poses_in_camera(lens: Array, fisheye: bool, pixels: Array, points: Array) -> Placed:
    """Board poses in the axes of one camera at the origin, each from one image.

    A plane seen from afar has two poses that look alike; both are refined and the better one is kept.

    Args:
        lens: (LENS_SIZE,) of the camera.
        fisheye: whether it is a fisheye.
        pixels: (M, N, 2) corners, each image with enough of them (:func:`tells_pose`).
        points: (N, 3) board points in metres.
    """
    ideal = undistort((pixels - lens[2:4]) / lens[:2], lens[4:], fisheye)
    pairs = [_planar_poses(corners, points) for corners in ideal]
    R = np.array([pair[0] for pair in pairs]).reshape(-1, 3, 3)
    t = np.array([pair[1] for pair in pairs]).reshape(-1, 3)
    count = len(pixels)
    alone = State(lens[None], np.array([fisheye]), np.eye(3)[None], np.zeros((1, 3)), R, t)
    twice = Images(np.zeros(2 * count, np.int64), np.arange(2 * count), np.repeat(pixels, 2, axis=0))
    placed = fit_boards(alone, twice, points)
    best = np.arange(count) * 2 + placed.rms.reshape(count, 2).argmin(axis=1)
    state = replace(
        placed.state,
        board_rotation=placed.state.board_rotation[best],
        board_translation=placed.state.board_translation[best],
    )
    images = Images(np.zeros(count, np.int64), np.arange(count), pixels)
    return Placed(state, images, placed.rms[best])


def _planar_poses(ideal: Array, points: Array) -> tuple[Array, Array]:
    """The two poses (2, 3, 3), (2, 3) of a plane seen at normalised coordinates (N, 2), NaN where not."""
    seen = np.isfinite(ideal).all(axis=-1)
    _, turns, shifts, _ = cv2.solvePnPGeneric(
        points[seen], np.ascontiguousarray(ideal[seen]), np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
    )
    order = [0, min(1, len(turns) - 1)]
    R = np.array([cv2.Rodrigues(turns[index])[0] for index in order])
    return R, np.array([shifts[index].ravel() for index in order])


def board_ids(sightings: Sightings, agreeing: Bools) -> Ints:
    """Ids of board poses (M,) from 0: one for the agreeing images of a frame, one for each other image."""
    own = np.where(agreeing, -1, sightings.camera)
    return np.unique(np.stack((sightings.frame, own)), axis=1, return_inverse=True)[1].reshape(-1)


def place_boards(state: State, sightings: Sightings, board: Ints, points: Array) -> Placed:
    """One board pose in the world for each id in `board` (M,), from known cameras (plain least squares).

    Args:
        state: its cameras are used, its boards are not.
        sightings: M images; several of the same id share one pose.
        board: (M,) ids from 0 without gaps.
        points: (N, 3) board points in metres.
    """
    images = Images(sightings.camera, board, sightings.pixels)
    R, t = state.camera_rotation[sightings.camera], state.camera_translation[sightings.camera]
    inverse = R.transpose(0, 2, 1)
    world_R = inverse @ sightings.R
    world_t = np.einsum("mij,mj->mi", inverse, sightings.t - t)
    best = _best_candidates(state, images, points, world_R, world_t)
    state = replace(state, board_rotation=world_R[best], board_translation=world_t[best])
    return fit_boards(state, images, points)


def _best_candidates(state: State, images: Images, points: Array, R: Array, t: Array) -> Ints:
    """For each board, the image whose own pose (R, t in the world) explains all its images best."""
    tried = [(_some(members), members) for members in _members(images.board)]
    pairs = np.array([pair for some, members in tried for pair in product(some, members)])
    source, seen = pairs.T
    trial = replace(state, board_rotation=R[source], board_translation=t[source])
    shown = Images(images.camera[seen], np.arange(len(pairs)), images.pixels[seen])
    squared = image_rms(residuals(trial, shown, points)) ** 2
    total = np.bincount(source, weights=squared, minlength=len(R))
    return np.array([some[total[some].argmin()] for some, _ in tried], dtype=np.int64)


def _some(members: Ints) -> Ints:
    """The images whose poses are tried, evenly spread among the members."""
    return members[:: max(1, len(members) // _MAX_CANDIDATES)]


def _members(ids: Ints) -> Iterator[Ints]:
    """The positions of each id, for ids from 0 without gaps."""
    order = np.argsort(ids, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(ids[order])) + 1)


def fit_boards(state: State, images: Images, points: Array) -> Placed:
    """Refine all board poses at once, each by its own Levenberg-Marquardt, with the cameras held."""
    rotation, translation = state.board_rotation.copy(), state.board_translation.copy()
    damping = np.full(len(rotation), 1e-4)
    cost = _board_cost(state, images, points)
    active = np.arange(len(rotation))
    for _ in range(_STEPS):
        chosen = np.isin(images.board, active)
        part = replace(images.take(chosen), board=np.searchsorted(active, images.board[chosen]))
        now = replace(state, board_rotation=rotation[active], board_translation=translation[active])
        trial = now.boards_moved(_board_steps(now, part, points, damping[active]))
        trial_cost = _board_cost(trial, part, points)
        better = trial_cost < cost[active]
        moved = active[better]
        rotation[moved], translation[moved] = trial.board_rotation[better], trial.board_translation[better]
        settled = better & (cost[active] - trial_cost <= _TOLERANCE * cost[active])
        cost[moved] = trial_cost[better]
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10).clip(1e-12)
        active = active[~settled & (damping[active] < _MAX_DAMPING)]
        if not len(active):
            break
    state = replace(state, board_rotation=rotation, board_translation=translation)
    return Placed(state, images, image_rms(residuals(state, images, points)))


def _board_steps(state: State, images: Images, points: Array, damping: Array) -> Array:
    """The damped Gauss-Newton step (B, 6) of each board."""
    seen = images.seen[..., None]
    error = np.where(seen, residuals(state, images, points), 0.0)
    error = error.reshape(len(error), -1, 1)
    jacobian = (board_derivatives(state, images, points) * seen[..., None]).reshape(*error.shape[:2], 6)
    left, right = np.zeros((len(damping), 6, 6)), np.zeros((len(damping), 6))
    add_by(left, images.board, jacobian.transpose(0, 2, 1) @ jacobian)
    add_by(right, images.board, (jacobian.transpose(0, 2, 1) @ error)[..., 0])
    diagonal = np.einsum("bii->bi", left)[:, :, None] * np.eye(6)
    return np.asarray(-np.linalg.solve(left + damping[:, None, None] * diagonal, right[..., None])[..., 0])


def _board_cost(state: State, images: Images, points: Array) -> Array:
    squared = np.nansum(residuals(state, images, points) ** 2, axis=(1, 2))
    cost = np.bincount(images.board, weights=squared, minlength=len(state.board_rotation))
    return np.asarray(cost, dtype=np.float64)
