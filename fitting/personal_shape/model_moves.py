"""How the landmarks of a fitted head can move within the head model, to first order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel
from fitting.performance import Performance
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]

_IDENTITY, _EXPRESSION, _PLACE = 1.0, 10.0, 1e-6
"""Precisions per unit of identity, per unit of an expression held throughout, and of place and size."""


class ModelMoves:
    """Displacements of L landmarks that need no personal shape: identity, expression, place and size.

    Args:
        model: the head. performance: its fit, from which things move. points: L landmarks.
    """

    def __init__(self, model: HeadModel, performance: Performance, points: SurfacePoints) -> None:
        def at_points(basis: object) -> Array:
            return np.asarray(points.evaluate(np.asarray(basis, dtype=np.float64)))

        identity = at_points(model.identity_basis.detach().cpu())
        expression = at_points(model.expression_basis.detach().cpu())
        shape = at_points(model.mean.detach().cpu()) + np.einsum("b,bli->li", performance.identity, identity)
        turns = np.stack([np.cross(axis, shape) for axis in np.eye(3)])
        shifts = np.broadcast_to(np.eye(3)[:, None], (3, len(points), 3))
        # (N, L, 3) displacement of the landmarks by each unknown
        self.moves = np.concatenate([identity, expression, turns, shifts, shape[None]])
        parts = ((_IDENTITY, len(identity)), (_EXPRESSION, len(expression)), (_PLACE, 7))
        self.prior = np.diag(np.concatenate([np.full(count, value) for value, count in parts]))

    def stiffness(self, information: Array) -> Array:
        """(N, N) precision of the unknowns for information (L, 3, 3) about the landmarks."""
        flat = self.moves.reshape(len(self.moves), -1)
        pressed = np.einsum("lij,nlj->nli", information, self.moves).reshape(flat.shape)
        return np.asarray(pressed @ flat.T + self.prior)

    def follow(self, stiffness: Array, pull: Array) -> Array:
        """The displacement (L, 3) by which the model gives in to a pull (L, 3)."""
        slope = self.moves.reshape(len(self.moves), -1) @ pull.ravel()
        return np.asarray(np.einsum("n,nli->li", np.linalg.solve(stiffness, slope), self.moves))
