"""Teeth, gums and tongue as images: single teeth of natural widths in scalloped gums, a furrowed tongue.

The dental image holds the upper jaw in its top half and the lower in its bottom half. Across it runs the
angle round the dental arch, from right to left; down each half the height, gums first for the upper jaw,
edges first for the lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthetic.paint import Array, Floats, blur, noise, smoothstep
from detector.synthetic.pigment import Colour, linear_colour, to_srgb
from detector.synthetic.relief import normals_from_height

Pixels = NDArray[np.uint8]

WIDTH, JAW_ROWS, TONGUE = 640, 64, 96
ARCH_SPAN = 2.3
"""Radians from the midline to either end of the image."""
ARCH_RADIUS_MM, JAW_MM = 30.0, 22.0
UPPER_TOP_MM, LOWER_TOP_MM = -49.0, -65.0
UPPER_EDGE_MM, LOWER_EDGE_MM = -70.0, -70.5
"""Heights on the mean head: where each half of the image begins, and where the teeth end."""
CROWNS = {"upper": (9.7, 7.6, 8.6, 8.0, 7.8, 11.0, 10.5), "lower": (6.2, 6.8, 7.8, 8.0, 8.2, 12.0, 11.5)}
"""Widths in millimetres from the midline backwards, scaled to this head's arch (means after Wheeler)."""
LENGTHS = {"upper": (10.8, 9.8, 10.6, 8.8, 8.2, 7.6, 7.2), "lower": (8.8, 9.2, 10.2, 8.6, 8.0, 7.4, 7.0)}
TEETH: tuple[Colour, ...] = ((0.84, 0.81, 0.74), (0.88, 0.86, 0.81), (0.79, 0.73, 0.62), (0.73, 0.66, 0.53))
GUMS: tuple[Colour, Colour] = ((0.72, 0.42, 0.41), (0.46, 0.27, 0.28))
TONGUE_COLOUR: Colour = (0.66, 0.38, 0.37)


@dataclass(frozen=True, eq=False)
class MouthTextures:
    """The inside of a mouth, sRGB images.

    Attributes:
        teeth: (2 JAW_ROWS, WIDTH, 3) teeth and gums of both jaws. teeth_normal: their relief.
        tongue: (TONGUE, TONGUE, 3) seen from above, the tip at the bottom. tongue_normal: its relief.
    """

    teeth: Pixels
    teeth_normal: Pixels
    tongue: Pixels
    tongue_normal: Pixels


def teeth_uv(points: NDArray[np.floating], upper: bool) -> Floats:
    """Texture coordinates (n, 2) of points (n, 3) of a jaw's teeth on the mean head, metres."""
    x, y, z = (points.astype(np.float64) * 1000.0).T
    turn = np.arctan2(x, z + 12.0)
    top = UPPER_TOP_MM if upper else LOWER_TOP_MM
    down = np.clip((top - y) / JAW_MM, 0.02, 0.98) * 0.5 + (0.0 if upper else 0.5)
    return np.stack([0.5 + 0.5 * turn / ARCH_SPAN, 1.0 - down], axis=1).astype(np.float32)


def tongue_uv(points: NDArray[np.floating]) -> Floats:
    """Texture coordinates (n, 2) of points (n, 3) of the tongue on the mean head, metres."""
    x, _, z = (points.astype(np.float64) * 1000.0).T
    return np.stack([0.5 + x / 50.0, np.clip((15.0 - z) / 78.0, 0.0, 1.0)], axis=1).astype(np.float32)


def draw_mouth_textures(dark: float, rng: np.random.Generator) -> MouthTextures:
    """The inside of a random mouth; `dark` in [0, 1] is how much melanin the gums hold."""
    enamel = linear_colour(TEETH[rng.integers(len(TEETH))]) * np.float32(rng.normal(1.0, 0.05))
    gum = linear_colour(GUMS[0]) * (1 - dark) + linear_colour(GUMS[1]) * dark
    gum = (gum * np.exp(rng.normal(0.0, [0.1, 0.06, 0.06]))).astype(np.float32)
    jaws = [_draw_jaw(jaw, enamel, gum, rng) for jaw in ("upper", "lower")]
    colour = np.concatenate([jaw[0] for jaw in jaws])
    normal = np.concatenate([normals_from_height(jaw[1], JAW_ROWS / JAW_MM) for jaw in jaws])
    return MouthTextures(to_srgb(colour), normal, *_draw_tongue(rng))


@dataclass(frozen=True, eq=False)
class _Jaw:
    """Where the texels of one jaw lie.

    Attributes:
        rise: (rows, 1) millimetres from the teeth's edge towards the gum.
        number: (columns,) the tooth. middle: (columns,) 0 between teeth, 1 in the middle of one.
        gap: (rows, columns) 1 in the shadow between neighbours.
        in_gum: (rows, columns) 1 on the gum, whose border is scalloped.
        count: teeth.
    """

    rise: Floats
    number: NDArray[np.int64]
    middle: Floats
    gap: Floats
    in_gum: Floats
    count: int


