"""The normal matrix of a fit: an arrow, with a block per frame, a border for what is shared, and a chain."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Hessian:
    """An arrow: n = E + 15 numbers per frame, S shared ones.

    Attributes:
        frames: (F, n, n). ties: (F, n, S). shared: (S, S).
    """

    frames: Tensor
    ties: Tensor
    shared: Tensor
