"""Many people from a few photographic skins.

A folder holds skins in the layout of :mod:`detector.synthetic.texture_layout`: `albedo_base.jpg` and
`v*.jpg` (the skins), `normal_base.png` and `normal_old.jpg`, `mask_{brows,lips,beard,scalp}.png`, and
`eye_*.jpg`. Nothing of it ships with vultus. The set that was used in training derives from "Infinite, 3D
Head Scan" by Lee Perry-Smith / Infinite-Realities (ir-ltd.net), licensed CC BY 3.0; what is made from it must
keep this credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from calibration.errors import InputError
from detector.synthetic.blemishes import draw_spots
from detector.synthetic.brow_paint import draw_brow_style, paint_brows
from detector.synthetic.eye_texture import draw_eyes
from detector.synthetic.lid_paint import draw_lid_style, paint_lids
from detector.synthetic.mouth_paint import draw_lip_style, paint_mouth
from detector.synthetic.paint import Floats, blur, noise, smoothstep
from detector.synthetic.pigment import HAEMOGLOBIN, MELANIN, skin_colour, to_linear, to_srgb
from detector.synthetic.procedural_skin import Person, draw_person, dressed
from detector.synthetic.short_hair import draw_short_hair, paint_short_hair
from detector.synthetic.skin_source import HeadTextures, Pixels
from detector.synthetic.texture_maps import HEAD_ISLAND, NECK_ISLAND, SkinMaps, eye_maps, skin_maps
from fitting.head_model import HeadModel

MASKS = ("brows", "lips", "beard", "scalp")
SHAVEN = {"brows": 0.65, "beard": 0.45, "scalp": 1.0}
"""How often the photographed hair is removed; painted or modelled hair grows there instead."""
FAR_CHANGE = 0.22
"""How much the logarithm of the tone may change where no skin was photographed."""
WARP_MM = 0.7
"""Standard deviation of the warp: features must stay where the labels are."""
_LOW = 14.0
_SHRINK = 8


@dataclass(frozen=True, eq=False)
class _Photograph:
    """One skin: sRGB (H, W, 3); the colour below hair, lips and detail, linear and small; its median."""

    image: Pixels
    tone: Floats
    median: Floats


class PhotographicSkin:
    """A skin source that mixes photographs: tone from one, detail from another, then new features on top.

    Args:
        folder: see the module.
        model: the head model that gives the layout.
        width: of the skin image in texels; it is twice as high.
        eye_width: of the eye image; it is half as high.

    Raises:
        InputError: the folder lacks files, or one cannot be read.
    """

    def __init__(self, folder: Path, model: HeadModel, width: int = 512, eye_width: int = 768) -> None:
        size = (width, 2 * width)
        paths = [*sorted(folder.glob("albedo_*.jpg")), *sorted(folder.glob("v[0-9]*.jpg"))]
        eyes = sorted(folder.glob("eye_*.jpg"))
        if not paths or not eyes:
            missing = "skins (albedo_*.jpg, v*.jpg)" if not paths else "eyes (eye_*.jpg)"
            raise InputError(
                f"the folder holds no {missing}", where=str(folder), fix="Name a folder of photographic skins"
            )
        self._maps = skin_maps(model, width)
        self._eye_maps = eye_maps(model, eye_width)
        self._masks = {name: _widened(_read_mask(folder / f"mask_{name}.png", size), name) for name in MASKS}
        neck = _neck(self._maps)
        self._masks["beard"] = np.maximum(self._masks["beard"], neck)
        self._normals = [_read(folder / name, size) for name in ("normal_base.png", "normal_old.jpg")]
        plain = _plain_skin(self._maps, self._masks)
        self._skins = [_photograph(_read(path, size), plain, self._maps) for path in paths]
        self._eyes = [_read(path, (eye_width, eye_width // 2)) for path in eyes]

    def draw(self, rng: np.random.Generator) -> HeadTextures:
        """A random person."""
        tone, detail = (self._skins[i] for i in rng.choice(len(self._skins), 2, replace=len(self._skins) < 2))
        person = draw_person(rng)
        shaven = [name for name, chance in SHAVEN.items() if rng.random() < chance]
        albedo = self._mixed(tone, detail, person, shaven, rng)
        self._add_features(albedo, person, "brows" in shaven, rng)
        normal = self._normal(person.age, rng)
        warp = _warp(self._maps, rng)
        image = cv2.remap(to_srgb(albedo), *warp, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return dressed(person, image, normal, self._draw_eyes(person, rng), rng)

    def _mixed(
        self,
        tone: _Photograph,
        detail: _Photograph,
        person: Person,
        shaven: Sequence[str],
        rng: np.random.Generator,
    ) -> Floats:
        """Linear RGB (H, W, 3): the detail of one over the tone of another, in this person's colour.

        Pigments multiply, so that what one skin is darker or redder than its own tone is a factor.
        """
        size = self._maps.shape[::-1]
        factor = to_linear(detail.image) / cv2.resize(detail.tone, size, interpolation=cv2.INTER_LINEAR)
        factor = np.minimum(factor, 1.7)
        for name in shaven:
            _shave(factor, self._masks[name])
        colour = _person_colour(tone.median, person, rng)
        uneven = (tone.tone / tone.median) ** np.float32(rng.uniform(0.5, 1.3))
        wide = cv2.resize(np.asarray(uneven * colour, np.float32), size, interpolation=cv2.INTER_CUBIC)
        return np.asarray(factor * wide, np.float32)

    def _add_features(self, albedo: Floats, person: Person, browless: bool, rng: np.random.Generator) -> None:
        """Marks, and for some people other lips, brows, lids and short hair; in place."""
        melanin, blood = draw_spots(self._maps, person.melanin, person.age, rng)
        # Most of the texture has no marks.
        rows, columns = np.nonzero(melanin + blood > 0.005)
        absorbed = melanin[rows, columns, None] * MELANIN + blood[rows, columns, None] * HAEMOGLOBIN
        albedo[rows, columns] *= np.exp(-absorbed)
        groomed = float(np.clip(person.makeup * rng.uniform(0.5, 1.3), 0.0, 1.0))
        bearded = person.bearded and rng.random() < 0.5
        style = draw_short_hair(person.hair, person.grey, bearded, person.age, rng)
        paint_short_hair(albedo, self._maps, style, rng)
        lips = draw_lip_style(person.melanin, person.makeup, rng)
        paint_mouth(albedo, self._maps, replace(lips, strength=lips.strength * rng.uniform(0.0, 0.5)), rng)
        paint_lids(albedo, self._maps, draw_lid_style(person.makeup, rng))
        if browless:
            paint_brows(albedo, self._maps, draw_brow_style(person.hair, person.grey, rng, groomed), rng)

    def _normal(self, age: float, rng: np.random.Generator) -> Pixels:
        """The photographic relief, more of the old one with age, at a random strength."""
        old = float(np.clip(age * 1.6 - 0.3, 0.0, 1.0))
        mixed = cv2.addWeighted(self._normals[0], 1.0 - old, self._normals[1], old, 0.0)
        strength = float(rng.uniform(0.35, 0.95))
        flat = np.full_like(mixed, (128, 128, 255))
        return np.asarray(cv2.addWeighted(mixed, strength, flat, 1.0 - strength, 0.0))

    def _draw_eyes(self, person: Person, rng: np.random.Generator) -> Pixels:
        """Photographic eyes in another shade, or invented ones."""
        if rng.random() < 0.4:
            return draw_eyes(self._eye_maps, person.melanin, person.age, rng)
        eyes = to_linear(self._eyes[rng.integers(len(self._eyes))])
        return to_srgb(np.asarray(eyes * np.exp(rng.normal(0.0, [0.08, 0.04, 0.06])), np.float32))


def _read(path: Path, size: tuple[int, int]) -> Pixels:
    """An RGB image (H, W, 3) at this (width, height)."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        raise InputError(
            "this image of the photographic skins is missing or unreadable",
            where=str(path),
            fix="Name a complete folder of photographic skins",
        )
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB))


