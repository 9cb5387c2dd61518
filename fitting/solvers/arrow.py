"""Solving with the normal matrix of a fit: an arrow whose shaft is a block-tridiagonal chain of frames.

    H = [ D  B ]     D: one block per frame, tied to the next frame's; A: what all frames share;
        [ B' A ]     B: the ties of each frame to it

`H = L L^T`: first the chain from its first frame to its last, then the Schur complement `A - B^T D^-1 B`.
That is one small step per frame, however many frames there are, and exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from calibration.errors import SolverError
from fitting.parameters import Parameters
from fitting.solvers.normal_matrix import Hessian

_RIDGES = (1e-12, 1e-9, 1e-6, 1e-3)
_TINY = 1e-12


@dataclass
class Chain:
    """`D = L L^T` of F blocks of n numbers.

    Attributes:
        factors: (F, n, n) lower triangular, the diagonal of L.
        links: (F - 1, n, n) transposed, `L[f + 1, f]^T`; None where no frame is tied to another.
    """

    factors: Tensor
    links: Tensor | None

    def forward(self, right: Tensor) -> Tensor:
        """`L^-1 right` of vectors (F, n)."""
        if self.links is None:
            return _lower(self.factors, right)
        solved, before = torch.empty_like(right), torch.zeros_like(right[0])
        for frame, factor in enumerate(self.factors):
            before = _lower(factor, right[frame] - before)
            solved[frame] = before
            if frame < len(self.links):
                before = self.links[frame].T @ before
        return solved

    def backward(self, right: Tensor) -> Tensor:
        """`L^-T right` of vectors (F, n)."""
        if self.links is None:
            return _upper(self.factors, right)
        solved, after = torch.empty_like(right), torch.zeros_like(right[0])
        for frame in reversed(range(len(right))):
            after = _upper(self.factors[frame], right[frame] - after)
            solved[frame] = after
            if frame > 0:
                after = self.links[frame - 1] @ after
        return solved


@dataclass
class Arrow:
    """The factor L of an arrow, with frozen numbers taken out; S shared numbers, T of them tied to frames.

    Attributes:
        chain: of the frames.
        ties: (F, n, T) B as it is, frozen numbers included.
        shared: (S, S) lower triangular, of the Schur complement.
        frame_free: (F, n) and shared_free: (S,) masks.
    """

    chain: Chain
    ties: Tensor
    shared: Tensor
    frame_free: Tensor
    shared_free: Tensor

    @classmethod
    def factorised(cls, hessian: Hessian, free: Parameters, damping: float = 0.0) -> Arrow:
        """Factorise a Hessian, after taking out what may not move.

        Args:
            hessian: the arrow; left as it is. free: masks of what may move.
            damping: this part of the diagonal is added to it (Marquardt 1963).

        Raises:
            SolverError: if the matrix is not positive definite.
        """
        rows, shared = free.frame_rows, free.shared
        precise = hessian.shared.dtype
        factors = torch.empty_like(hessian.frames, dtype=precise)
        links = None if hessian.between is None else torch.empty_like(hessian.between, dtype=precise)
        complement = _damped(hessian.shared, damping)
        tied = hessian.ties.shape[-1]
        reduces = bool(shared[:tied].any())
        half = link = None
        for frame, block in enumerate(hessian.frames):
            block = without(_damped(block.to(precise), damping), rows[frame])
            tie = hessian.ties[frame].to(precise) * (rows[frame].unsqueeze(-1) & shared[:tied])
            if links is not None and hessian.between is not None and frame > 0:
                beside = hessian.between[frame - 1].to(precise) * (
                    rows[frame - 1].unsqueeze(-1) & rows[frame]
                )
                link = torch.linalg.solve_triangular(factors[frame - 1], beside, upper=False)
                links[frame - 1] = link
                block = block - link.T @ link
            factors[frame] = factorise(block)
            if reduces:
                if link is not None and half is not None:
                    tie = tie - link.T @ half
                half = torch.linalg.solve_triangular(factors[frame], tie, upper=False)
                complement[:tied, :tied] -= half.T @ half
        return cls(Chain(factors, links), hessian.ties, factorise(without(complement, shared)), rows, shared)

    def whiten(self, frame_rows: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """`L^-1 g` of a gradient (F, n) and (S,): that by the coordinates in which the Hessian is round."""
        rows = self.chain.forward(frame_rows * self.frame_free)
        back = self.chain.backward(rows) * self.frame_free
        pulled = (back.flatten().to(self.ties) @ self.ties.flatten(0, 1)).to(shared)
        right = shared.clone()
        right[: len(pulled)] -= pulled
        return rows, _lower(self.shared, right * self.shared_free)

    def unwhiten(self, frame_rows: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """`L^-T z` of round coordinates (F, n) and (S,): the step that they stand for; zero where frozen."""
        moved = _upper(self.shared, shared) * self.shared_free
        tied = (self.ties @ moved[: self.ties.shape[-1]].to(self.ties)).to(frame_rows) * self.frame_free
        right = frame_rows - self.chain.forward(tied)
        return self.chain.backward(right) * self.frame_free, moved


def without(matrix: Tensor, free: Tensor) -> Tensor:
    """Symmetric (..., n, n), with the rows and columns that are not free (..., n) those of a unit matrix."""
    kept = matrix * (free.unsqueeze(-1) & free.unsqueeze(-2))
    return kept + torch.diag_embed((~free).to(matrix.dtype))


def factorise(matrix: Tensor) -> Tensor:
    """Cholesky factors (..., n, n), with just as much of a relative ridge as rounding makes necessary.

    Raises:
        SolverError: if none of the ridges is enough.
    """
    diagonal = matrix.diagonal(dim1=-2, dim2=-1).clamp(min=_TINY)
    for ridge in _RIDGES:
        factor, failed = torch.linalg.cholesky_ex(matrix + torch.diag_embed(ridge * diagonal))
        if not failed.any():
            return torch.as_tensor(factor)
    raise SolverError(
        "the normal equations of the fit cannot be factorised", fix="Check the landmarks and the cameras"
    )


def _damped(matrix: Tensor, damping: float) -> Tensor:
    return matrix + torch.diag_embed(damping * matrix.diagonal(dim1=-2, dim2=-1))


def _lower(factor: Tensor, right: Tensor) -> Tensor:
    """`factor^-1 right` for lower triangular factors (..., n, n) and vectors (..., n)."""
    solved = torch.linalg.solve_triangular(factor, right.unsqueeze(-1), upper=False)
    return torch.as_tensor(solved.squeeze(-1))


def _upper(factor: Tensor, right: Tensor) -> Tensor:
    """`factor^-T right` for lower triangular factors (..., n, n) and vectors (..., n)."""
    solved = torch.linalg.solve_triangular(factor.mT, right.unsqueeze(-1), upper=True)
    return torch.as_tensor(solved.squeeze(-1))
