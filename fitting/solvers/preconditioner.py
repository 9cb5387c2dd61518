"""Coordinates in which the energy looks round: the Gauss-Newton Hessian's Cholesky factor.

L-BFGS on the raw parameters takes hundreds of iterations: radians, metres and blend weights differ by orders
of magnitude in what they do to a pixel, and identity, expression and pose explain much of the same motion.
In `z = L^T (x - x0)`, with `L L^T` the Gauss-Newton Hessian at x0, the first step is Gauss and Newton's, and
what L-BFGS has left to learn is the kernel and the walls.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.parameters import Parameters
from fitting.solvers.arrow import Arrow
from fitting.solvers.normal_matrix import Hessian


@dataclass
class Preconditioner:
    """The map between round coordinates and parameters; n = E + 15 numbers per frame, S shared ones.

    Attributes:
        origin: the parameters at which the coordinates are zero.
        factor: of the Hessian there.
    """

    origin: Parameters
    factor: Arrow

    @classmethod
    def build(
        cls, origin: Parameters, hessian: Hessian, mask: Parameters, damping: float = 0.0
    ) -> Preconditioner:
        """Factorise the Hessian, after taking out what may not move; see :meth:`Arrow.factorised`."""
        return cls(origin, Arrow.factorised(hessian, mask, damping))

    def zeros(self) -> tuple[Tensor, Tensor]:
        """Round coordinates (F, n) and (S,) of the origin."""
        return torch.zeros_like(self.origin.frame_rows), torch.zeros_like(self.origin.shared)

    def parameters(self, frame_rows: Tensor, shared: Tensor) -> Parameters:
        """The parameters at round coordinates (F, n) and (S,)."""
        rows, moved = self.factor.unwhiten(frame_rows, shared)
        return self.origin.rebuild(self.origin.frame_rows + rows, self.origin.shared + moved)

    def slope(self, gradient: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The gradient by round coordinates, of that by the parameters."""
        return self.factor.whiten(*gradient)
