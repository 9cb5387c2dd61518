"""Neck, shoulders and what covers them, so that no head ends in the air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from detector.synthetic.noise import noise
from detector.synthetic.surfaces import Floats, Kind, Material, Pixels, Surface

Array = NDArray[np.float64]

AROUND = 72
SHOULDER_TOP = -0.155
NECK_SKY = 0.95
"""What the end of the neck sees of the sky: its skin and that of the torso must be equally bright there."""
# Cross-sections of a torso, canonical metres: height, half width, half depth, z of the middle.
SECTIONS = np.array(
    [
        [-0.120, 0.056, 0.060, -0.083],
        [-0.145, 0.058, 0.062, -0.088],
        [-0.160, 0.066, 0.066, -0.092],
        [-0.172, 0.090, 0.072, -0.096],
        [-0.184, 0.130, 0.080, -0.098],
        [-0.197, 0.166, 0.088, -0.098],
        [-0.215, 0.192, 0.097, -0.098],
        [-0.240, 0.206, 0.106, -0.096],
        [-0.280, 0.212, 0.114, -0.094],
        [-0.360, 0.205, 0.120, -0.092],
        [-0.500, 0.190, 0.118, -0.092],
    ]
)
COLLARS = ("crew", "v", "turtleneck", "shirt", "jacket", "scarf", "none")


@dataclass(frozen=True, eq=False)
class Clothes:
    """What covers the torso.

    Attributes:
        collar: one of COLLARS.
        opening: depth of the neckline in metres. thickness: of the cloth in metres.
        girth: width of the shoulders relative to the average.
        cloth: material of the cloth. texture_scale: repeats of its texture around the body.
        folds: (AROUND, len(SECTIONS) * 4) offsets in metres.
    """

    collar: str
    opening: float
    thickness: float
    girth: float
    cloth: Material
    texture_scale: float
    folds: Array


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Random clothes."""
    collar = str(rng.choice(COLLARS, p=[0.26, 0.14, 0.10, 0.16, 0.16, 0.08, 0.10]))
    thick = {"scarf": 0.02, "jacket": 0.012}.get(collar, 0.004)
    cloth = Material(
        Kind.SOLID,
        roughness=float(rng.uniform(0.5, 0.95)),
        specular=float(rng.uniform(0.1, 0.8)),
        texture=_cloth_texture(rng),
    )
    folds = noise(64, 4, rng, 0.6) * rng.uniform(0.001, 0.004)
    return Clothes(
        collar,
        float(rng.uniform(0.0, 0.07)),
        thick * float(rng.uniform(0.6, 1.6)),
        float(np.clip(rng.normal(1.0, 0.1), 0.75, 1.3)),
        cloth,
        float(rng.choice([1.0, 2.0, 4.0])),
        folds.astype(np.float64),
    )


def torso(neck: Array, clothes: Clothes, skin_colour: tuple[float, float, float]) -> list[Surface]:
    """The torso below a neck, in the neck joint's bind frame.

    Args:
        neck: (AROUND, 3) metres, the lower end of the neck, from :func:`neck_outline`.
        clothes: what covers it. skin_colour: linear RGB.
    """
    body = _body(neck, clothes.girth)
    skin = Material(Kind.SKIN, colour=skin_colour, roughness=0.55, specular=0.5, scatter=1.0)
    hidden = neck + np.array([0.0, 0.008, 0.003])
    hidden[:, [0, 2]] = (hidden - hidden.mean(axis=0))[:, [0, 2]] * 0.9 + hidden.mean(axis=0)[[0, 2]]
    drawn = np.concatenate([hidden[None], body[1:]])
    bare = np.zeros((drawn.shape[0], AROUND, 4), np.float32)
    below_neck = np.clip((neck[:, 1] - drawn[..., 1]) / 0.05, 0.0, 1.0)
    bare[..., 3] = NECK_SKY + (1.0 - NECK_SKY) * below_neck
    surfaces = [_tube(drawn, skin, bare.reshape(-1, 4), None)]
    if clothes.collar != "none":
        surfaces.append(_garment(body, clothes))
    return surfaces


