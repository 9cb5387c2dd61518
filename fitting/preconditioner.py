"""Coordinates in which the energy looks round: the Gauss-Newton Hessian's Cholesky factor.

L-BFGS on the raw parameters takes hundreds of iterations: radians, metres and blend weights differ by orders
of magnitude in what they do to a pixel, and identity, expression and pose explain much of the same motion.
In `z = L^T (x - x0)`, with `L L^T` the Gauss-Newton Hessian at x0, the first step is Gauss and Newton's, and
what L-BFGS has left to learn is the kernel, the walls, and the ties between frames.

The Hessian is an arrow: one block D per frame, one block A for what is shared, and the ties B between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from calibration.errors import SolverError
from fitting.normal_matrix import Hessian
from fitting.parameters import Parameters

_RIDGES = (1e-12, 1e-9, 1e-6, 1e-3)
_TINY = 1e-12


@dataclass
class Preconditioner:
    """The map from round coordinates to parameters; n = E + 15 numbers per frame, S shared ones.

    Attributes:
        origin: the parameters at which the coordinates are zero.
        frame_factor: (F, n, n) lower Cholesky factors of D.
        ties: (F, n, S) `frame_factor^-1 B`.
        shared_factor: (S, S) lower Cholesky factor of `A - B^T D^-1 B`.
        mask: which parameters may move.
    """

    origin: Parameters
    frame_factor: Tensor
    ties: Tensor
    shared_factor: Tensor
    mask: Parameters

    @classmethod
    def build(cls, origin: Parameters, hessian: Hessian, mask: Parameters) -> Preconditioner:
        """Factorise the arrow, after taking out what may not move."""
        rows, shared = mask.frame_rows, mask.shared
        frame_factor = factorise(without(hessian.frames, rows))
        ties = hessian.ties * (rows.unsqueeze(-1) & shared)
        ties = torch.linalg.solve_triangular(frame_factor, ties, upper=False)
        complement = hessian.shared - torch.einsum("fns,fnt->st", ties, ties)
        return cls(origin, frame_factor, ties, factorise(without(complement, shared)), mask)

    def zeros(self) -> tuple[Tensor, Tensor]:
        """Round coordinates (F, n) and (S,) of the origin."""
        return torch.zeros_like(self.origin.frame_rows), torch.zeros_like(self.origin.shared)

    def parameters(self, frame_rows: Tensor, shared: Tensor) -> Parameters:
        """The parameters at round coordinates (F, n) and (S,); differentiable."""
        # L^T d = z, from the last block up: d_shared = Ls^-T z_s; d_frame = Ld^-T (z_f - ties d_shared)
        moved = _solve_transposed(self.shared_factor, shared)
        right = frame_rows - self.ties @ moved
        rows = _solve_transposed(self.frame_factor, right)
        return self.origin.rebuild(
            self.origin.frame_rows + rows * self.mask.frame_rows,
            self.origin.shared + moved * self.mask.shared,
        )


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


def _solve_transposed(factor: Tensor, right: Tensor) -> Tensor:
    """`factor^-T right` for lower triangular factors (..., n, n) and vectors (..., n)."""
    solved = torch.linalg.solve_triangular(factor.transpose(-1, -2), right.unsqueeze(-1), upper=True)
    return torch.as_tensor(solved.squeeze(-1))
