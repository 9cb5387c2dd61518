"""Priors over the identity coefficients (W22 E_identity)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from calibration.errors import UsageError
from fitting.gaussian_mixture import GaussianMixture


class IdentityPrior(Protocol):
    """What a fit asks of a prior over beta."""

    def energy(self, identity: Tensor) -> Tensor:
        """-log p(beta) above that of the likeliest head, a scalar, of beta (B,)."""
        ...

    def curvature(self, identity: Tensor) -> Tensor:
        """A positive semidefinite (B, B) approximation of the energy's second derivative at beta (B,)."""
        ...


class GaussianPrior:
    """`|beta|^2 / 2`: the identity basis is scaled to unit variance."""

    def energy(self, identity: Tensor) -> Tensor:
        """See :class:`IdentityPrior`."""
        return 0.5 * (identity * identity).sum()

    def curvature(self, identity: Tensor) -> Tensor:
        """See :class:`IdentityPrior`."""
        return torch.eye(len(identity), dtype=identity.dtype, device=identity.device)


class MixturePrior:
    """`-log sum_g gamma_g N(beta | nu_g, Sigma_g)` (W22 section 3.2)."""

    def __init__(self, mixture: GaussianMixture, like: Tensor) -> None:
        """Take the mixture to the device and dtype of `like`."""
        self._means = torch.as_tensor(mixture.means).to(like)
        factors = torch.linalg.cholesky(torch.as_tensor(mixture.covariances).double())
        self._precisions = torch.cholesky_inverse(factors).to(like)
        volumes = factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        self._levels = (torch.as_tensor(mixture.weights).double().log() - volumes).to(like)
        self._least = self._energy(self._likeliest())

    def energy(self, identity: Tensor) -> Tensor:
        """See :class:`IdentityPrior`."""
        return self._energy(identity) - self._least

    def curvature(self, identity: Tensor) -> Tensor:
        """The components' precisions, each as much as it explains beta.

        What is left out, the spread of the components' pulls, is what makes a mixture bend the other way
        between two components.
        """
        return torch.einsum("g,gij->ij", self._shares(identity), self._precisions)

    def _energy(self, identity: Tensor) -> Tensor:
        return -torch.logsumexp(self._log_densities(identity), dim=0)

    def _shares(self, identity: Tensor) -> Tensor:
        return torch.softmax(self._log_densities(identity), dim=0)

    def _log_densities(self, identity: Tensor) -> Tensor:
        """(G,) log gamma_g N(beta | nu_g, Sigma_g), without what all of them share."""
        away = identity - self._means
        squared = torch.einsum("gi,gij,gj->g", away, self._precisions, away)
        return torch.as_tensor(self._levels - 0.5 * squared)

    def _likeliest(self) -> Tensor:
        """The mode that is reached from the best of the means; each step is sure to climb (Carreira 2000)."""
        identity = self._means[torch.stack([self._energy(mean) for mean in self._means]).argmin()]
        for _ in range(50):
            weighted = self._shares(identity)[:, None, None] * self._precisions
            pull = torch.einsum("gij,gj->i", weighted, self._means)
            identity = torch.as_tensor(torch.linalg.solve(weighted.sum(0), pull))
        return identity


PRIORS: dict[str, Callable[[GaussianMixture, Tensor], IdentityPrior]] = {
    "gaussian": lambda mixture, like: GaussianPrior(),
    "mixture": MixturePrior,
}


def check_prior(name: str) -> str:
    """The name of a prior.

    Raises:
        UsageError: listing the names there are.
    """
    if name not in PRIORS:
        raise UsageError(f"there is no identity prior {name!r}", fix=f"Known are {', '.join(PRIORS)}")
    return name


def identity_prior(name: str, mixture: GaussianMixture, like: Tensor) -> IdentityPrior:
    """The prior of that name over the identities that the mixture describes, on the device of `like`.

    Raises:
        UsageError: listing the names there are.
    """
    return PRIORS[check_prior(name)](mixture, like)
