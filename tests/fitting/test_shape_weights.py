"""Weights of blend shapes: exact where the data is, calm where it says little."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from fitting.topology import shape_weights
from fitting.topology.shape_weights import Explained, solve_weights
from tests.fitting.scenes import head

Array = NDArray[np.float64]

FRAMES = np.arange(1001, 1081)


def shapes() -> Array:
    """(52, N) ours, in metres."""
    return np.asarray(head().expression_basis.numpy().reshape(52, -1), np.float64)


def take(seed: int = 0) -> Array:
    """(F, 52) weights that rise and fall, at their bounds at times, and a wink of five frames."""
    rng = np.random.default_rng(seed)
    time = np.arange(len(FRAMES))[:, None]
    waves = np.sin(time * rng.uniform(0.02, 0.15, 52) + rng.uniform(0, 6, 52))
    weights = np.clip(0.45 + 0.6 * waves, 0, 1) * rng.uniform(0.2, 1, 52)
    weights[:, 7] = 0.0
    weights[40:45, 7] = [0.3, 0.9, 1.0, 0.7, 0.2]
    return np.asarray(weights)


def explained(basis: Array, frames: Array) -> Explained:
    return Explained(basis @ basis.T, frames @ basis.T, (frames**2).sum(axis=1), basis.shape[1])


def jitter(weights: Array) -> float:
    """Root mean square of the second differences."""
    return float(np.sqrt(np.mean(np.diff(weights, 2, axis=0) ** 2)))


def test_exact_frames_give_the_weights_back() -> None:
    """To a thousandth, fast winks included: nothing is smoothed where nothing is unsure."""
    problem = explained(shapes(), take() @ shapes())
    found = solve_weights(problem, FRAMES, (0.0, 1.0))
    assert np.abs(found - take()).max() < 1e-3
    assert problem.residual(found).max() < 1e-6


def test_it_is_the_least_squares_within_the_bounds() -> None:
    """Without a tie between frames each is what SciPy's solver finds for it alone."""
    rng = np.random.default_rng(1)
    basis, frames = rng.normal(size=(9, 60)), rng.normal(size=(3, 60))
    problem = explained(basis, frames)
    found = solve_weights(problem, FRAMES[:3], (-0.1, 0.2), step=np.inf)
    left = (problem.residual(lsq(basis, frames)) ** 2).mean()
    ridge = np.concatenate([basis.T, np.sqrt(1e-6 * np.diag(np.diag(basis @ basis.T)) + left * np.eye(9))])
    for weights, frame in zip(found, frames, strict=True):
        best = lsq_linear(ridge, np.r_[frame, np.zeros(9)], (-0.1, 0.2), method="bvls").x
        np.testing.assert_allclose(weights, best, atol=1e-7)
    assert (found == 0.2).any()
    assert (found == -0.1).any()


def lsq(basis: Array, frames: Array) -> Array:
    return np.array([lsq_linear(basis.T, frame, (-0.1, 0.2), method="bvls").x for frame in frames])


@pytest.mark.parametrize("noise", [1e-4, 3e-4])
def test_noise_does_not_make_the_weights_jitter(noise: float) -> None:
    """With noise of 0.1 and 0.3 mm on every coordinate the weights are still more than twice as calm as
    without the tie between frames, closer to the truth, and the wink keeps its height.
    """
    basis = shapes()
    frames = take() @ basis + np.random.default_rng(3).normal(0.0, noise, (len(FRAMES), basis.shape[1]))
    problem = explained(basis, frames)
    calm = solve_weights(problem, FRAMES, (0.0, 1.0))
    alone = solve_weights(problem, FRAMES, (0.0, 1.0), step=np.inf)
    assert jitter(calm) < 0.5 * jitter(alone)
    errors = [float(np.sqrt(np.mean((found - take()) ** 2))) for found in (calm, alone)]
    assert errors[0] < 0.6 * errors[1]
    assert errors[0] < 0.03
    assert calm[42, 7] > 0.95
    assert calm[38, 7] < 0.05


def test_a_gap_in_the_numbers_unties_what_lies_on_either_side() -> None:
    """A jump across a hundred missing frames stays one; the same between neighbours is softened."""
    basis = shapes()[:6]
    weights = np.zeros((20, 6))
    weights[10:, 2] = 1.0
    noise = np.random.default_rng(4).normal(0.0, 4e-3, (20, basis.shape[1]))
    problem = explained(basis, weights @ basis + noise)
    gap = np.r_[1001:1011, 1111:1121]
    tied, untied = (solve_weights(problem, frames, (-1.0, 2.0))[9:11, 2] for frames in (np.arange(20), gap))
    assert np.diff(untied)[0] > np.diff(tied)[0] + 0.05


def test_shapes_that_do_the_same_do_not_fight() -> None:
    """Twins share their weight evenly and steadily, whatever the noise."""
    basis = np.concatenate([shapes()[:8], shapes()[:8]])
    rng = np.random.default_rng(6)
    frames = take()[:, :8] @ shapes()[:8] + rng.normal(0.0, 1e-4, (len(FRAMES), basis.shape[1]))
    found = solve_weights(explained(basis, frames), FRAMES, (0.0, 1.0))
    np.testing.assert_allclose(found[:, :8], found[:, 8:], atol=1e-3)
    np.testing.assert_allclose(found[:, :8] + found[:, 8:], take()[:, :8], atol=0.03)


def test_a_long_take_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are solved in windows; where two meet, the weights are those of one solve of all."""
    rng = np.random.default_rng(7)
    basis, count = rng.normal(size=(4, 40)), 330
    weights = 0.5 + 0.3 * np.sin(np.arange(count)[:, None] * rng.uniform(0.02, 0.1, 4))
    problem = explained(basis, weights @ basis + rng.normal(0, 0.2, (count, 40)))
    found = solve_weights(problem, np.arange(count), (0.0, 1.0))
    monkeypatch.setattr(shape_weights, "_WINDOW", count)
    np.testing.assert_allclose(found, solve_weights(problem, np.arange(count), (0.0, 1.0)), atol=1e-6)
