"""Hair too short to stand out from the skin: stubble, trimmed beards, a shaven or cropped scalp."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.synthetic.mouth_paint import lip_outline
from detector.synthetic.paint import Floats, Window, blur, fill, fractal, mix, noise, smoothstep, whole
from detector.synthetic.skin_regions import hair_masks
from detector.synthetic.texture_maps import SkinMaps

# Which parts of the beard grow together, and how often.
BEARDS: tuple[tuple[float, dict[str, float]], ...] = (
    (0.50, {"moustache": 1.0, "chin": 1.0, "soul": 1.0, "jaw": 0.85}),
    (0.15, {"moustache": 1.0, "chin": 1.0, "soul": 1.0, "jaw": 0.25}),
    (0.15, {"moustache": 1.0, "chin": 1.0, "soul": 0.9, "jaw": 0.0}),
    (0.08, {"moustache": 1.0, "chin": 0.1, "soul": 0.1, "jaw": 0.1}),
    (0.06, {"moustache": 0.3, "chin": 1.0, "soul": 0.7, "jaw": 0.3}),
    (0.06, {"moustache": 0.2, "chin": 0.7, "soul": 0.3, "jaw": 1.0}),
)


@dataclass(frozen=True)
class ShortHairStyle:
    """How short hair covers the skin.

    Attributes:
        colour: linear RGB of the hair.
        grey: fraction of white hairs.
        beard: how much each part of the beard grows, by the names of :class:`HairMasks`.
        beard_length: 0 is a shadow under the skin, 1 a full beard that hides it.
        scalp: opacity of the hair on the scalp; 0 leaves it bald.
        recession: millimetres by which the hairline is higher than usual.
    """

    colour: Floats
    grey: float
    beard: dict[str, float]
    beard_length: float
    scalp: float
    recession: float


def draw_short_hair(
    colour: Floats, grey: float, bearded: bool, age: float, rng: np.random.Generator
) -> ShortHairStyle:
    """A random style of hair of this linear colour (3,)."""
    shares = np.array([share for share, _ in BEARDS])
    parts = BEARDS[rng.choice(len(BEARDS), p=shares / shares.sum())][1]
    length = rng.beta(0.9, 1.4) if bearded else 0.0
    scalp = rng.uniform(0.35, 1.0) if rng.random() < 0.6 else 0.0
    return ShortHairStyle(
        colour, grey, parts if bearded else {}, length, scalp, max(0.0, rng.normal(9 * age, 5.0))
    )


def paint_short_hair(image: Floats, maps: SkinMaps, style: ShortHairStyle, rng: np.random.Generator) -> None:
    """Paint beard and scalp on linear RGB (H, W, 3), in place."""
    masks = hair_masks(maps)
    if style.beard:
        density = sum(masks.beard[name] * np.float32(amount) for name, amount in style.beard.items())
        density = np.minimum(np.asarray(density, np.float32), 1.0)
        rough = fractal(maps.shape, (22.0, 9.0, 4.0), rng)
        density = smoothstep(density * (1.0 + 0.22 * rough), 0.12, 0.85)
        _without_lips(density, maps)
        _paint_beard(image, maps, density, style, rng)
    if style.scalp > 0:
        edge = 4.0 * fractal(maps.shape, (26.0, 10.0, 3.0), rng)
        density = smoothstep(masks.hairline - np.float32(style.recession) + edge, -4.0, 7.0)
        grain = noise(maps.shape, 1.0, rng) * 0.20
        alpha = density * np.float32(style.scalp) * np.clip(0.72 + grain, 0.0, 1.0)
        mix(image, whole(maps.shape), _mixed(style, maps.shape, rng), alpha)


def _without_lips(density: Floats, maps: SkinMaps) -> None:
    outline = lip_outline(maps)
    window = Window.around(outline, 6.0, maps.shape)
    density[window.slices] *= 1.0 - np.minimum(1.6 * blur(fill(window, outline), 1.2), 1.0)


def _paint_beard(
    image: Floats, maps: SkinMaps, density: Floats, style: ShortHairStyle, rng: np.random.Generator
) -> None:
    """A bluish shadow of roots, then hairs that run down the face (+x of the texture)."""
    rows, columns = np.nonzero(density > 0.02)
    if len(rows) == 0:
        return
    window = Window(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)
    part = density[window.slices]
    shadow = np.clip(0.22 + 0.4 * style.beard_length, 0.0, 0.6)
    root = style.colour * 0.6 + np.array([0.030, 0.032, 0.040], np.float32)
    mix(image, window, root, blur(part, 2.0) * np.float32(shadow))
    grain = noise(window.shape, 1.0, rng)
    reach = 1 + 2 * round(1.0 + 3.0 * style.beard_length)
    if style.beard_length > 0.15:
        grain = cv2.blur(grain, (reach, 1)) * np.float32(np.sqrt(reach))
    sparse = np.float32(1.0 - 1.7 * style.beard_length)
    hairs = smoothstep(grain, float(sparse) - 0.5, float(sparse) + 0.9)
    strength = np.float32(0.35 + 0.6 * np.sqrt(style.beard_length))
    mix(image, window, _mixed(style, window.shape, rng), part * hairs * strength)


def _mixed(style: ShortHairStyle, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Colour (h, w, 3) that varies from hair to hair, some of them white."""
    shade = np.exp(0.25 * noise(shape, 1.0, rng))
    colour = style.colour[None, None] * shade[..., None]
    if style.grey > 0.02:
        white = (noise(shape, 1.0, rng) < np.float32(3.0 * style.grey - 1.5))[..., None] * np.float32(0.75)
        colour = colour + (np.array([0.32, 0.31, 0.295], np.float32) - colour) * white
    return np.asarray(colour, np.float32)
