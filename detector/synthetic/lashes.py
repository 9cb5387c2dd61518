"""Lashes: the model's four lash strips, drawn as single hairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from detector.synthetic.strands import Strands, ribbons
from detector.synthetic.surfaces import Floats, Kind, Material, Surface
from fitting.head_model import HeadModel

POINTS = 5
HAIRS_PER_COLUMN = 4
WIDTH = 0.00012
LOWER_LASHES = 0.6
"""Length and width of the lower lashes relative to the upper ones."""


class Lashes:
    """Hairs across the lash strips, from the lid outwards; they move as the strips do."""

    def __init__(self, model: HeadModel) -> None:
        rng = np.random.default_rng(0)
        columns, pairs = _columns(model)
        corners, weights = [], []
        for first, second in pairs:
            for share in rng.random(HAIRS_PER_COLUMN):
                a, wa = _along(columns[first])
                b, wb = _along(columns[second])
                corners.append(np.concatenate([a, b], axis=1))
                weights.append(np.concatenate([wa * (1 - share), wb * share], axis=1))
        self._corners = np.stack(corners)
        self._weights = np.stack(weights).astype(np.float32)
        count = len(corners)
        self._length = np.exp(rng.normal(0.0, 0.15, (count, 1, 1))).astype(np.float32)
        tips = np.einsum("spkc,spk->spc", model.assets.mean[self._corners], self._weights)[:, -1]
        lower = tips[:, 1] < np.median(tips[:, 1])
        self._length[lower] *= LOWER_LASHES
        self._width = np.where(lower, LOWER_LASHES * WIDTH, WIDTH).astype(np.float32)
        self._tint = np.exp(rng.normal(0.0, 0.15, (count, 3))).astype(np.float32)

    def build(
        self, vertices: Floats, colour: tuple[float, float, float], length: float, width: float
    ) -> Surface:
        """Lashes on posed vertices (V, 3).

        Args:
            vertices: world metres. colour: linear RGB.
            length: relative to the model's. width: relative to a natural lash; mascara thickens.
        """
        points = np.einsum("spkc,spk->spc", vertices[self._corners], self._weights)
        points = points[:, :1] + (points - points[:, :1]) * self._length * np.float32(length)
        outward = points[:, -1] - points[:, 0]
        normals = outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
        thick = self._width * np.float32(width)
        strands = Strands(points, normals.astype(np.float32), thick, self._tint, np.zeros_like(thick))
        return ribbons(
            strands,
            Material(Kind.STRANDS, colour=colour, roughness=0.7, specular=0.3, fine=True),
            root_shade=0.7,
        )


def _along(column: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """POINTS evenly spaced along a chain of vertices: two corners and weights for each, (POINTS, 2)."""
    at = np.linspace(0.0, len(column) - 1, POINTS)
    low = np.minimum(at.astype(int), len(column) - 2)
    chain = np.asarray(column)
    share = at - low
    return np.stack([chain[low], chain[low + 1]], axis=1), np.stack([1 - share, share], axis=1)


def _columns(model: HeadModel) -> tuple[dict[int, list[int]], list[tuple[int, int]]]:
    """Chains of vertices from the lid outwards, by their root, and the pairs of roots that are neighbours."""
    mean = model.assets.mean
    tree = cKDTree(mean[model.parts["skin"]])
    away = np.asarray(tree.query(mean)[0])
    lash = np.isin(model.quads, model.parts["lashes"]).all(axis=1)
    onwards: dict[int, int] = {}
    beside: list[tuple[int, int]] = []
    for a, b, c, d in model.quads[lash].tolist():
        across = ((a, b), (d, c)), ((a, d), (b, c))
        rises = [sum(abs(away[p] - away[q]) for p, q in pairs) for pairs in across]
        (p, q), (r, s) = across[0] if rises[0] > rises[1] else across[1]
        if away[p] + away[r] > away[q] + away[s]:
            p, q, r, s = q, p, s, r
        onwards[p], onwards[r] = q, s
        beside.append((p, r))
    roots = set(onwards) - set(onwards.values())
    columns = {}
    for root in roots:
        chain = [root]
        while chain[-1] in onwards and len(chain) < 12:
            chain.append(onwards[chain[-1]])
        if len(chain) > 2:  # shorter ones lie at the strips' ends, across their direction
            columns[root] = chain
    return columns, [(p, r) for p, r in beside if p in columns and r in columns]
