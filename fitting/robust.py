"""Robust kernels: how much a residual of many sigmas may say."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from calibration.errors import UsageError

Kernel = Callable[[Tensor, float], Tensor]
"""rho(s, c) of squared normalised residuals s; c is the residual in sigmas where it bends, rho'(0) = 1."""


def quadratic(squared: Tensor, scale: float) -> Tensor:
    """rho = s: W22 eq. 2 as it stands."""
    return squared


def huber(squared: Tensor, scale: float) -> Tensor:
    """rho = s up to c^2, then linear in the residual: convex, an outlier's pull stays constant."""
    outside = squared > scale**2
    safe = torch.where(outside, squared, torch.full_like(squared, scale**2))
    return torch.where(outside, 2 * scale * safe.sqrt() - scale**2, squared)


def geman_mcclure(squared: Tensor, scale: float) -> Tensor:
    """rho = s c^2 / (c^2 + s): an outlier's pull fades away (Geman and McClure 1985)."""
    return squared * scale**2 / (scale**2 + squared)


KERNELS: dict[str, Kernel] = {"none": quadratic, "huber": huber, "geman_mcclure": geman_mcclure}


def kernel(name: str) -> Kernel:
    """The kernel of that name.

    Raises:
        UsageError: listing the names there are.
    """
    if name not in KERNELS:
        raise UsageError(f"there is no robust kernel {name!r}", fix=f"Known are {', '.join(KERNELS)}")
    return KERNELS[name]


def influence(name: str, squared: Tensor, scale: float) -> Tensor:
    """rho'(s), the weight that iteratively reweighted least squares gives each residual."""
    with torch.enable_grad():
        leaf = squared.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(kernel(name)(leaf, scale).sum(), leaf)
    return slope
