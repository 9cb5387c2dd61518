"""A library of random heads, and the principal components of it that are the identity of the model.

Every random head is `s * (base + c @ targets)`: MakeHuman's base head moved by its macro targets (origin,
sex, age, muscle, weight) and its local face targets, each drawn at random, then scaled. All heads lie in the
span of the base and the targets, so the principal components are found in that small space, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.makehuman import MakeHumanAssets

ORIGINS = ("african", "asian", "caucasian")
SEXES = ("female", "male")
AGES = ("child", "young", "old")
AMOUNTS = ("min", "average", "max")  # of muscle and of weight
# The folders of local targets, with the standard deviation of their sliders. At 1.0 MakeHuman's sliders are
# caricatures; those of the whole head move the skull by centimetres.
SLIDER_SIGMA = {
    "head": 0.14,
    "forehead": 0.22,
    "neck": 0.22,
    "eyes": 0.28,
    "ears": 0.28,
    "eyebrows": 0.28,
    "nose": 0.28,
    "mouth": 0.28,
    "chin": 0.28,
    "cheek": 0.28,
}
ASYMMETRY_SIGMA = 0.15
SIDE_SIGMA = 0.10
SIZE_SIGMA = 0.035
# The unscaled library has eyes 57.5 mm apart where adults average 63 mm, but ears as wide as theirs: this is
# the mean of what the two ask for.
SIZE_MEAN = 1.06


@dataclass(frozen=True, eq=False)
class Slider:
    """One axis of variation: the two ends (either may be absent) on each side that it exists on."""

    negative: tuple[int, ...]
    positive: tuple[int, ...]
    sigma: float
    one_sided: bool


@dataclass(frozen=True, eq=False)
class IdentityBasis:
    """Principal components of the library.

    Attributes:
        mean: (P, 3) metres, the mean of the P carried points (head vertices, then joints).
        components: (B, P, 3) metres per standard deviation: the coefficients have unit variance.
        explained: (B,) share of the library's variance along each component.
        drawn: (N, B) coefficients of the N heads that were drawn.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained: NDArray[np.float64]
    drawn: NDArray[np.float64]


