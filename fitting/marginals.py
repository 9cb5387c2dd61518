"""Diagonal blocks of the inverse of an arrow: what is unsure about each frame, and about what all share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.normal_matrix import Hessian
from fitting.arrow import factorise, without


@dataclass
class Marginals:
    """Covariances of an arrow of F frames with n numbers each, and S shared ones.

    With the shared numbers known, a frame has covariance `own own^T`; an error d of theirs moves it by
    `-gain d`.

    Attributes:
        own: (F, n, n). gain: (F, n, S). shared: (S, S) covariance of the shared numbers.
    """

    own: Tensor
    gain: Tensor
    shared: Tensor

    @property
    def shared_deviation(self) -> Tensor:
        """(S,) standard deviations."""
        return self.shared.diagonal().clamp(min=0).sqrt()

    @property
    def frame_deviation(self) -> Tensor:
        """(F, n) standard deviations."""
        own = self.own.square().sum(-1)
        return (own + ((self.gain @ self.shared) * self.gain).sum(-1)).clamp(min=0).sqrt()

    def variance(self, frames: slice, by_frame: Tensor, by_shared: Tensor) -> Tensor:
        """(f, m) variances of linear functions of some frames' numbers and of the first B shared ones.

        Args:
            frames: which f frames. by_frame: (f, m, n) and by_shared: (f, m, B), slopes of the m functions.
        """
        slope = -(by_frame @ self.gain[frames])
        slope[..., : by_shared.shape[-1]] += by_shared
        own = (by_frame @ self.own[frames]).square().sum(-1)
        return own + ((slope @ self.shared) * slope).sum(-1)

    def widen(self, count: int, factor: float) -> None:
        """Multiply the covariance of the first `count` shared numbers."""
        spread = torch.ones_like(self.shared[0])
        spread[:count] = factor**0.5
        self.shared = spread[:, None] * self.shared * spread


def invert_arrow(hessian: Hessian, frame_free: Tensor, shared_free: Tensor) -> Marginals:
    """The marginals of an arrow, with what is not free taken as known.

    Args:
        hessian: the arrow. frame_free: (F, n) and shared_free: (S,) masks.

    Raises:
        SolverError: if it cannot be factorised.
    """
    factor = factorise(without(hessian.frames, frame_free))
    ties = hessian.ties * (frame_free.unsqueeze(-1) & shared_free)
    eye = torch.eye(factor.shape[-1]).to(factor).expand_as(factor)
    # D = L L^T: D^-1 = own own^T with own = L^-T
    own = torch.linalg.solve_triangular(factor.transpose(-1, -2), eye, upper=True)
    own = own * frame_free.unsqueeze(-1)
    half = torch.linalg.solve_triangular(factor, ties, upper=False)
    complement = hessian.shared - torch.einsum("fns,fnt->st", half, half)
    shared = torch.cholesky_inverse(factorise(without(complement, shared_free)))
    return Marginals(own, own @ half, shared * (shared_free.unsqueeze(-1) & shared_free))
