"""The normal matrix of a fit: an arrow, whose shaft is a chain of frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Hessian:
    """An arrow: n = E + 15 numbers per frame, S shared ones.

    Attributes:
        frames: (F, n, n). ties: (F, n, S). shared: (S, S).
        between: (F - 1, n, n) each frame by the next one, or None where frames are not tied to each other.
    """

    frames: Tensor
    ties: Tensor
    shared: Tensor
    between: Tensor | None = None

    @classmethod
    def zeros(cls, like: Tensor, frames: int, width: int, shared: int, *, chained: bool) -> Hessian:
        """An arrow of zeros, of the type of a tensor and on its device; what is shared is in float64."""
        return cls(
            like.new_zeros(frames, width, width),
            like.new_zeros(frames, width, shared),
            like.new_zeros(shared, shared, dtype=torch.float64),
            like.new_zeros(frames - 1, width, width) if chained and frames > 1 else None,
        )
