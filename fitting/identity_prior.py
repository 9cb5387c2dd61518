"""Priors over the identity coefficients (W22 E_identity)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class IdentityPrior(Protocol):
    """What a fit asks of a prior over beta."""

    def energy(self, identity: Tensor) -> Tensor:
        """-log p(beta) up to a constant, a scalar, of beta (B,)."""
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
