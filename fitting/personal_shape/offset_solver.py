"""Smooth offsets of the head's skin from evidence at landmarks on it: one sparse linear system."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, coo_array, csc_array, csr_array, kron
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree

from fitting.head_model import HeadModel
from fitting.model_arrays import mean_head
from fitting.personal_shape.smooth_offsets import field_precision
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]


class OffsetSolver:
    """The offsets d of V vertices that minimise `d^T Q d / 2 s^2 + sum_l (d_l^T A_l d_l / 2 - b_l^T d_l)`.

    Q is the precision of a smooth field (:func:`fitting.personal_shape.smooth_offsets.field_precision`), so
    that the offset fades where there is no evidence. Only landmarks on the skin that can be seen count; skin
    that nothing sees and the lashes follow it, eyeballs, teeth and tongue stay.

    Args:
        model: the head. points: L landmarks on it. reach: metres over which the offset is alike.
    """

    def __init__(self, model: HeadModel, points: SurfacePoints, reach: float) -> None:
        mean = mean_head(model)
        self.size, self.points = len(mean), points
        self.skin = np.asarray(model.parts["skin"])
        place = np.full(self.size, -1)
        place[self.skin] = np.arange(len(self.skin))
        triangles = place[np.asarray(model.triangles)]
        self.prior = field_precision(mean[self.skin], triangles[(triangles >= 0).all(1)], reach)
        seen = np.zeros(self.size, dtype=np.bool_)
        seen[model.region("outer_skin")] = True
        self.on_skin = np.asarray(seen[points.vertices].all(axis=1), dtype=np.bool_)
        self.means = self._means(place)
        self.lashes = np.asarray(model.parts.get("lashes", np.arange(0)))
        self.beside = KDTree(mean[self.skin]).query(mean[self.lashes])[1]

    def _means(self, place: NDArray[np.int64]) -> csr_array:
        """(L', S) the landmarks on the skin as weighted means of its vertices."""
        chosen = self.points.subset(self.on_skin)
        rows = np.repeat(np.arange(len(chosen)), 3)
        entries = chosen.weights.ravel(), (rows, place[chosen.vertices].ravel())
        return csr_array(coo_array(entries, shape=(len(chosen), len(self.skin))))

    def factor(self, information: Array, spread: float) -> Callable[[Array], Array]:
        """Prepare for information (L, 3, 3) in 1 / m^2.

        Args:
            information: of the landmarks.
            spread: s, metres, the standard deviation of the offset where there is no evidence.

        Returns:
            what gives the offset (V, 3) in metres for a pull (L, 3) in 1 / m.
        """
        given, means = information[self.on_skin], self.means
        blocks = [[means.T @ (means * given[:, i, j, None]) for j in range(3)] for i in range(3)]
        left = kron(np.eye(3), self.prior / spread**2) + block_array(blocks)
        # the matrix is symmetric and positive definite: no pivoting, and an order that keeps the factors thin
        factors = splu(
            csc_array(left),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

        def solve(pull: Array) -> Array:
            found = factors.solve((means.T @ pull[self.on_skin]).T.ravel()).reshape(3, -1).T
            offset = np.zeros((self.size, 3))
            offset[self.skin] = found
            offset[self.lashes] = found[self.beside]
            return offset

        return solve

    def at_landmarks(self, offset: Array) -> Array:
        """(L, 3) an offset (V, 3) at the landmarks; zero at those that do not count."""
        return np.where(self.on_skin[:, None], self.points.evaluate(offset), 0.0)
