"""Eyebrows: strands along the curves of landmarks 17 to 26, in the shapes that people have or draw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detector.synthetic.paint import Array, Floats, Window, blur, curve, fill, mix, strokes
from detector.synthetic.texture_maps import SkinMaps

RIGHT_BROW = (21, 20, 19, 18, 17)
LEFT_BROW = (22, 23, 24, 25, 26)
"""From the nose outwards."""


@dataclass(frozen=True)
class BrowStyle:
    """How a pair of brows looks; lengths in millimetres.

    Attributes:
        colour: linear RGB of the hair.
        grey: fraction of white hairs.
        width: at the thickest place.
        inner: width at the inner end, as a fraction of `width`.
        lift: how far the middle lies above the landmarks.
        arch: how far the outer third rises above that.
        start: where the brow begins along the curve; negative is nearer to the nose.
        end: where it ends; beyond 1 is past the landmark.
        count: strands.
        length: of a strand.
        disorder: spread of the strands' directions in radians.
        strength: how much a strand covers.
        powder: opacity of the soft colour under the strands; makeup when it is high.
    """

    colour: Floats
    grey: float
    width: float
    inner: float
    lift: float
    arch: float
    start: float
    end: float
    count: int
    length: float
    disorder: float
    strength: float
    powder: float


def draw_brow_style(
    colour: Floats, grey: float, rng: np.random.Generator, groomed: float = 0.0, faint: bool = False
) -> BrowStyle:
    """Brows of hair of this linear colour (3,); `groomed` is from 0 (as grown) to 1 (drawn with a pencil)."""
    thick = rng.beta(2.0, 2.2)
    density = rng.beta(2.2, 1.6) * (0.35 if faint else 1.0)
    return BrowStyle(
        colour=np.asarray(colour * rng.uniform(0.45, 0.9), np.float32),
        grey=grey,
        width=3.6 + 6.6 * thick * (1.0 - 0.35 * groomed),
        inner=rng.uniform(0.65, 1.1),
        lift=rng.normal(-0.6, 0.8),
        arch=rng.normal(0.4 + 0.9 * groomed, 0.9),
        start=rng.normal(-0.02, 0.06),
        end=rng.normal(1.02, 0.07),
        count=int(180 + 800 * density * (0.6 + thick)),
        length=rng.uniform(4.5, 8.5) * (0.75 + 0.5 * thick),
        disorder=0.12 + 0.32 * rng.random() ** 2 * (1.0 - groomed),
        strength=rng.uniform(0.45, 0.95),
        powder=rng.uniform(0.05, 0.35) * (0.4 + density) + 0.45 * groomed * rng.random(),
    )


def paint_brows(image: Floats, maps: SkinMaps, style: BrowStyle, rng: np.random.Generator) -> None:
    """Paint both brows on linear RGB (H, W, 3), in place."""
    for landmarks in (RIGHT_BROW, LEFT_BROW):
        own = replace(
            style,
            width=style.width * rng.normal(1.0, 0.05),
            lift=style.lift + rng.normal(0.0, 0.35),
            arch=style.arch + rng.normal(0.0, 0.3),
            end=style.end + rng.normal(0.0, 0.02),
        )
        _paint_brow(image, _Spine(maps.landmarks[list(landmarks)], maps.texels_per_mm, own), own, rng)


class _Spine:
    """The middle line of a brow: places and directions along it, t from 0 (inner) to 1 (outer)."""

    def __init__(self, points: Array, scale: float, style: BrowStyle) -> None:
        line = curve(points, 64)
        tangent = np.gradient(line, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        # The forehead is towards -x in the texture.
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
        self.up = np.asarray(normal * np.where(normal[:, :1] > 0, -1.0, 1.0))
        self.out = tangent
        grid = np.linspace(0.0, 1.0, 64)
        raised = style.lift + style.arch * np.exp(-(((grid - 0.62) / 0.22) ** 2))
        self.line = line + self.up * (raised * scale)[:, None]
        self.scale = scale

    def at(self, t: Array) -> tuple[Array, Array, Array]:
        """Places, outward and upward directions (n, 2) at t (n,); the ends are continued."""
        index = np.clip(np.rint(t * 63), 0, 63).astype(int)
        beyond = (t - np.clip(t, 0.0, 1.0))[:, None] * np.linalg.norm(self.line[-1] - self.line[0])
        return self.line[index] + self.out[index] * beyond, self.out[index], self.up[index]


def _profile(t: Array, style: BrowStyle) -> Array:
    """Half width in millimetres along the brow: blunt inside, widest at a third, pointed outside."""
    s = (t - style.start) / (style.end - style.start)
    inner = style.inner + (1.0 - style.inner) * np.clip(s / 0.3, 0.0, 1.0)
    outer = np.clip((1.03 - s) / 0.68, 0.0, 1.0) ** 0.75
    blunt = np.clip(s / 0.10, 0.0, 1.0) ** 0.6
    return np.asarray(0.5 * style.width * np.minimum(inner, outer) * blunt)


def _paint_brow(image: Floats, spine: _Spine, style: BrowStyle, rng: np.random.Generator) -> None:
    window = Window.around(spine.line, 16.0 * spine.scale, image.shape[:2])
    line = _strands(spine, style, rng)
    if style.powder > 0.02:
        t = np.linspace(style.start, style.end, 40)
        place, _, up = spine.at(t)
        half = (_profile(t, style) * spine.scale * 0.92)[:, None]
        outline = np.concatenate([place + up * half, (place - up * half)[::-1]])
        soft = blur(fill(window, outline), 0.9 * spine.scale)
        mix(image, window, style.colour * 1.15, soft * np.float32(style.powder))
    strength = style.strength * rng.uniform(0.45, 1.0, len(line))
    white = rng.random(len(line)) < style.grey
    mix(image, window, style.colour, strokes(window, line[~white], strength[~white], 1) * np.float32(1.5))
    if white.any():
        tone = np.array([0.27, 0.26, 0.245], np.float32)
        mix(image, window, tone, strokes(window, line[white], strength[white], 2) * np.float32(0.8))


def _strands(spine: _Spine, style: BrowStyle, rng: np.random.Generator) -> Array:
    """Strokes (n, 4, 2) in texels: upright at the inner end, then along the brow, closing in on its line."""
    t = style.start + (style.end - style.start) * rng.beta(1.05, 1.15, style.count)
    side = np.clip(rng.normal(0.0, 0.52, style.count), -1.1, 1.1)
    root, out, up = spine.at(t)
    root = root + up * (side * _profile(t, style) * spine.scale)[:, None]
    s = np.clip((t - style.start) / (style.end - style.start), 0.0, 1.0)
    angle = 1.35 * np.exp(-s / 0.16) + 0.25 * (1.0 - s) - 0.45 * side * np.clip(s / 0.2, 0.0, 1.0)
    angle = angle + rng.normal(0.0, style.disorder, style.count)
    length = style.length * rng.uniform(0.5, 1.0, style.count) * np.where(s > 0.8, 0.7, 1.0) * spine.scale
    length = np.minimum(length, (1.5 + 1.6 * _profile(t, style)) * spine.scale + 1.0)
    points = [root]
    for bend in (0.0, -0.22, -0.42):
        direction = np.cos(angle + bend)[:, None] * out + np.sin(angle + bend)[:, None] * up
        points.append(points[-1] + direction * (length / 3)[:, None])
    return np.stack(points, axis=1)