def _read_mask(path: Path, size: tuple[int, int]) -> Floats:
    return np.asarray(_read(path, size)[..., 0], np.float32) / np.float32(255.0)


def _plain_skin(maps: SkinMaps, masks: dict[str, Floats]) -> Floats:
    """(H, W) 1 where there is nothing but skin."""
    covered = np.maximum.reduce([blur(mask, 2.0) for mask in masks.values()])
    on_head = (maps.inside & (maps.island == HEAD_ISLAND)).astype(np.float32)
    on_head = cv2.erode(on_head, np.ones((5, 5), np.uint8))
    return np.asarray(on_head * np.clip(1.0 - 1.5 * covered, 0.0, 1.0), np.float32)


def _photograph(image: Pixels, plain: Floats, maps: SkinMaps) -> _Photograph:
    """The tone is a local mean where there is plain skin, and elsewhere goes on smoothly over the head."""
    size = (image.shape[1] // _SHRINK, image.shape[0] // _SHRINK)
    weight = cv2.resize(plain, size, interpolation=cv2.INTER_AREA)
    linear = cv2.resize(to_linear(image) * plain[..., None], size, interpolation=cv2.INTER_AREA)
    weight_near = blur(weight, _LOW / _SHRINK)
    near = blur(linear, _LOW / _SHRINK) / (weight_near[..., None] + 1e-4)
    far = _extended(near, weight, cv2.resize(maps.position, size, interpolation=cv2.INTER_NEAREST))
    trust = smoothstep(weight_near, 0.25, 0.75)[..., None]
    tone = near * trust + far * (1.0 - trust)
    median = np.median(to_linear(image)[plain > 0.9][::7], axis=0)
    return _Photograph(image, np.asarray(np.maximum(tone, 2e-3), np.float32), np.asarray(median, np.float32))


def _extended(colour: Floats, weight: Floats, position: Floats) -> Floats:
    """Colours (h, w, 3) as the exponential of a quadratic in the place on the head, fitted where known."""
    x, y, z = np.moveaxis(position.astype(np.float64) / 100.0, -1, 0)
    # Even in x: a photograph lit from one side would tilt the far side.
    terms = np.stack([np.ones_like(x), y, z, x * x, y * y, z * z, y * z], axis=-1)
    known = weight > 0.9
    logs = np.log(np.maximum(colour[known], 1e-3))
    middle = np.median(logs, axis=0)
    # The face tells little of the back of the head: what it does not determine stays near the median.
    normal = terms[known].T @ terms[known] + 0.05 * known.sum() * np.eye(terms.shape[-1])
    fitted = np.linalg.solve(normal, terms[known].T @ (logs - middle))
    return np.asarray(np.exp(middle + np.clip(terms @ fitted, -FAR_CHANGE, FAR_CHANGE)), np.float32)


def _widened(mask: Floats, name: str) -> Floats:
    """Hair strays beyond its mask by a few texels; lips do not."""
    if name == "lips":
        return mask
    return np.asarray(cv2.dilate(mask, np.ones((7, 7), np.uint8)), np.float32)


def _neck(maps: SkinMaps) -> Floats:
    """(H, W) 1 below the jaw, where the texture's islands meet."""
    skin = (maps.island == HEAD_ISLAND) | (maps.island == NECK_ISLAND)
    low = smoothstep(maps.position[..., 1], -108.0, -128.0)
    behind = smoothstep(maps.position[..., 2], -60.0, -75.0) * smoothstep(maps.position[..., 1], -40.0, -60.0)
    return np.asarray(np.maximum(low, behind) * skin, np.float32)


def _shave(factor: Floats, mask: Floats) -> None:
    """Remove hair: keep only a little of the finest detail where the mask (H, W) is 1; in place."""
    rows, columns = np.nonzero(mask > 0.02)
    part = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    detail = factor[part] - blur(factor[part], 3.0)
    smooth = 1.0 + np.clip(0.3 * detail, -0.06, 0.06)
    factor[part] += (smooth - factor[part]) * np.minimum(1.6 * blur(mask[part], 1.5), 1.0)[..., None]


def _person_colour(photographed: Floats, person: Person, rng: np.random.Generator) -> Floats:
    """The median colour (3,): between that of a photograph and that of the person's pigments."""
    melanin = np.full((1, 1), person.melanin, np.float32)
    blood = np.full((1, 1), rng.normal(0.08, 0.1), np.float32)
    modelled = skin_colour(melanin, blood, float(rng.normal(0.12, 0.16)))[0, 0]
    share = np.float32(rng.uniform(0.4, 1.0))
    return np.asarray(modelled**share * photographed ** (1 - share), np.float32)


def _warp(maps: SkinMaps, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Where each texel (H, W) comes from: smooth, within about a millimetre."""
    rows, columns = np.indices(maps.shape, dtype=np.float32)
    amount = np.float32(WARP_MM * maps.texels_per_mm)
    # Islands other than the head are small; a warp there would cross their borders.
    inside = blur((maps.island == HEAD_ISLAND).astype(np.float32), 4.0) * amount
    return columns + noise(maps.shape, 60.0, rng) * inside, rows + noise(maps.shape, 60.0, rng) * inside
