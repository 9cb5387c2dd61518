"""Where on a face skin is redder, darker, bluer or hairier: soft regions on the mean head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from detector.synthetic.paint import Floats, blur, smoothstep
from detector.synthetic.texture_maps import HEAD_ISLAND, NECK_ISLAND, SkinMaps


@dataclass(frozen=True)
class Region:
    """A soft blob, and how much more pigment it holds.

    Attributes:
        centre: millimetres on the mean head, +X the actor's left.
        size: standard deviations in millimetres.
        melanin: mean and spread, as a fraction of the skin's own melanin.
        haemoglobin: mean and spread.
        paired: whether there is one on each side.
    """

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    melanin: tuple[float, float]
    haemoglobin: tuple[float, float]
    paired: bool = True


# Amounts follow the maps that Jimenez et al. 2010 measured (more blood in cheeks, nose, lips and ears).
REGIONS: dict[str, Region] = {
    "cheek": Region((42, -38, 14), (15, 15, 16), (0.0, 0.04), (0.13, 0.12)),
    "inner_cheek": Region((24, -32, 22), (9, 12, 10), (0.0, 0.04), (0.09, 0.08)),
    "nose": Region((0, -42, 44), (10, 9, 12), (0.04, 0.04), (0.16, 0.10), False),
    "wing": Region((14, -47, 29), (4, 6, 5), (0.05, 0.04), (0.20, 0.12)),
    "nostril": Region((8, -51, 27), (3.2, 2.6, 4.5), (0.35, 0.1), (0.30, 0.1)),
    "ear": Region((78, -15, -58), (9, 28, 16), (0.0, 0.05), (0.26, 0.16)),
    "chin": Region((0, -100, 26), (13, 10, 12), (0.02, 0.04), (0.08, 0.08), False),
    "forehead": Region((0, 48, 18), (38, 20, 25), (0.05, 0.06), (0.02, 0.06), False),
    "upper_lid": Region((31, 5, 15), (12, 6, 8), (0.07, 0.07), (0.13, 0.08)),
    "under_eye": Region((29, -16, 15), (12, 4.5, 9), (0.12, 0.11), (0.10, 0.09)),
    "inner_corner": Region((16, -8, 15), (4.5, 7, 6), (0.14, 0.09), (0.16, 0.08)),
    "mouth": Region((0, -72, 28), (30, 18, 20), (0.05, 0.08), (0.02, 0.05), False),
    "crease": Region((29, -58, 22), (5, 14, 9), (0.03, 0.03), (0.09, 0.07)),
    "temple": Region((62, 22, -12), (10, 18, 15), (-0.03, 0.05), (-0.04, 0.05)),
    "jaw": Region((55, -92, -10), (22, 14, 30), (0.02, 0.04), (0.0, 0.06)),
    "neck": Region((0, -150, -20), (70, 28, 60), (-0.02, 0.08), (0.04, 0.08), False),
}


def _gaussian(position: Floats, region: Region, side: float) -> Floats:
    centre = np.asarray(region.centre, np.float32) * np.array([side, 1.0, 1.0], np.float32)
    scaled = (position - centre) / np.asarray(region.size, np.float32)
    return np.asarray(np.exp(-0.5 * np.einsum("hwc,hwc->hw", scaled, scaled)), np.float32)


@lru_cache(maxsize=4)
def region_masks(maps: SkinMaps) -> Floats:
    """(n, H, W) the regions in order, the pairs as right then left."""
    head = (maps.island == HEAD_ISLAND) | (maps.island == NECK_ISLAND)
    masks = [
        _gaussian(maps.position, region, side) * head
        for region in REGIONS.values()
        for side in ((-1.0, 1.0) if region.paired else (1.0,))
    ]
    return np.stack(masks)


def draw_amounts(rng: np.random.Generator, smooth: float) -> tuple[Floats, Floats]:
    """More melanin and haemoglobin (n,) in each of the regions; `smooth` in [0, 1] is even, made-up skin."""
    melanin: list[float] = []
    haemoglobin: list[float] = []
    flush = rng.normal(1.0, 0.45)
    for region in REGIONS.values():
        m, h = rng.normal(*region.melanin), rng.normal(*region.haemoglobin) * flush
        for _ in range(2 if region.paired else 1):
            melanin.append(m * rng.normal(1.0, 0.1))
            haemoglobin.append(h * rng.normal(1.0, 0.12))
    keep = np.float32(1.0 - 0.6 * smooth)
    return np.asarray(melanin, np.float32) * keep, np.asarray(haemoglobin, np.float32) * keep


@dataclass(frozen=True, eq=False)
class HairMasks:
    """(H, W) where hair grows: the parts of a beard, and the scalp as millimetres inside the hairline."""

    beard: dict[str, Floats]
    hairline: Floats


# The cheek's beard line and the hairline as heights (mm) at depths (mm), from the back to the front.
CHEEK_LINE = ((-62.0, -45.0, -20.0, 5.0, 20.0, 40.0), (0.0, -6.0, -38.0, -56.0, -66.0, -70.0))
HAIRLINE = (
    (-130.0, -95.0, -78.0, -66.0, -52.0, -44.0, -30.0, -10.0, 8.0, 25.0),
    (-92.0, -82.0, -50.0, 22.0, 14.0, 4.0, 34.0, 50.0, 62.0, 64.0),
)


EAR_CENTRE, EAR_REACH_MM = (79.0, -19.0, -69.0), 29.0
"""The ear lies flat in the texture, a disc about this point of the mean head."""


def _disc(maps: SkinMaps, centre: tuple[float, float, float], reach: float) -> Floats:
    """(H, W) 1 within a disc in the texture about a point and its mirror image, soft over 6 mm."""
    rows, columns = np.indices(maps.shape, dtype=np.float32)
    mirrored = np.array([centre, (-centre[0], *centre[1:])])
    discs = [np.hypot(columns - x, rows - y) / maps.texels_per_mm for x, y in maps.texel(mirrored)]
    return smoothstep(np.minimum(*discs), reach + 3.0, reach - 3.0)


@lru_cache(maxsize=4)
def hair_masks(maps: SkinMaps) -> HairMasks:
    """Where the hair of the head grows."""
    x, y, z = (maps.position[..., i] for i in range(3))
    width = np.abs(x)
    head = (maps.island == HEAD_ISLAND) | (maps.island == NECK_ISLAND)
    cheek = np.interp(z, *CHEEK_LINE).astype(np.float32)
    below = smoothstep(cheek - y, -4.0, 6.0) * smoothstep(z, -66.0, -56.0)
    neck = smoothstep(y, -134.0, -112.0)
    mouth = smoothstep(width, 33.0, 25.0)
    moustache = smoothstep(width, 34.0, 24.0) * smoothstep(y, -78.0, -70.0) * smoothstep(-y, 50.0, 54.0)
    moustache = moustache * smoothstep(z, 5.0, 12.0) * smoothstep(width * 0.25 - y, 52.5, 56.0)
    chin = smoothstep(width, 36.0, 14.0) * smoothstep(-y, 84.0, 90.0) * smoothstep(z, -25.0, -5.0)
    soul = smoothstep(width, 9.0, 5.0) * smoothstep(-y, 80.0, 84.0) * smoothstep(y, -98.0, -92.0) * (z > 5)
    jaw = below * (1.0 - mouth * smoothstep(y, -86.0, -78.0))
    beard = {"moustache": moustache, "chin": chin * neck, "soul": soul, "jaw": jaw * neck}
    ear = _disc(maps, EAR_CENTRE, EAR_REACH_MM)
    height = np.interp(z, *HAIRLINE).astype(np.float32)
    hairline = np.where(head, y - height, -50.0) - 60.0 * ear
    return HairMasks(
        {
            name: np.asarray(blur(np.where(head, mask, 0.0).astype(np.float32), 1.0))
            for name, mask in beard.items()
        },
        np.asarray(blur(hairline.astype(np.float32), 2.0)),
    )