class HeadLibrary:
    """Draws random heads as amounts of MakeHuman's targets.

    Attributes:
        names: the (folder, name) of each of the T targets that a head is mixed from.
    """

    def __init__(self, assets: MakeHumanAssets) -> None:
        self.assets = assets
        self.names: list[tuple[str, str]] = []
        self._index: dict[tuple[str, str], int] = {}
        self.sliders = list(self._make_sliders())
        self._origin_slots = [
            (self._slot("macrodetails", f"{ORIGINS[o]}-{SEXES[s]}-{AGES[a]}"), (o, s, a))
            for o, s, a in np.ndindex(len(ORIGINS), len(SEXES), len(AGES))
        ]
        self._build_slots = [
            (
                self._slot(
                    "macrodetails",
                    f"universal-{SEXES[s]}-{AGES[a]}-{AMOUNTS[m]}muscle-{AMOUNTS[w]}weight",
                ),
                (s, a, m, w),
            )
            for s, a, m, w in np.ndindex(len(SEXES), len(AGES), len(AMOUNTS), len(AMOUNTS))
        ]

    def draw(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Random heads: target amounts (count, T) and sizes (count,)."""
        amounts = np.zeros((count, len(self.names)))
        for slider in self.sliders:
            value = np.clip(rng.normal(0.0, slider.sigma, count), -1.0, 1.0)
            if slider.one_sided:
                value = np.abs(value)
            # The two sides of a face vary together, with a little difference of their own.
            for side, (low, high) in enumerate(
                zip(_padded(slider.negative), _padded(slider.positive), strict=True)
            ):
                sided = value if side == 0 else value + rng.normal(0.0, SIDE_SIGMA, count)
                if high is not None:
                    amounts[:, high] += np.maximum(sided, 0.0)
                if low is not None:
                    amounts[:, low] += np.maximum(-sided, 0.0)
        self._draw_macros(amounts, rng)
        return amounts, np.clip(rng.normal(SIZE_MEAN, SIZE_SIGMA, count), 0.9, 1.15)

    def _draw_macros(self, amounts: NDArray[np.float64], rng: np.random.Generator) -> None:
        count = len(amounts)
        origin = rng.dirichlet(np.full(len(ORIGINS), 0.6), count)
        male = rng.beta(0.5, 0.5, count)
        sex = np.stack([1.0 - male, male], axis=1)
        # From adolescents to the old; small children are a shape of their own and are left out.
        age = _between(rng.uniform(0.35, 1.0, count), (0.1875, 0.5, 1.0))
        muscle = _between(rng.beta(3.0, 3.0, count), (0.0, 0.5, 1.0))
        weight = _between(rng.beta(3.0, 3.0, count), (0.0, 0.5, 1.0))
        for slot, (o, s, a) in self._origin_slots:
            amounts[:, slot] = origin[:, o] * sex[:, s] * age[:, a]
        for slot, (s, a, m, w) in self._build_slots:
            amounts[:, slot] = sex[:, s] * age[:, a] * muscle[:, m] * weight[:, w]

    def _make_sliders(self) -> Iterator[Slider]:
        for folder, sigma in SLIDER_SIGMA.items():
            paired: set[str] = set()
            for ends in self.assets.sliders(folder):
                sides = ("left", "right") if ends["negative-left"] or ends["positive-left"] else ("unsided",)
                paired.update(name for name in ends.values() if name)
                yield Slider(
                    negative=tuple(self._slot(folder, ends[f"negative-{side}"]) for side in sides),
                    positive=tuple(self._slot(folder, ends[f"positive-{side}"]) for side in sides),
                    sigma=sigma,
                    one_sided=False,
                )
            for name in self.assets.target_names(folder):
                if name not in paired:
                    yield Slider((), (self._slot(folder, name),), sigma, one_sided=True)
        for name in self.assets.target_names("asym"):
            if not name.startswith("asymm-"):  # those move the breast and the trunk
                yield Slider((), (self._slot("asym", name),), ASYMMETRY_SIGMA, one_sided=True)

    def _slot(self, folder: str, name: str) -> int:
        key = (folder, name)
        if key not in self._index:
            self._index[key] = len(self.names)
            self.names.append(key)
        return self._index[key]


def identity_basis(
    base: NDArray[np.float64],
    targets: NDArray[np.float64],
    amounts: NDArray[np.float64],
    sizes: NDArray[np.float64],
    components: int,
) -> IdentityBasis:
    """Principal components of the heads `sizes * (base + amounts @ targets)`.

    Args:
        base: (P, 3) metres, carried points of the base head, in the canonical frame.
        targets: (T, P, 3) metres, displacements of each target in the canonical frame.
        amounts: (N, T).
        sizes: (N,).
        components: B, the number of components to keep.
    """
    span = np.concatenate([base[None], targets]).reshape(len(targets) + 1, -1)
    orthonormal, mixing = np.linalg.qr(span.T)  # span.T = orthonormal @ mixing
    coefficients = sizes[:, None] * np.concatenate([np.ones((len(amounts), 1)), amounts], axis=1)
    heads = coefficients @ mixing.T
    mean = heads.mean(axis=0)
    variance, directions = np.linalg.eigh(np.cov(heads - mean, rowvar=False))
    order = np.argsort(variance)[::-1][:components]
    sigma = np.sqrt(variance[order])
    basis = (orthonormal @ directions[:, order] * sigma).T
    return IdentityBasis(
        mean=(orthonormal @ mean).reshape(base.shape),
        components=basis.reshape(components, *base.shape),
        explained=variance[order] / variance.sum(),
        drawn=(heads - mean) @ directions[:, order] / sigma,
    )


def _between(value: NDArray[np.float64], knots: tuple[float, float, float]) -> NDArray[np.float64]:
    """Linear interpolation weights (N, 3) of values among three knots."""
    return np.stack([np.interp(value, knots, row) for row in np.eye(3)], axis=1)


def _padded(slots: tuple[int, ...]) -> tuple[int | None, int | None]:
    first = slots[0] if slots else None
    second = slots[1] if len(slots) > 1 else None
    return first, second
