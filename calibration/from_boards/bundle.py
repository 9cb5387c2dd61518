"""Bundle adjustment of cameras and board poses: Levenberg-Marquardt with analytic derivatives.

Each image of a board touches one camera (15 unknowns) and one board pose (6), so the board poses are
eliminated by their Schur complement and the system that is solved has 15 unknowns per camera only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.from_boards.board_images import (
    CAMERA_SIZE,
    LENS_SIZE,
    Images,
    State,
    derivatives,
    image_rms,
    residuals,
)

Array = NDArray[np.float64]

_MAX_DAMPING = 1e12


@dataclass(frozen=True)
class Prior:
    """Gaussian beliefs about the lenses: mean (C, 9) and sigma (C, 9); an infinite sigma is no belief."""

    mean: Array
    sigma: Array


@dataclass(frozen=True)
class Options:
    """How the adjustment is done.

    Attributes:
        robust_px: scale of the Cauchy loss in pixels; infinite for plain least squares.
        noise_px: noise of a corner in pixels, which weighs corners against the prior.
        max_iterations: the most steps that are tried.
        tolerance: relative decrease of the cost at which it is done.
    """

    robust_px: float = 1.0
    noise_px: float = 0.2
    max_iterations: int = 60
    tolerance: float = 1e-9


@dataclass(frozen=True)
class Adjusted:
    """The state, its residuals (M, N, 2) in pixels, and standard deviations (C, 15), 0 where held."""

    state: State
    residuals: Array
    deviations: Array

    @property
    def rms(self) -> Array:
        """(M,) RMS distance in pixels of the corners of each image."""
        return image_rms(self.residuals)


def adjust(
    state: State,
    images: Images,
    points: Array,
    free: NDArray[np.bool_],
    prior: Prior | None = None,
    options: Options | None = None,
) -> Adjusted:
    """Minimise the robust reprojection error over the board poses and the free unknowns of the cameras.

    Args:
        state: where to start.
        images: M images.
        points: (N, 3) board points in metres.
        free: (C, 15) which unknowns of the cameras may change; holding a camera's pose fixes the gauge.
        prior: beliefs about the lenses.
        options: loss and tolerances.
    """
    options = options or Options()
    problem = _Problem(images, points, free, prior, options)
    damping, cost = 1e-4, problem.cost(state)
    for _ in range(options.max_iterations):
        system = problem.linearise(state)
        previous = cost
        while damping < _MAX_DAMPING:
            candidate = problem.moved(state, *system.step(damping))
            candidate_cost = problem.cost(candidate)
            if candidate_cost < cost:
                state, cost, damping = candidate, candidate_cost, max(damping / 10, 1e-9)
                break
            damping *= 10
        if previous - cost <= options.tolerance * previous:
            break
        damping = min(damping, 1e3)
    left = residuals(state, images, points)
    return Adjusted(state, left, problem.deviations(state, left))


@dataclass(frozen=True)
class _System:
    """Normal equations in blocks; F free camera unknowns, B boards."""

    cameras: Array  # (F, F)
    boards: Array  # (B, 6, 6)
    mixed: Array  # (B, F, 6)
    camera_gradient: Array  # (F,)
    board_gradient: Array  # (B, 6)

    def reduced(self, damping: float) -> tuple[Array, Array]:
        """The Schur complement (F, F) of the board poses, and `mixed @ inverse(boards)` (B, F, 6)."""
        diagonal = np.einsum("bii->bi", self.boards)[:, :, None] * np.eye(6)
        inverse = np.linalg.inv(self.boards + damping * diagonal)
        carried = self.mixed @ inverse
        cameras = self.cameras + damping * np.diag(np.diag(self.cameras))
        return cameras - np.einsum("bik,bjk->ij", carried, self.mixed), carried

    def step(self, damping: float) -> tuple[Array, Array]:
        """The damped Gauss-Newton step of the free camera unknowns (F,) and of the boards (B, 6)."""
        reduced, carried = self.reduced(damping)
        right = self.camera_gradient - np.einsum("bik,bk->i", carried, self.board_gradient)
        cameras = -np.linalg.solve(reduced, right)
        diagonal = np.einsum("bii->bi", self.boards)[:, :, None] * np.eye(6)
        remaining = self.board_gradient + np.einsum("bik,i->bk", self.mixed, cameras)
        boards = -np.linalg.solve(self.boards + damping * diagonal, remaining[..., None])[..., 0]
        return cameras, boards


class _Problem:
    def __init__(
        self,
        images: Images,
        points: Array,
        free: NDArray[np.bool_],
        prior: Prior | None,
        options: Options,
    ) -> None:
        self.images, self.points, self.options = images, points, options
        self.shape = free.shape
        self.free = np.flatnonzero(free)
        self.prior_mean = np.zeros(free.shape)
        self.prior_weight = np.zeros(free.shape)
        if prior is not None:
            self.prior_mean[:, :LENS_SIZE] = prior.mean
            self.prior_weight[:, :LENS_SIZE] = (options.noise_px / prior.sigma) ** 2

    def _robust(self, error: Array) -> tuple[Array, Array]:
        """Cauchy's loss of errors (M, N, 2) and its weights, (M, N) each."""
        squared = (error**2).sum(-1)
        scale = self.options.robust_px**2
        if np.isinf(scale):
            return squared, np.ones_like(squared)
        return scale * np.log1p(squared / scale), 1 / (1 + squared / scale)

    def cost(self, state: State) -> float:
        """Half the robust squared error, in square pixels, with the prior."""
        loss, _ = self._robust(residuals(state, self.images, self.points))
        offset = state.lens - self.prior_mean[:, :LENS_SIZE]
        return float(loss.sum() + (self.prior_weight[:, :LENS_SIZE] * offset**2).sum()) / 2

    def linearise(self, state: State) -> _System:
        images = self.images
        error = residuals(state, images, self.points)
        weight = np.repeat(self._robust(error)[1], 2, axis=-1)
        by_camera, by_board = derivatives(state, images, self.points)
        error = error.reshape(len(error), -1)
        weighted_camera = by_camera * weight[..., None]
        weighted_board = by_board * weight[..., None]
        cameras, boards = self.shape[0], len(state.board_rotation)
        diagonal = np.zeros((cameras, CAMERA_SIZE, CAMERA_SIZE))
        np.add.at(diagonal, images.camera, weighted_camera.transpose(0, 2, 1) @ by_camera)
        full = np.zeros((cameras, CAMERA_SIZE, cameras, CAMERA_SIZE))
        full[np.arange(cameras), :, np.arange(cameras)] = diagonal
        gradient = np.zeros(self.shape)
        np.add.at(gradient, images.camera, np.einsum("mki,mk->mi", weighted_camera, error))
        gradient[:, :LENS_SIZE] += self.prior_weight[:, :LENS_SIZE] * (
            state.lens - self.prior_mean[:, :LENS_SIZE]
        )
        size = cameras * CAMERA_SIZE
        dense = full.reshape(size, size) + np.diag(self.prior_weight.ravel())
        board_blocks = np.zeros((boards, 6, 6))
        np.add.at(board_blocks, images.board, weighted_board.transpose(0, 2, 1) @ by_board)
        mixed = np.zeros((boards, cameras, CAMERA_SIZE, 6))
        np.add.at(mixed, (images.board, images.camera), weighted_camera.transpose(0, 2, 1) @ by_board)
        board_gradient = np.zeros((boards, 6))
        np.add.at(board_gradient, images.board, np.einsum("mki,mk->mi", weighted_board, error))
        return _System(
            dense[np.ix_(self.free, self.free)],
            board_blocks,
            mixed.reshape(boards, size, 6)[:, self.free],
            gradient.ravel()[self.free],
            board_gradient,
        )

    def moved(self, state: State, cameras: Array, boards: Array) -> State:
        step = np.zeros(self.shape)
        step.ravel()[self.free] = cameras
        turn = Rotation.from_rotvec(step[:, LENS_SIZE : LENS_SIZE + 3]).as_matrix()
        return replace(
            state.boards_moved(boards),
            lens=state.lens + step[:, :LENS_SIZE],
            camera_rotation=turn @ state.camera_rotation,
            camera_translation=state.camera_translation + step[:, LENS_SIZE + 3 :],
        )

    def deviations(self, state: State, left: Array) -> Array:
        """Standard deviations (C, 15) of the free unknowns, from the residuals that are left."""
        spread = np.zeros(self.shape)
        if len(self.free):
            _, weight = self._robust(left)
            unknowns = len(self.free) + 6 * len(state.board_rotation)
            variance = (weight * (left**2).sum(-1)).sum() / max(left.size - unknowns, 1)
            reduced, _ = self.linearise(state).reduced(0.0)
            spread.ravel()[self.free] = np.sqrt(_inverse_diagonal(reduced) * variance)
        return spread


def _inverse_diagonal(matrix: Array) -> Array:
    """The diagonal of the inverse of a positive matrix (F, F): huge, not cut off, where it is singular."""
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(scale[:, None] * matrix * scale)
    return np.asarray((vectors**2 / np.maximum(values, 1e-13)).sum(axis=1) * scale**2)
