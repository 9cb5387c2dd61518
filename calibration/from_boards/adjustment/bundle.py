"""Bundle adjustment of cameras, board poses and the board itself: Levenberg-Marquardt, robust."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from calibration.from_boards.adjustment.board_images import (
    CAMERA_SIZE,
    LENS_SIZE,
    Images,
    State,
    image_rms,
    residuals,
)
from calibration.from_boards.adjustment.normal_equations import Free, System, assemble
from calibration.from_boards.adjustment.shape_prior import ShapePrior

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MAX_DAMPING = 1e12


@dataclass(frozen=True)
class Prior:
    """Gaussian beliefs about the lenses: mean and sigma (C, LENS_SIZE); an infinite sigma is no belief."""

    mean: Array
    sigma: Array


@dataclass(frozen=True)
class Options:
    """How the adjustment is done.

    Attributes:
        robust_px: scale of the Cauchy loss in pixels; infinite for plain least squares.
        noise_px: standard deviation of a corner's coordinate in pixels, which weighs corners against beliefs.
        max_iterations: the most steps that are tried.
        tolerance: relative decrease of the cost at which it is done.
    """

    robust_px: float = 1.0
    noise_px: float = 0.2
    max_iterations: int = 60
    tolerance: float = 1e-8


@dataclass(frozen=True)
class Uncertainty:
    """What noise does to the result; 0 where an unknown was held.

    Attributes:
        cameras: (C, CAMERA_SIZE, CAMERA_SIZE) covariances of each camera's unknowns.
        points: (N, 3) standard deviations of the board's points in metres.
    """

    cameras: Array
    points: Array


@dataclass(frozen=True, eq=False)
class Adjusted:
    """The state, the board's points (N, 3), and the residuals (M, N, 2) in pixels, NaN where not seen."""

    state: State
    points: Array
    residuals: Array
    _problem: _Problem = field(repr=False)

    @property
    def rms(self) -> Array:
        """(M,) RMS distance in pixels of the corners of each image."""
        return image_rms(self.residuals)

    @cached_property
    def noise_px(self) -> float:
        """Standard deviation of a corner's coordinate in pixels, by the residuals that are left."""
        return float(np.sqrt(self._problem.variance(self.state, self.points)))

    def noise_with(self, shape: ShapePrior) -> float:
        """The same, at most, if the board's points could be off too."""
        return float(np.sqrt(self._problem.variance_with(self.state, self.points, shape)))

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """How sure the free unknowns are, by the residuals that are left."""
        return self._problem.uncertainty(self.state, self.points)


def adjust(
    state: State,
    images: Images,
    points: Array,
    free: Bools,
    prior: Prior | None = None,
    options: Options | None = None,
    shape: ShapePrior | None = None,
) -> Adjusted:
    """Minimise the robust reprojection error over the board poses and the free unknowns of the cameras.

    Args:
        state: where to start.
        images: M images.
        points: (N, 3) board points in metres.
        free: (C, CAMERA_SIZE) which unknowns of the cameras may change; holding a camera's pose fixes the
            gauge.
        prior: beliefs about the lenses.
        options: loss and tolerances.
        shape: beliefs about the board's points, which may then change too; by default they are held.
    """
    options = options or Options()
    problem = _Problem(images, free, prior, options, shape)
    damping, cost = 1e-4, problem.cost(state, points)
    for _ in range(options.max_iterations):
        system = problem.linearise(state, points)
        previous = cost
        while damping < _MAX_DAMPING:
            step = system.step(damping)
            moved = None if step is None else problem.moved(state, points, *step)
            if moved is not None and (now := problem.cost(*moved)) < cost:
                (state, points), cost, damping = moved, now, max(damping / 10, 1e-9)
                break
            damping *= 10
        if previous - cost <= options.tolerance * previous:
            break
        damping = min(damping, 1e3)
    return Adjusted(state, points, residuals(state, images, points), problem)