def _lay_out(jaw: str, rng: np.random.Generator) -> _Jaw:
    upper = jaw == "upper"
    along, number = _columns(jaw, rng)
    top, edge = (UPPER_TOP_MM, UPPER_EDGE_MM) if upper else (LOWER_TOP_MM, LOWER_EDGE_MM)
    y = top - (np.arange(JAW_ROWS)[:, None] + 0.5) * JAW_MM / JAW_ROWS
    rise = (y - edge if upper else edge - y).astype(np.float32)
    lengths = np.asarray(LENGTHS[jaw]) * rng.normal(1.0, 0.06)
    of_tooth = np.concatenate([lengths[::-1], lengths])
    middle = 1.0 - (2.0 * along - 1.0) ** 2
    border = of_tooth - rng.normal(0.0, 0.25, len(of_tooth))
    line = border[number] - 2.6 * (1.0 - np.sqrt(middle))
    gap = np.exp(-((np.minimum(along, 1.0 - along) / 0.055) ** 2))[None] * smoothstep(-rise, -9.0, -1.5)
    return _Jaw(
        rise,
        number,
        middle.astype(np.float32),
        np.asarray(gap, np.float32),
        smoothstep(rise - line[None].astype(np.float32), -0.25, 0.35),
        len(of_tooth),
    )


def _draw_jaw(jaw: str, enamel: Floats, gum: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Linear RGB (JAW_ROWS, WIDTH, 3) and height (JAW_ROWS, WIDTH) in millimetres of a jaw."""
    place = _lay_out(jaw, rng)
    tooth = _tooth_colour(place, enamel, rng)
    flesh = gum * (1.0 + 0.10 * noise((JAW_ROWS, WIDTH), 9.0, rng))[..., None]
    flesh = flesh * (1.0 - 0.35 * smoothstep(place.rise, 9.0, 15.0))[..., None]
    colour = np.asarray(tooth + (flesh - tooth) * place.in_gum[..., None], np.float32)
    round_ = np.sqrt(place.middle)[None]
    height = 0.9 * round_ * (1.0 - place.in_gum) + (0.7 + 0.25 * round_) * place.in_gum
    return colour, blur(np.asarray(height, np.float32), 1.0)


def _tooth_colour(place: _Jaw, enamel: Floats, rng: np.random.Generator) -> Floats:
    """Linear RGB (JAW_ROWS, WIDTH, 3): each tooth its own shade, darker where it meets others."""
    shade = np.exp(rng.normal(0.0, 0.05, (place.count, 1)))
    yellow = rng.normal(0.0, 0.03, (place.count, 1)) * [0.3, 1.0, 2.2]
    own = shade * np.exp(yellow - _canines(place.count) * [0.02, 0.05, 0.11])
    colour = enamel * own[place.number][None]
    lit = (0.86 + 0.14 * smoothstep(-place.rise, -8.0, -2.0)) * (1.0 - 0.62 * place.gap)
    lit = lit * (1.0 - 0.15 * (1.0 - place.middle))
    # Enamel without dentine behind it lets the dark mouth through.
    clear = smoothstep(-place.rise, -1.8, -0.2)[..., None] * np.array([0.16, 0.11, 0.05])
    return np.asarray(colour * lit[..., None] * (1.0 - clear), np.float32)


def _columns(jaw: str, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """How far across its tooth each column of the image lies (WIDTH,), and the tooth's number."""
    half = np.asarray(CROWNS[jaw]) * rng.normal(1.0, 0.03)
    widths = np.concatenate([half[::-1], half]) * rng.normal(1.0, 0.04, 2 * len(half))
    borders = np.concatenate([[0.0], np.cumsum(widths)]) - widths[: len(half)].sum() + rng.normal(0.0, 0.4)
    at = ((np.arange(WIDTH) + 0.5) / WIDTH * 2.0 - 1.0) * ARCH_SPAN * ARCH_RADIUS_MM
    number = np.clip(np.searchsorted(borders, at) - 1, 0, len(widths) - 1)
    return np.clip((at - borders[number]) / widths[number], 0.0, 1.0), number


def _canines(count: int) -> Array:
    mark = np.zeros((count, 1))
    mark[[count // 2 - 3, count // 2 + 2]] = 1.0
    return mark


def _draw_tongue(rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    shape = (TONGUE, TONGUE)
    x = np.linspace(-1.0, 1.0, TONGUE, dtype=np.float32)[None]
    furrow = np.exp(-((x / 0.07) ** 2)) * rng.uniform(0.1, 0.5)
    bumps = noise(shape, 1.0, rng) + noise(shape, 2.0, rng)
    colour = linear_colour(TONGUE_COLOUR) * np.exp(rng.normal(0.0, [0.1, 0.08, 0.08]))
    coat = np.float32(rng.uniform(0.0, 0.25)) * smoothstep(noise(shape, 14.0, rng), -1.0, 1.5)
    shaded = (1.0 + 0.06 * bumps - 0.25 * furrow)[..., None] * colour
    image = shaded + (np.array([0.55, 0.45, 0.42]) - shaded) * coat[..., None]
    height = 0.06 * bumps - 0.8 * cv2.GaussianBlur(np.broadcast_to(furrow, shape).copy(), (0, 0), 2.0)
    return to_srgb(np.asarray(image, np.float32)), normals_from_height(np.asarray(height, np.float32), 1.9)