def neck_outline(edge: Array) -> Array:
    """A smooth loop (AROUND, 3) through the loose edge (N, 3) of a neck, in the neck's bind frame."""
    centre = (edge.min(axis=0) + edge.max(axis=0)) / 2
    angle = np.arctan2(edge[:, 0] - centre[0], -(edge[:, 2] - centre[2]))
    order = np.argsort(angle)
    radius = np.hypot(edge[:, 0] - centre[0], edge[:, 2] - centre[2])[order]
    a = (_angles() + np.pi) % (2 * np.pi) - np.pi
    radius = _smoothed(np.interp(a, angle[order], radius, period=2 * np.pi))
    height = _smoothed(np.interp(a, angle[order], edge[order, 1], period=2 * np.pi))
    x, z = centre[0] + (radius + 5e-4) * np.sin(a), centre[2] - (radius + 5e-4) * np.cos(a)
    return np.stack([x, height, z], axis=1)


def _smoothed(values: Array) -> Array:
    loop = gaussian_filter1d(values[:-1], 2.0, mode="wrap")
    return np.append(loop, loop[0])


def _angles() -> Array:
    """Angles (AROUND,): 0 is the back, pi the chest; the last closes the loop."""
    return np.linspace(0.0, 2 * np.pi, AROUND)


def _body(neck: Array, girth: float, count: int = 40) -> Array:
    """Points (count + 1, AROUND, 3) from a little up the neck, over its end, down to the waist."""
    heights = SHOULDER_TOP + np.linspace(0.0, 1.0, count) ** 1.5 * (SECTIONS[-1, 0] - SHOULDER_TOP)
    wide, deep, middle = (np.interp(-heights, -SECTIONS[:, 0], SECTIONS[:, i]) for i in (1, 2, 3))
    a = _angles()
    s, c = np.sin(a), -np.cos(a)
    x = (wide * girth)[:, None] * np.sign(s) * np.abs(s) ** 0.85
    z = (deep * (0.5 + 0.5 * girth))[:, None] * np.sign(c) * np.abs(c) ** 0.95 + middle[:, None]
    shape = np.stack([x, np.broadcast_to(heights[:, None], x.shape), z], axis=-1)
    t = np.clip((SHOULDER_TOP - heights) / 0.055, 0.0, 1.0)
    t = (t * t * (3.0 - 2.0 * t))[:, None, None]
    blended = (1.0 - t) * neck + t * shape
    # Heights fall strictly from ring to ring, so that clothes can be laid on at any height.
    blended[..., 1] = np.minimum.accumulate(blended[..., 1] - 1e-5 * np.arange(count)[:, None], axis=0)
    above = neck + np.array([0.0, 0.045, 0.014])
    return np.concatenate([above[None], blended])


