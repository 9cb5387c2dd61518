"""The normal matrix of a fit: an arrow, whose shaft is a chain of frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Hessian:
    """An arrow: n = E + 15 numbers per frame, S shared ones, of which the first T are tied to the frames.

    Attributes:
        frames: (F, n, n). ties: (F, n, T). shared: (S, S).
        between: (F - 1, n, n) each frame by the next one, or None where frames are not tied to each other.
    """

    frames: Tensor
    ties: Tensor
    shared: Tensor
    between: Tensor | None = None

    @classmethod
    def zeros(cls, like: Tensor, rows: Tensor, tied: int, shared: int, *, chained: bool) -> Hessian:
        """An arrow of zeros for frame rows (F, n), of the type of `like`; what is shared is in float64."""
        frames, width = rows.shape
        return cls(
            like.new_zeros(frames, width, width),
            like.new_zeros(frames, width, tied),
            like.new_zeros(shared, shared, dtype=torch.float64),
            like.new_zeros(frames - 1, width, width) if chained and frames > 1 else None,
        )
