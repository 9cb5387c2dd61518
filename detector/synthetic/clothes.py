"""Neck, shoulders and what covers them, so that no head ends in the air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.background import noise
from detector.synthetic.surfaces import Floats, Kind, Material, Pixels, Surface

Array = NDArray[np.float64]

AROUND = 72
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
        neck: half width, half depth and z (3,) in metres of the neck that it joins.
        clothes: what covers it. skin_colour: linear RGB.
    """
    rings = _rings(neck, clothes.girth, 40)
    skin = Material(Kind.SKIN, colour=skin_colour, roughness=0.55, specular=0.5, scatter=1.0)
    bare = np.zeros((len(rings) * AROUND, 4), np.float32)
    bare[:, 3] = np.repeat(np.clip(0.55 + 12.0 * (-0.150 - rings[:, 0]), 0.55, 1.0), AROUND)
    surfaces = [_tube(_outline(rings, 0.0), skin, bare, None)]
    if clothes.collar != "none":
        surfaces += _garment(rings, clothes)
    return surfaces


def _rings(neck: Array, girth: float, count: int) -> Array:
    """Cross-sections (count, 4), denser near the neck, fitted to this neck on top."""
    t = np.linspace(0.0, 1.0, count) ** 1.6
    heights = SECTIONS[0, 0] + t * (SECTIONS[-1, 0] - SECTIONS[0, 0])
    rings = np.stack(
        [heights] + [np.interp(-heights, -SECTIONS[:, 0], SECTIONS[:, i]) for i in (1, 2, 3)], axis=1
    )
    below = np.clip((-0.155 - heights) / 0.045, 0.0, 1.0)
    # The upper end hides inside the neck.
    inside = 0.78 + 0.2 * np.clip((-0.125 - heights) / 0.04, 0.0, 1.0)
    fit = neck / SECTIONS[1, 1:]
    rings[:, 1] *= below * girth + (1 - below) * fit[0] * inside
    rings[:, 2] *= below * (0.5 + 0.5 * girth) + (1 - below) * fit[1] * inside
    rings[:, 3] += (1 - below) * (neck[2] - SECTIONS[1, 3])
    return rings


def _angles() -> Array:
    return np.linspace(0.0, 2 * np.pi, AROUND)


def _outline(rings: Array, offset: float | Array) -> Array:
    """Points (rings, AROUND, 3): super-ellipses; angle 0 is the back, pi the chest."""
    a = _angles()
    s, c = np.sin(a), -np.cos(a)
    wide = np.sign(s) * np.abs(s) ** 0.85
    deep = np.sign(c) * np.abs(c) ** 0.95
    x = (rings[:, 1:2] + offset) * wide
    z = (rings[:, 2:3] + offset) * deep + rings[:, 3:4]
    y = np.broadcast_to(rings[:, 0:1], x.shape)
    return np.stack([x, y, z], axis=-1)


def _garment(rings: Array, clothes: Clothes) -> list[Surface]:
    a = _angles()
    front = np.clip(-np.cos(a), 0.0, 1.0)
    top = {"turtleneck": -0.128, "shirt": -0.150, "jacket": -0.155, "scarf": -0.125}.get(clothes.collar, -0.168)
    drop = clothes.opening * front ** (1.2 if clothes.collar in ("crew", "scarf", "turtleneck") else 5.0)
    if clothes.collar in ("turtleneck", "scarf"):
        drop = drop * 0.15
    if clothes.collar in ("v", "jacket", "shirt"):
        drop = drop * 1.6
    start = top - drop
    count = 34
    t = np.linspace(0.0, 1.0, count)[:, None] ** 1.4
    heights = start[None] + t * (-0.5 - start[None])
    sections = [np.interp(-heights, -rings[:, 0], rings[:, i]) for i in range(4)]
    lean = np.zeros_like(heights)
    if clothes.collar in ("shirt", "jacket"):
        # A stiff collar stands away from the neck.
        lean = 0.016 * np.exp(-(((heights - start[None]) / 0.018) ** 2))
    folds = _sample(clothes.folds, heights.shape)
    offset = clothes.thickness + 0.001 + lean + folds * (0.3 + np.clip((start[None] - heights) / 0.05, 0.0, 1.0))
    if clothes.collar == "scarf":
        offset = offset + 0.022 * np.exp(-(((heights + 0.150) / 0.02) ** 2)) * (1.0 + 0.3 * np.sin(3 * a))
    s, c = np.sin(a), -np.cos(a)
    x = (sections[1] + offset) * np.sign(s) * np.abs(s) ** 0.85
    z = (sections[2] + offset) * np.sign(c) * np.abs(c) ** 0.95 + sections[3]
    points = np.stack([x, heights, z], axis=-1)
    uv = np.stack(
        [np.broadcast_to(a / (2 * np.pi) * clothes.texture_scale, heights.shape), heights * 0.8 * clothes.texture_scale],
        axis=-1,
    ).astype(np.float32)
    # The rim is folded inwards, so that the cloth has a thickness.
    inner = points[:1].copy()
    inner[..., 0] *= 0.93
    inner[..., 2] = (inner[..., 2] - sections[3][:1]) * 0.93 + sections[3][:1]
    inner[..., 1] -= 0.006
    points = np.concatenate([inner, points])
    uv = np.concatenate([uv[:1], uv])
    tint = np.ones((points.shape[0] * AROUND, 4), np.float32)
    tint[:AROUND, 3] = 0.25
    return [_tube(points, clothes.cloth, tint, uv.reshape(-1, 2))]


def _sample(table: Array, shape: tuple[int, int]) -> Array:
    rows = np.linspace(0, len(table) - 1, shape[0]).astype(int)
    columns = np.linspace(0, table.shape[1] - 1, shape[1]).astype(int)
    return table[np.ix_(rows, columns)] * np.sin(np.linspace(0.0, np.pi, shape[1]))


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
