"""Small regressions from many coordinates to many: ridge on main components, a perceptron on the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

COMPONENTS = 160
"""Main components that the ridge regression sees at most; the perceptron sees fewer, of unit variance."""

PERCEPTRON_COMPONENTS = 12
STEPS, RATE, DECAY = 40, 3e-3, 0.3
"""Few components and few steps: with hundreds of photographs, more only learn them by heart."""

SEED = 0


@dataclass(frozen=True)
class Recipe:
    """How to fit.

    Attributes:
        ridge: variance that shrinks the regression, in units of the features squared; None for a constant.
        hidden: units of the perceptron that is fitted to the residuals; 0 for none.
    """

    ridge: float | None
    hidden: int = 0

    @property
    def name(self) -> str:
        """In words."""
        if self.ridge is None:
            return "constant"
        return f"ridge {self.ridge:g}" + (f" + perceptron {self.hidden}" if self.hidden else "")


RECIPES = (
    Recipe(None),
    *(Recipe(ridge) for ridge in (1e-2, 1e-3, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)),
    *(Recipe(ridge, 32) for ridge in (3e-5, 1e-5)),
)
"""Of which cross-validation chooses."""


@dataclass(frozen=True, eq=False)
class Regression:
    """``offset + x basis linear + tanh(x basis inner + inner_bias) outer`` for x = features - centre.

    Attributes:
        centre: (D,). basis: (D, K). linear: (K, T). offset: (T,).
        inner: (K, H). inner_bias: (H,). outer: (H, T).
    """

    centre: Floats
    basis: Floats
    linear: Floats
    offset: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats

    def __call__(self, features: Floats) -> Floats:
        """Targets (N, T) of features (N, D)."""
        scores = (features - self.centre) @ self.basis
        hidden = np.tanh(scores @ self.inner + self.inner_bias)
        return np.asarray(self.offset + scores @ self.linear + hidden @ self.outer)


def fit_regression(features: Floats, targets: Floats, recipe: Recipe) -> Regression:
    """Fit targets (N, T) to features (N, D) by a recipe; the same data give the same result."""
    centre, offset = features.mean(0), targets.mean(0)
    count = 0 if recipe.ridge is None else min(COMPONENTS, *features.shape)
    _, singular, rows = np.linalg.svd(features - centre, full_matrices=False)
    basis, variance = rows[:count].T, singular[:count] ** 2 / len(features)
    scores, rest = (features - centre) @ basis, targets - offset
    linear = (scores.T @ rest / len(features)) / (variance + (recipe.ridge or 0.0))[:, None]
    perceptron = _fit_perceptron(scores, np.sqrt(variance), rest - scores @ linear, recipe.hidden)
    return Regression(centre, basis, linear, offset, *perceptron)


def _fit_perceptron(
    scores: Floats, deviation: Floats, targets: Floats, hidden: int
) -> tuple[Floats, Floats, Floats]:
    """Inner weights (K, H) and biases (H,), outer weights (H, T) of tanh units; zero-sized for H = 0."""
    used = min(PERCEPTRON_COMPONENTS, scores.shape[1]) if hidden else 0
    if not used:
        return np.zeros((scores.shape[1], 0)), np.zeros(0), np.zeros((0, targets.shape[1]))
    x = torch.from_numpy(scores[:, :used] / deviation[:used]).float()
    scale = float(targets.std())
    y = torch.from_numpy(targets / scale).float()
    generator = torch.Generator().manual_seed(SEED)
    inner = (torch.randn((used, hidden), generator=generator) / used**0.5).requires_grad_()
    bias = torch.zeros(hidden, requires_grad=True)
    outer = torch.zeros((hidden, y.shape[1]), requires_grad=True)
    _descend(x, y, (inner, bias, outer))
    whole = np.zeros((scores.shape[1], hidden))
    whole[:used] = inner.detach().numpy() / deviation[:used, None]
    return whole, bias.detach().numpy().astype(np.float64), scale * outer.detach().numpy().astype(np.float64)


def _descend(x: Tensor, y: Tensor, parameters: tuple[Tensor, Tensor, Tensor]) -> None:
    inner, bias, outer = parameters
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = (torch.tanh(x @ inner + bias) @ outer - y).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
