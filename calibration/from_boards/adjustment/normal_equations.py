"""Normal equations of cameras, board points and board poses, with the board poses eliminated.

Each image of a board touches one camera and one board pose. A board pose that one camera alone sees couples
nothing but the unknowns of that camera (and the board's points), so such poses are eliminated camera by
camera; those that several cameras share are eliminated together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csr_array

from calibration.from_boards.adjustment.board_images import Derivatives, Images, State, derivatives

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_CHUNK = 256
"""Images whose derivatives are held in memory at once."""


@dataclass(frozen=True)
class Free:
    """Which unknowns may change besides the board poses, which always may.

    Attributes:
        cameras: (C, CAMERA_SIZE) of the cameras.
        points: (N, 3) of the board's points.
    """

    cameras: Bools
    points: Bools

    @property
    def index(self) -> Ints:
        """(F,) positions of the free unknowns among those of all cameras, then of all points."""
        return np.flatnonzero(np.concatenate((self.cameras.ravel(), self.points.ravel())))

    def spread(self, values: Array) -> tuple[Array, Array]:
        """Values (F,) of the free unknowns as (C, CAMERA_SIZE) and (N, 3), 0 where held."""
        full = np.zeros(self.cameras.size + self.points.size)
        full[self.index] = values
        split = self.cameras.size
        return full[:split].reshape(self.cameras.shape), full[split:].reshape(self.points.shape)


@dataclass(frozen=True)
class _Group:
    """Board poses (b,), the free unknowns (g,) that they couple, and the mixed second derivatives."""

    rows: Ints
    boards: Ints
    mixed: Array  # (g, b, 6)


@dataclass(frozen=True)
class System:
    """Normal equations; F free unknowns of cameras and points, B board poses.

    Attributes:
        matrix: (F, F) before the elimination.
        gradient: (F,).
        boards: (B, 6, 6).
        board_gradient: (B, 6).
        groups: how the two are coupled.
    """

    matrix: Array
    gradient: Array
    boards: Array
    board_gradient: Array
    groups: list[_Group]

    def reduced(self, damping: float) -> tuple[Array, Array, Array]:
        """The damped system without the boards (F, F), its right side (F,), and inverses (B, 6, 6)."""
        diagonal = np.einsum("bii->bi", self.boards)[:, :, None] * np.eye(6)
        inverse = np.linalg.inv(self.boards + damping * diagonal)
        matrix, right = self.matrix.copy(), -self.gradient
        matrix[np.diag_indices_from(matrix)] *= 1 + damping
        for group in self.groups:
            size = len(group.rows)
            carried = (group.mixed.transpose(1, 0, 2) @ inverse[group.boards]).transpose(1, 0, 2)
            flat = carried.reshape(size, -1)
            matrix[np.ix_(group.rows, group.rows)] -= flat @ group.mixed.reshape(size, -1).T
            right[group.rows] += flat @ self.board_gradient[group.boards].ravel()
        return matrix, right, inverse

    def step(self, damping: float) -> tuple[Array, Array] | None:
        """The damped Gauss-Newton step of the free unknowns (F,) and boards (B, 6); None if there is none."""
        matrix, right, inverse = self.reduced(damping)
        try:
            free = cho_solve(cho_factor(matrix), right) if len(right) else right
        except LinAlgError:
            return None
        remaining = self.board_gradient.copy()
        for group in self.groups:
            remaining[group.boards] += np.einsum("gbk,g->bk", group.mixed, free[group.rows])
        return free, -(inverse @ remaining[..., None])[..., 0]


def assemble(state: State, images: Images, points: Array, error: Array, weight: Array, free: Free) -> System:
    """The normal equations of weighted residuals.

    Args:
        state: where to linearise.
        images: M images.
        points: (N, 3) board points in metres.
        error: (M, N, 2) residuals in pixels, 0 where a corner is not seen.
        weight: (M, N) weights, 0 where a corner is not seen.
        free: which unknowns may change.
    """
    sums = _Sums(free, len(images.camera), len(state.board_rotation))
    for start in range(0, len(images.camera), _CHUNK):
        part = slice(start, start + _CHUNK)
        some = images.take(part)
        sums.add(part, some, derivatives(state, some, points), error[part], weight[part])
    return sums.system(images)


class _Sums:
    """Sums of products of derivatives over images, by camera, board and point."""

    def __init__(self, free: Free, images: int, boards: int) -> None:
        self.free = free
        self.columns = np.flatnonzero(free.cameras.any(axis=0))
        self.with_points = bool(free.points.any())
        cameras, width, points = len(free.cameras), len(self.columns), len(free.points)
        self.cameras = np.zeros((cameras, width, width))
        self.camera_gradient = np.zeros((cameras, width))
        self.boards = np.zeros((boards, 6, 6))
        self.board_gradient = np.zeros((boards, 6))
        self.mixed = np.zeros((images, width, 6))
        if self.with_points:
            self.points = np.zeros((points, 3, 3))
            self.point_gradient = np.zeros((points, 3))
            self.camera_points = np.zeros((cameras, width, points, 3))
            self.board_points = np.zeros((boards, 6, points, 3))

    def add(self, part: slice, images: Images, by: Derivatives, error: Array, weight: Array) -> None:
        """Add the images of one chunk."""
        flat = (len(images.camera), error[0].size)
        camera = by.by_camera[..., self.columns].reshape(*flat, len(self.columns))
        board = by.by_board.reshape(*flat, 6)
        rows = np.repeat(weight, 2, axis=-1)[:, None]
        weighted_camera, weighted_board = camera.transpose(0, 2, 1) * rows, board.transpose(0, 2, 1) * rows
        left = error.reshape(*flat, 1)
        add_by(self.cameras, images.camera, weighted_camera @ camera)
        add_by(self.camera_gradient, images.camera, (weighted_camera @ left)[..., 0])
        add_by(self.boards, images.board, weighted_board @ board)
        add_by(self.board_gradient, images.board, (weighted_board @ left)[..., 0])
        self.mixed[part] = weighted_camera @ board
        if self.with_points:
            self._add_points(images, by, error, weight)

    def _add_points(self, images: Images, by: Derivatives, error: Array, weight: Array) -> None:
        weighted = by.by_point * weight[..., None, None]
        self.points += np.einsum("mnak,mnal->nkl", weighted, by.by_point, optimize=True)
        self.point_gradient += np.einsum("mnak,mna->nk", weighted, error)
        camera = np.moveaxis(by.by_camera[..., self.columns], -1, -2) @ weighted
        add_by(self.camera_points, images.camera, camera.transpose(0, 2, 1, 3))
        board = np.moveaxis(by.by_board, -1, -2) @ weighted
        add_by(self.board_points, images.board, board.transpose(0, 2, 1, 3))

    def system(self, images: Images) -> System:
        """The sums as normal equations of the free unknowns; the images in the order that was added."""
        order, cameras = self._order(), len(self.free.cameras)
        width = len(self.columns)
        matrix = np.zeros((cameras, width, cameras, width))
        matrix[np.arange(cameras), :, np.arange(cameras)] = self.cameras
        dense = matrix.reshape(cameras * width, cameras * width)
        gradient = self.camera_gradient.ravel()
        if self.with_points:
            size = self.points.shape[0] * 3
            points = np.zeros((size // 3, 3, size // 3, 3))
            points[np.arange(size // 3), :, np.arange(size // 3)] = self.points
            across = self.camera_points.reshape(cameras * width, size)
            dense = np.block([[dense, across], [across.T, points.reshape(size, size)]])
            gradient = np.concatenate((gradient, self.point_gradient.ravel()))
        return System(
            dense[np.ix_(order, order)],
            gradient[order],
            self.boards,
            self.board_gradient,
            [group for group in self._groups(images) if len(group.rows)],
        )

    def _order(self) -> Ints:
        """(F,) where the free unknowns are among the columns that are summed up."""
        kept = [self.free.cameras[:, self.columns].ravel()]
        return np.flatnonzero(np.concatenate([*kept, self.free.points.ravel()] if self.with_points else kept))

    def _groups(self, images: Images) -> list[_Group]:
        """All boards that several cameras share, then for each camera those that it sees alone."""
        count = np.bincount(images.board, minlength=len(self.boards))
        alone = count[images.board] == 1
        cameras = np.arange(len(self.free.cameras))
        groups = [self._group(np.flatnonzero(~alone), images, cameras)] if (~alone).any() else []
        for camera in np.unique(images.camera[alone]):
            mine = np.flatnonzero(alone & (images.camera == camera))
            groups.append(self._group(mine, images, np.array([camera])))
        return groups

    def _group(self, members: Ints, images: Images, cameras: Ints) -> _Group:
        """The coupling of some images; `cameras` are the only ones that took them."""
        boards, column = np.unique(images.board[members], return_inverse=True)
        mixed = np.zeros((len(cameras), len(boards), len(self.columns), 6))
        place = np.searchsorted(cameras, images.camera[members])
        np.add.at(mixed, (place, column), self.mixed[members])
        free = self.free.cameras[:, self.columns]
        position = np.where(free, np.cumsum(free.ravel()).reshape(free.shape) - 1, -1)
        rows = position[cameras].ravel()
        flat = mixed.transpose(0, 2, 1, 3).reshape(len(rows), len(boards), 6)
        if self.with_points:
            of_points = self.board_points[boards].reshape(len(boards), 6, -1).transpose(2, 0, 1)
            chosen = np.flatnonzero(self.free.points.ravel())
            flat = np.concatenate((flat[rows >= 0], of_points[chosen]))
            return _Group(
                np.concatenate((rows[rows >= 0], free.sum() + np.arange(len(chosen)))), boards, flat
            )
        return _Group(rows[rows >= 0], boards, flat[rows >= 0])


def add_by(total: Array, ids: Ints, values: Array) -> None:
    """Add values (M, ...) to the entries (K, ...) of a total that their ids (M,) name."""
    unique, inverse = np.unique(ids, return_inverse=True)
    count = len(ids)
    chosen = csr_array((np.ones(count), (inverse, np.arange(count))), shape=(len(unique), count))
    summed = np.asarray(chosen @ values.reshape(count, -1))
    total[unique] += summed.reshape(len(unique), *values.shape[1:])
