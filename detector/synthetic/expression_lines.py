"""What an expression does to the skin: lines that deepen where it folds, cheeks that swell above a smile.

Both follow the weights of the ARKit shapes, region by region, after the usual descriptions of the facial
actions. The lines are one image, the same for all people, that the vertices blend in; the swelling moves
vertices along their normals, labels and all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.paint import blur, smoothstep
from detector.synthetic.relief import (
    crows_feet,
    engrave,
    forehead,
    frown,
    normals_from_height,
    sides,
    smile_fold,
    under_eye,
)
from detector.synthetic.surfaces import Floats, Pixels
from detector.synthetic.texture_maps import SkinMaps
from fitting.head_model import HeadModel

Acts = dict[str, float]


@dataclass(frozen=True)
class FoldRegion:
    """A part of the face that folds, in millimetres on the mean head.

    Attributes:
        low: the least |x| and the least y. high: the greatest.
        acts: how much each shape deepens its lines.
        paired: whether each side follows its own shapes; otherwise both follow the mean of the sides.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    acts: Acts
    paired: bool = True


REGIONS: tuple[FoldRegion, ...] = (
    FoldRegion((-1.0, 32.0), (26.0, 66.0), {"browInnerUp": 0.9, "browOuterUp": 0.3}, paired=False),
    FoldRegion((26.0, 30.0), (60.0, 66.0), {"browOuterUp": 0.9, "browInnerUp": 0.2}),
    FoldRegion((-1.0, 6.0), (13.0, 29.0), {"browDown": 1.0, "noseSneer": 0.3}, paired=False),
    FoldRegion((43.0, -20.0), (66.0, 16.0), {"cheekSquint": 0.5, "eyeSquint": 0.4, "mouthSmile": 0.4}),
    FoldRegion((13.0, -24.0), (43.0, -8.0), {"cheekSquint": 0.6, "eyeSquint": 0.4, "noseSneer": 0.3}),
    FoldRegion(
        (13.0, -84.0),
        (40.0, -38.0),
        {"mouthSmile": 0.9, "mouthUpperUp": 0.4, "noseSneer": 0.5, "mouthDimple": 0.4, "mouthStretch": 0.2},
    ),
)
SOFT_MM = 4.0
"""Over which a region's lines fade at its border."""


@dataclass(frozen=True)
class Swelling:
    """Flesh that an expression pushes out or draws in.

    Attributes:
        centre: millimetres on the mean head, on the actor's left. size: standard deviations.
        height: millimetres outwards at full effect; negative draws in.
        acts: the effect of each shape of that side.
    """

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    height: float
    acts: Acts


SMILE: Acts = {"mouthSmile": 0.7, "cheekSquint": 0.3, "mouthDimple": 0.2}
SWELLINGS: tuple[Swelling, ...] = (
    Swelling((38.0, -37.0, 16.0), (11.0, 10.0, 16.0), 3.6, SMILE),
    Swelling((29.0, -15.0, 17.0), (11.0, 3.5, 10.0), 1.0, {"cheekSquint": 0.6, "eyeSquint": 0.5}),
    Swelling((20.0, -49.0, 26.0), (3.0, 5.0, 8.0), -1.4, SMILE),
    Swelling((26.0, -58.0, 23.0), (3.2, 5.0, 8.0), -1.8, SMILE),
    Swelling((31.5, -68.0, 18.0), (3.4, 5.0, 8.0), -1.6, SMILE),
    Swelling((33.0, -78.0, 14.0), (3.4, 4.5, 8.0), -0.8, SMILE),
)


def draw_lines(maps: SkinMaps, rng: np.random.Generator) -> Pixels:
    """The lines of all regions (H, W, 3): x and y of their normals in red and green, depth in blue."""
    depth = np.zeros(maps.shape, np.float32)
    for lines, deep, width in (
        (forehead(rng), 0.45, 1.5),
        (sides(crows_feet, rng), 0.35, 1.0),
        (sides(smile_fold, rng), 1.1, 2.6),
        (sides(under_eye, rng), 0.4, 1.3),
        (sides(frown, rng), 0.5, 1.6),
    ):
        depth += engrave(maps, lines, width) * np.float32(deep)
    image = normals_from_height(-depth, maps.texels_per_mm)
    image[..., 2] = np.clip(blur(depth, 1.0) * 255.0, 0.0, 255.0).astype(np.uint8)
    return image