def _garment(body: Array, clothes: Clothes) -> Surface:
    a = _angles()
    front = np.clip(-np.cos(a), 0.0, 1.0)
    rise = {"turtleneck": 0.035, "shirt": 0.012, "jacket": 0.006, "scarf": 0.03}.get(clothes.collar, -0.014)
    drop = clothes.opening * front ** (1.2 if clothes.collar in ("crew", "scarf", "turtleneck") else 5.0)
    drop = drop * {"turtleneck": 0.15, "scarf": 0.15, "v": 1.6, "jacket": 1.6, "shirt": 1.6}.get(
        clothes.collar, 1.0
    )
    start = body[1, :, 1] + rise - drop
    count = 34
    heights = start + np.linspace(0.0, 1.0, count)[:, None] ** 1.4 * (SECTIONS[-1, 0] + 0.01 - start)
    x, z = (
        np.stack([np.interp(-heights[:, i], -body[:, i, 1], body[:, i, axis]) for i in range(AROUND)], axis=1)
        for axis in (0, 2)
    )
    below = start - heights
    # A stiff collar stands away from the neck.
    lean = 0.016 * np.exp(-((below / 0.018) ** 2)) if clothes.collar in ("shirt", "jacket") else 0.0
    offset = clothes.thickness + 0.001 + lean
    offset = offset + _sample(clothes.folds, heights.shape) * (0.3 + np.clip(below / 0.05, 0.0, 1.0))
    if clothes.collar == "scarf":
        offset = offset + 0.02 * np.exp(-(((below - 0.02) / 0.02) ** 2)) * (1.0 + 0.3 * np.sin(3 * a))
    points = np.stack([x + offset * np.sin(a), heights, z - offset * np.cos(a)], axis=-1)
    repeats = clothes.texture_scale
    uv = np.stack(
        [np.broadcast_to(a / (2 * np.pi) * repeats, heights.shape), heights * 0.8 * repeats], axis=-1
    )
    # The rim is folded inwards, so that the cloth has a thickness.
    inner = points[:1].copy()
    middle = inner.mean(axis=1, keepdims=True)
    inner = middle + (inner - middle) * np.array([0.93, 1.0, 0.93]) - np.array([0.0, 0.006, 0.0])
    points = np.concatenate([inner, points])
    uv = np.concatenate([uv[:1], uv]).astype(np.float32)
    tint = np.ones((points.shape[0] * AROUND, 4), np.float32)
    tint[:AROUND, 3] = 0.25
    return _tube(points, clothes.cloth, tint, uv.reshape(-1, 2))


def _sample(table: Array, shape: tuple[int, int]) -> Array:
    rows = np.linspace(0, len(table) - 1, shape[0]).astype(int)
    columns = np.linspace(0, table.shape[1] - 1, shape[1]).astype(int)
    return np.asarray(table[np.ix_(rows, columns)] * np.sin(np.linspace(0.0, np.pi, shape[1])))


def _tube(points: Array, material: Material, tint: Floats, uv: Floats | None) -> Surface:
    """A surface over a grid of points (rows, AROUND, 3) whose first and last column coincide."""
    rows = len(points)
    along = np.gradient(points, axis=0)
    around = np.empty_like(points)
    around[:, 1:-1] = points[:, 2:] - points[:, :-2]
    around[:, [0, -1]] = (points[:, 1] - points[:, -2])[:, None]
    normals = np.cross(along, around)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    outward = points - points.mean(axis=1, keepdims=True)
    normals *= np.sign(np.einsum("ijk,ijk->ij", normals, outward).sum())
    corner = (np.arange(rows - 1)[:, None] * AROUND + np.arange(AROUND - 1)).ravel()
    quads = corner[:, None] + np.array([0, 1, AROUND + 1, AROUND])
    return Surface(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3),
        material,
        uv,
        tint,
    )


def _cloth_texture(rng: np.random.Generator) -> Pixels:
    """(256, 256, 3) uint8 sRGB: plain, striped, chequered or printed cloth."""
    size = 256
    colours = rng.beta(0.9, 1.2, (3, 3))
    # Most cloth is dull: grey, navy, brown, white.
    grey = colours.mean(axis=1, keepdims=True)
    colours = grey + (colours - grey) * rng.choice([0.1, 0.35, 0.8], p=[0.4, 0.4, 0.2])
    y, x = np.mgrid[0:size, 0:size] / size * 2 * np.pi
    repeat = int(rng.integers(4, 24))
    choice = rng.random()
    mask = np.zeros((size, size))
    if choice < 0.12:
        mask = (np.sin(y * repeat) > rng.uniform(-0.5, 0.8)).astype(float)
    elif choice < 0.20:
        mask = 0.5 * (np.sin(y * repeat) > 0.2) + 0.5 * (np.sin(x * repeat) > 0.2)
    elif choice < 0.32:
        mask = (noise(size, 5, rng) > rng.uniform(0.0, 1.2)).astype(float)
    image = colours[0] + mask[..., None] * (colours[1] - colours[0])
    weave = 0.05 * rng.standard_normal((size, size)) + 0.06 * noise(size, 6, rng, 0.8)
    return np.asarray(np.clip(image * np.exp(weave)[..., None] * 255.0, 0, 255), np.uint8)