class _Problem:
    """What is minimised, as a function of the state and of the board's points."""

    def __init__(
        self, images: Images, free: Bools, prior: Prior | None, options: Options, shape: ShapePrior | None
    ) -> None:
        self.images, self.options, self.shape = images, options, shape
        held = np.zeros((images.pixels.shape[1], 3), dtype=bool)
        self.free = Free(free, held if shape is None else shape.free)
        lenses = (len(free), LENS_SIZE)
        self.mean = np.zeros(lenses) if prior is None else prior.mean
        self.weight = np.zeros(lenses) if prior is None else (options.noise_px / prior.sigma) ** 2

    def _robust(self, error: Array) -> tuple[Array, Array]:
        """Cauchy's loss of errors (M, N, 2) and its weights, (M, N) each; 0 where a corner is not seen."""
        squared = (error**2).sum(-1)
        seen = np.isfinite(squared)
        squared = np.where(seen, squared, 0.0)
        scale = self.options.robust_px**2
        if np.isinf(scale):
            return squared, seen.astype(np.float64)
        return scale * np.log1p(squared / scale), seen / (1 + squared / scale)

    def cost(self, state: State, points: Array) -> float:
        """Half the robust squared error, in square pixels, with the beliefs."""
        loss, _ = self._robust(residuals(state, self.images, points))
        total = float(loss.sum() + (self.weight * (state.lens - self.mean) ** 2).sum()) / 2
        return total if self.shape is None else total + self.shape.cost(points, self.options.noise_px)

    def linearise(self, state: State, points: Array) -> System:
        error = residuals(state, self.images, points)
        _, weight = self._robust(error)
        system = assemble(state, self.images, points, np.nan_to_num(error), weight, self.free)
        self._add_beliefs(system, state, points)
        return system

    def _add_beliefs(self, system: System, state: State, points: Array) -> None:
        cameras = np.zeros(self.free.cameras.shape)
        cameras[:, :LENS_SIZE] = self.weight
        gradient = np.zeros(cameras.shape)
        gradient[:, :LENS_SIZE] = self.weight * (state.lens - self.mean)
        chosen = self.free.cameras
        count = int(chosen.sum())
        system.matrix[np.arange(count), np.arange(count)] += cameras[chosen]
        system.gradient[:count] += gradient[chosen]
        if self.shape is not None:
            matrix, by_points = self.shape.quadratic(points, self.options.noise_px)
            system.matrix[count:, count:] += matrix
            system.gradient[count:] += by_points

    def moved(self, state: State, points: Array, free: Array, boards: Array) -> tuple[State, Array]:
        cameras, shift = self.free.spread(free)
        return state.boards_moved(boards).cameras_moved(cameras), points + shift

    def variance(self, state: State, points: Array, gain: float = 0.0, more: int = 0) -> float:
        """Of a corner's coordinate, in square pixels; if more unknowns took a gain out of the squares."""
        left = residuals(state, self.images, points)
        _, weight = self._robust(left)
        unknowns = len(self.free.index) + 6 * len(state.board_rotation) + more
        squared = (weight * np.nan_to_num((left**2).sum(-1))).sum() - gain
        return float(squared / max(2 * int(self.images.seen.sum()) - unknowns, 1))

    def variance_with(self, state: State, points: Array, shape: ShapePrior) -> float:
        """The same after a step of the board's points alone."""
        error = residuals(state, self.images, points)
        _, weight = self._robust(error)
        free = Free(np.zeros_like(self.free.cameras), shape.free)
        system = assemble(state, self.images, points, np.nan_to_num(error), weight, free)
        stiff, _ = shape.quadratic(points, self.options.noise_px)
        gain = float(system.gradient @ np.linalg.solve(system.matrix + stiff, system.gradient))
        return self.variance(state, points, gain, len(system.gradient))

    def uncertainty(self, state: State, points: Array) -> Uncertainty:
        reduced, _, _ = self.linearise(state, points).reduced(0.0)
        root = np.sqrt(self.variance(state, points)) * _inverse_root(reduced)
        cameras = np.zeros((len(self.free.cameras), CAMERA_SIZE, CAMERA_SIZE))
        start = 0
        for index, chosen in enumerate(self.free.cameras):
            mine = root[:, start : start + int(chosen.sum())]
            cameras[np.ix_([index], chosen, chosen)] = mine.T @ mine
            start += mine.shape[1]
        deviations = np.zeros(self.free.points.shape)
        deviations[self.free.points] = np.sqrt((root[:, start:] ** 2).sum(axis=0))
        return Uncertainty(cameras, deviations)


def _inverse_root(matrix: Array) -> Array:
    """A root (F, F) of the inverse, `root.T @ root`, of a positive matrix: huge, not cut off, if singular."""
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    scaled = scale[:, None] * matrix * scale
    try:
        return np.asarray(solve_triangular(cholesky(scaled, lower=True), np.diag(scale), lower=True))
    except LinAlgError:
        values, vectors = np.linalg.eigh(scaled)
        return np.asarray(vectors.T * scale / np.sqrt(np.maximum(values, 1e-13))[:, None])
