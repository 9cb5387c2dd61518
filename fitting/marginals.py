"""Diagonal blocks of the inverse of a normal matrix: what is unsure about a frame, and about what all share.

The blocks of a chain's inverse are found from its last frame to its first, each from the one after it
(Takahashi, Fagan and Chen 1973), without the inverse ever being written out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.parameters import Parameters
from fitting.solvers.arrow import Arrow, Chain
from fitting.solvers.normal_matrix import Hessian

# Frames whose covariances with what is shared are multiplied at once: some 10 MB.
_FRAMES_AT_ONCE = 64


@dataclass
class Marginals:
    """Covariances of an arrow of F frames with n numbers each, and S shared ones, T of them tied to frames.

    With the shared numbers known, a frame has covariance `own`; an error d of theirs moves it by `-gain d`.

    Attributes:
        own: (F, n, n). gain: (F, n, T). shared: (S, S) covariance of the shared numbers.
    """

    own: Tensor
    gain: Tensor
    shared: Tensor

    @classmethod
    def of(cls, hessian: Hessian, free: Parameters) -> Marginals:
        """The marginals of an arrow, with what is not free taken as known.

        Raises:
            SolverError: if it cannot be factorised.
        """
        arrow = Arrow.factorised(hessian, free)
        rows, shared = arrow.frame_free, arrow.shared_free
        tied = shared[: arrow.ties.shape[-1]]
        ties = (arrow.ties * (rows.unsqueeze(-1) & tied)).to(arrow.shared)
        gain = _chain_solved(arrow.chain, ties).mul_(rows.unsqueeze(-1))
        own = _chain_blocks(arrow.chain).mul_(rows.unsqueeze(-1) & rows.unsqueeze(-2))
        return cls(own, gain, torch.cholesky_inverse(arrow.shared) * (shared.unsqueeze(-1) & shared))

    @property
    def shared_deviation(self) -> Tensor:
        """(S,) standard deviations."""
        return self.shared.diagonal().clamp(min=0).sqrt()

    @property
    def frame_deviation(self) -> Tensor:
        """(F, n) standard deviations."""
        variance = self.own.diagonal(dim1=-2, dim2=-1).clone()
        for start in range(0, len(variance), _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            variance[part] += self._spread(self.gain[part])
        return variance.clamp(min=0).sqrt()

    def variance(self, frames: slice, by_frame: Tensor, by_shared: Tensor) -> Tensor:
        """(f, m) variances of linear functions of some frames' numbers and of the first B shared ones.

        Args:
            frames: which f frames. by_frame: (f, m, n) and by_shared: (f, m, B), slopes of the m functions;
            B is at most T.
        """
        slope = -(by_frame @ self.gain[frames])
        slope[..., : by_shared.shape[-1]] += by_shared
        own = ((by_frame @ self.own[frames]) * by_frame).sum(-1)
        return own + self._spread(slope)

    def _spread(self, slope: Tensor) -> Tensor:
        """(f, m) variances of functions that have slopes (f, m, T) by what is shared and tied to frames."""
        tied = slope.shape[-1]
        return ((slope @ self.shared[:tied, :tied]) * slope).sum(-1)

    def widen(self, count: int, factor: float) -> None:
        """Multiply the covariance of the first `count` shared numbers."""
        spread = torch.ones_like(self.shared[0])
        spread[:count] = factor**0.5
        self.shared = spread[:, None] * self.shared * spread

    def inherit(self, covariance: Tensor) -> None:
        """Take the covariance of the first shared numbers for what it was elsewhere; the others are known."""
        self.shared.zero_()
        self.shared[: len(covariance), : len(covariance)] = covariance.to(self.shared)


def _chain_blocks(chain: Chain) -> Tensor:
    """(F, n, n) the diagonal blocks of `D^-1`, in the place of the chain's factors."""
    blocks, links = chain.factors, chain.links
    eye = torch.eye(blocks.shape[-1]).to(blocks)
    for frame in reversed(range(len(blocks))):
        inverse = torch.linalg.solve_triangular(blocks[frame], eye, upper=False)
        blocks[frame] = inverse.T @ inverse
        if links is not None and frame < len(links):
            # D^-1[f, f] = L^-T (1 + K D^-1[f + 1, f + 1] K^T) L^-1, with K the link
            pulled = inverse.T @ links[frame]
            blocks[frame] += pulled @ blocks[frame + 1] @ pulled.T
    return blocks


def _chain_solved(chain: Chain, right: Tensor) -> Tensor:
    """`D^-1 right` of (F, n, T); what is given is overwritten."""
    links = chain.links
    for frame, factor in enumerate(chain.factors):
        if links is not None and frame > 0:
            right[frame] -= links[frame - 1].T @ right[frame - 1]
        right[frame] = torch.linalg.solve_triangular(factor, right[frame], upper=False)
    for frame in reversed(range(len(right))):
        if links is not None and frame < len(links):
            right[frame] -= links[frame] @ right[frame + 1]
        right[frame] = torch.linalg.solve_triangular(chain.factors[frame].mT, right[frame], upper=True)
    return right
