"""Mixtures of Gaussians with full covariances, fitted by expectation and maximisation (Dempster et al. 1977).

In 150 dimensions a covariance has more numbers than a component has heads to tell them by, so that each one
is drawn towards the covariance that all components share; how many components there are is decided by heads
that the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Array = NDArray[np.float32]

COUNTS = (1, 2, 4, 8)
HELD_OUT = 0.2
"""Share of the samples by which the number of components is decided."""

_TRIED = 8_000  # samples that the candidates are fitted to
_SHARED = 300.0  # samples that the shared covariance counts for in each component's own
_ITERATIONS = 12
_SEED = 2022


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """`p(x) = sum_g weights[g] N(x | means[g], covariances[g])` (W22 section 3.2).

    Attributes:
        weights: (G,) summing to one. means: (G, B). covariances: (G, B, B).
    """

    weights: Array
    means: Array
    covariances: Array

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def standard(cls, size: int) -> GaussianMixture:
        """The standard normal distribution, as a mixture of one."""
        return cls(
            np.ones(1, np.float32), np.zeros((1, size), np.float32), np.eye(size, dtype=np.float32)[None]
        )

    def log_density(self, samples: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N,) nats, of samples (N, B)."""
        return np.asarray(logsumexp(self.joint_log_density(samples), axis=1), np.float64)

    def joint_log_density(self, samples: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, G) nats: the log density of each sample (N, B) with each component, weights included."""
        size = samples.shape[1]
        columns = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            factor = np.linalg.cholesky(covariance.astype(np.float64))
            whitening = np.linalg.inv(factor).astype(samples.dtype)
            whitened = (samples - mean.astype(samples.dtype)) @ whitening.T
            volume = np.log(np.diag(factor)).sum() + 0.5 * size * np.log(2 * np.pi)
            squared = np.einsum("ni,ni->n", whitened, whitened, dtype=np.float64)
            columns.append(np.log(float(weight)) - volume - 0.5 * squared)
        return np.stack(columns, axis=1)

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Random samples (count, B)."""
        chances = self.weights.astype(np.float64)
        chosen = rng.choice(len(self), count, p=chances / chances.sum())
        factors = np.linalg.cholesky(self.covariances.astype(np.float64))
        draws = rng.normal(size=(count, self.means.shape[1]))
        return np.asarray(self.means[chosen] + np.einsum("nij,nj->ni", factors[chosen], draws))


def choose_mixture(samples: NDArray[np.floating], counts: tuple[int, ...] = COUNTS) -> GaussianMixture:
    """The mixture that makes samples likeliest which it was not fitted to.

    Args:
        samples: (N, B), in random order.
        counts: numbers of components, rising; the search ends where one more step makes it worse.
    """
    known = np.asarray(samples, np.float32)
    held_out = int(HELD_OUT * len(known))
    held, rest = known[:held_out], known[held_out:]
    best, score = 1, -np.inf
    for count in counts:
        now = float(fit_mixture(rest[:_TRIED], count).log_density(held).mean())
        if now < score:
            break
        best, score = count, now
    return fit_mixture(known, best)


def fit_mixture(samples: NDArray[np.floating], count: int, iterations: int = _ITERATIONS) -> GaussianMixture:
    """A mixture of so many components.

    Args:
        samples: (N, B). count: G. iterations: of expectation and maximisation.
    """
    known = np.asarray(samples, np.float32)
    shares = _starting_shares(known, count)
    mixture = _maximised(known, shares)
    if count > 1:
        for _ in range(iterations):
            joint = mixture.joint_log_density(known)
            shares = np.exp(joint - logsumexp(joint, axis=1, keepdims=True)).astype(np.float32)
            mixture = _maximised(known, shares)
    return mixture


def _maximised(samples: Array, shares: Array) -> GaussianMixture:
    """The likeliest mixture for samples (N, B) of which each component has its shares (N, G)."""
    sizes = shares.sum(axis=0, dtype=np.float64)
    means = (shares.T @ samples) / sizes[:, None].astype(np.float32)
    scatters = np.stack(list(_scatters(samples, shares, means)))
    shared = scatters.sum(axis=0) / sizes.sum()
    covariances = (scatters + _SHARED * shared) / (sizes + _SHARED)[:, None, None]
    return GaussianMixture((sizes / sizes.sum()).astype(np.float32), means, covariances.astype(np.float32))


def _scatters(samples: Array, shares: Array, means: Array) -> Iterator[NDArray[np.float64]]:
    for share, mean in zip(shares.T, means, strict=True):
        weighted = (samples - mean) * np.sqrt(share)[:, None]
        yield (weighted.T @ weighted).astype(np.float64)


def _starting_shares(samples: Array, count: int) -> Array:
    """Shares (N, G): each sample belongs to the nearest of some centres, moved a few times."""
    rng = np.random.default_rng(_SEED)
    centres = samples[rng.choice(len(samples), count, replace=False)]
    for _ in range(8):
        # |x - c|^2 without |x|^2
        nearest = ((centres**2).sum(axis=1) - 2 * samples @ centres.T).argmin(axis=1)
        shares = np.eye(count, dtype=np.float32)[nearest]
        centres = (shares.T @ samples) / np.maximum(shares.sum(axis=0), 1.0)[:, None]
    return np.asarray(shares, np.float32)
