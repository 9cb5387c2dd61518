"""Whether views that an offset was not made from bear it out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitting.head_model import HeadModel
from fitting.performance import Performance
from fitting.shape_evidence import ShapeEvidence
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]

_IDENTITY, _EXPRESSION, _PLACE = 1.0, 10.0, 1e-6
"""Precisions of what the head model may do by itself: per coefficient, and of place and size."""


class ShapeJudge:
    """Measures offsets by held-out views, in which the head model is free to move.

    All cameras took part in the fit, which lies between them: against cameras that are left out it would look
    better than it is, and any change worse. So identity, expression, place and size may adjust to the left
    out cameras with the offset and without it, and what counts is what the head model cannot do by itself.

    Args:
        model: the head. performance: its fit. points: L landmarks.
    """

    def __init__(self, model: HeadModel, performance: Performance, points: SurfacePoints) -> None:
        def at_points(basis: object) -> Array:
            return np.asarray(points.evaluate(np.asarray(basis, dtype=np.float64)))

        mean = at_points(model.mean.detach().cpu())
        identity = at_points(model.identity_basis.detach().cpu())
        expression = at_points(model.expression_basis.detach().cpu())
        shape = mean + np.einsum("b,bli->li", performance.identity, identity)
        turns = np.stack([np.cross(axis, shape) for axis in np.eye(3)])
        shifts = np.broadcast_to(np.eye(3)[:, None], (3, len(points), 3))
        # (N, L, 3) displacement of the landmarks by each unknown
        self.moves = np.concatenate([identity, expression, turns, shifts, shape[None]])
        counts = {_IDENTITY: len(identity), _EXPRESSION: len(expression), _PLACE: 7}
        self.prior = np.diag(np.repeat(list(counts), list(counts.values())))

    def gain(self, evidence: ShapeEvidence, held_out: NDArray[np.int64], offset: Array) -> float:
        """The part of the energy of groups of views that an offset (L, 3) takes away.

        Only landmarks that the offset moves are counted.
        """
        information, pull = evidence.select(held_out)
        counted = np.any(offset != 0, axis=1) / evidence.crowd
        information, pull = information * counted[:, None, None], pull * counted[:, None]
        energy = float((evidence.energy[held_out] * counted).sum())
        moves = self.moves
        stiff = np.einsum("lij,nlj->nli", information, moves).reshape(len(moves), -1)
        hessian = stiff @ moves.reshape(len(moves), -1).T + self.prior

        def least(displacement: Array) -> float:
            """The lowest energy with this displacement, against that of the fit."""
            moved = np.einsum("lij,lj->li", information, displacement)
            slope = moves.reshape(len(moves), -1) @ (moved - pull).ravel()
            own = (displacement * (0.5 * moved - pull)).sum()
            return float(own - 0.5 * slope @ np.linalg.solve(hessian, slope))

        return (least(np.zeros_like(offset)) - least(offset)) / max(energy, 1e-12)