class ExpressionFolds:
    """How deep the lines and how swollen the flesh is, vertex by vertex; made once for all heads.

    Args:
        model: the head. refined: (R, 3) the drawn vertices of the mean head, metres.
    """

    def __init__(self, model: HeadModel, refined: Floats) -> None:
        names = model.expression_names
        flesh = np.zeros((len(model.assets.mean), 1))
        flesh[model.region("outer_skin")] = 1.0
        mean = model.assets.mean.astype(np.float64)
        acts = [region.acts for region in REGIONS for _ in range(2)]
        self._lines = _effects(names, acts, [region.paired for region in REGIONS for _ in range(2)])
        self._line_masks = np.stack(
            [_box(refined, region, side) for region in REGIONS for side in (1.0, -1.0)], axis=1
        )
        pushes = [swelling for swelling in SWELLINGS for _ in range(2)]
        self._pushes = _effects(names, [swelling.acts for swelling in pushes], [True] * len(pushes))
        blobs = [_blob(mean, swelling, side) for swelling in SWELLINGS for side in (1.0, -1.0)]
        self._push_masks = np.stack(blobs, axis=1) * flesh

    def depth(self, expression: NDArray[np.floating]) -> Floats:
        """How deep the lines are (R,) in [0, 1] for weights (E,)."""
        strength = np.clip(self._lines @ expression, 0.0, 1.2)
        return np.asarray(np.minimum(self._line_masks @ strength, 1.0), np.float32)

    def swell(self, expression: NDArray[np.floating]) -> Floats:
        """How far each of the model's vertices moves along its normal (V,), metres, for weights (E,)."""
        return np.asarray(self._push_masks @ np.clip(self._pushes @ expression, 0.0, 1.2), np.float32)


def _effects(names: tuple[str, ...], acts: list[Acts], paired: list[bool]) -> NDArray[np.float64]:
    """(n, E) how each shape acts on each mask; masks come in pairs, left first."""
    matrix = np.zeros((len(acts), len(names)))
    for i, (own, by_side) in enumerate(zip(acts, paired, strict=True)):
        for act, effect in own.items():
            for name, share in _shapes(act, names, "Left" if i % 2 == 0 else "Right", by_side).items():
                matrix[i, names.index(name)] += effect * share
    return matrix


def _shapes(act: str, names: tuple[str, ...], side: str, by_side: bool) -> Mapping[str, float]:
    if act in names:
        return {act: 1.0}
    return {f"{act}{side}": 1.0} if by_side else {f"{act}Left": 0.5, f"{act}Right": 0.5}


def _box(points: Floats, region: FoldRegion, side: float) -> Floats:
    """(R,) 1 inside a region of one side, with soft borders; only before the ears."""
    x, y, z = points.T.astype(np.float64) * 1000.0
    inner, lowest = region.low
    outer, highest = region.high
    across = smoothstep(x * side, inner - SOFT_MM / 2, inner + SOFT_MM / 2)
    if inner < 0.0:
        across = smoothstep(x * side, -0.5, 0.5)
    across = across * smoothstep(-x * side, -outer - SOFT_MM / 2, -outer + SOFT_MM / 2)
    along = smoothstep(y, lowest - SOFT_MM / 2, lowest + SOFT_MM / 2)
    along = along * smoothstep(-y, -highest - SOFT_MM / 2, -highest + SOFT_MM / 2)
    return np.asarray(across * along * (z > -25.0), np.float32)


def _blob(points: NDArray[np.floating], swelling: Swelling, side: float) -> Floats:
    """(V,) metres by which a swelling of one side moves each vertex at full effect."""
    offset = points * 1000.0 * [side, 1.0, 1.0] - swelling.centre
    near = np.exp(-0.5 * ((offset / swelling.size) ** 2).sum(axis=1))
    return np.asarray(np.where(near > 0.02, near, 0.0) * swelling.height * 1e-3, np.float32)
