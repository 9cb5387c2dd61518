"""People invented from nothing but the head model: every colour, hair and mark is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.synthetic.blemishes import draw_spots
from detector.synthetic.brow_paint import draw_brow_style, paint_brows
from detector.synthetic.eye_texture import draw_eyes
from detector.synthetic.lid_paint import draw_lid_style, paint_lids
from detector.synthetic.mouth_paint import draw_lip_style, paint_mouth
from detector.synthetic.paint import Floats, noise, wound
from detector.synthetic.pigment import draw_hair, draw_melanin, skin_colour, srgb_colour, to_srgb
from detector.synthetic.relief import draw_relief
from detector.synthetic.short_hair import draw_short_hair, paint_short_hair
from detector.synthetic.skin_regions import draw_amounts, region_masks
from detector.synthetic.skin_source import HeadTextures, Pixels
from detector.synthetic.teeth_paint import draw_mouth_textures
from detector.synthetic.texture_maps import SkinMaps, eye_maps, skin_maps
from fitting.head_model import HeadModel


@dataclass(frozen=True, eq=False)
class Person:
    """What all the painters of one face agree on.

    Attributes:
        melanin: see :mod:`detector.synthetic.pigment`.
        age: 0 young to 1 old.
        makeup: 0 none to 1 much.
        bearded: whether a beard grows.
        hair: linear RGB (3,) of the hair before it turns grey.
        grey: fraction of grey hair.
    """

    melanin: float
    age: float
    makeup: float
    bearded: bool
    hair: Floats
    grey: float


def draw_person(rng: np.random.Generator) -> Person:
    """A random person."""
    melanin = draw_melanin(rng)
    age = float(rng.beta(1.1, 1.7))
    bearded = rng.random() < 0.38
    makeup = 0.0 if bearded or rng.random() < 0.5 else float(rng.beta(1.4, 1.4))
    hair, grey = draw_hair(melanin, age, rng)
    return Person(melanin, age, makeup, bearded, hair, grey)


class ProceduralSkin:
    """A skin source that needs no files.

    Args:
        model: the head model that gives the layout.
        width: of the skin image in texels; it is twice as high.
        eye_width: of the eye image; it is half as high.
    """

    def __init__(self, model: HeadModel, width: int = 512, eye_width: int = 768) -> None:
        self._skin = skin_maps(model, width)
        self._eyes = eye_maps(model, eye_width)

    def draw(self, rng: np.random.Generator) -> HeadTextures:
        """A random person."""
        person = draw_person(rng)
        normal, creases = draw_relief(self._skin, person.age, rng)
        albedo = _bare_skin(self._skin, person, creases, rng)
        paint_features(albedo, self._skin, person, rng)
        eyes = draw_eyes(self._eyes, person.melanin, person.age, rng)
        return dressed(person, to_srgb(albedo), normal, eyes, rng)


def dressed(
    person: Person, albedo: Pixels, normal: Pixels | None, eyes: Pixels, rng: np.random.Generator
) -> HeadTextures:
    """The images of a person with the colours that go with them."""
    dark = float(np.clip(person.melanin / 2.0, 0.0, 1.0)) * rng.random()
    grey = np.array([0.36, 0.35, 0.33]) * person.grey
    hair = person.hair * (1.0 - person.grey) + grey
    lash = person.hair * rng.uniform(0.2, 0.7) * (1.0 - 0.8 * person.makeup)
    return HeadTextures(
        skin_albedo=albedo,
        skin_normal=normal,
        eye_albedo=eyes,
        mouth=draw_mouth_textures(dark, rng),
        lash_colour=srgb_colour(lash),
        hair_colour=srgb_colour(hair),
        roughness=float(rng.uniform(0.38, 0.64)),
        makeup=person.makeup,
        wrinkling=float(np.clip((0.4 + 0.7 * person.age) * rng.uniform(0.7, 1.1), 0.0, 1.0)),
    )


def paint_features(albedo: Floats, maps: SkinMaps, person: Person, rng: np.random.Generator) -> None:
    """Paint short hair, lips, lids and brows on linear RGB (H, W, 3), in place."""
    bearded = draw_short_hair(person.hair, person.grey, person.bearded, person.age, rng)
    paint_short_hair(albedo, maps, bearded, rng)
    paint_mouth(albedo, maps, draw_lip_style(person.melanin, person.makeup, rng), rng)
    paint_lids(albedo, maps, draw_lid_style(person.makeup, rng))
    groomed = float(np.clip(person.makeup * rng.uniform(0.5, 1.3), 0.0, 1.0))
    faint = rng.random() < 0.08
    brow_grey = float(np.clip(person.grey * rng.uniform(0.3, 1.0), 0.0, 1.0))
    paint_brows(albedo, maps, draw_brow_style(person.hair, brow_grey, rng, groomed, faint), rng)


def _bare_skin(maps: SkinMaps, person: Person, creases: Floats, rng: np.random.Generator) -> Floats:
    """Linear RGB (H, W, 3) of skin from its pigments."""
    shape = maps.shape
    smooth = person.makeup * rng.random()
    melanin, blood = _pigments(maps, person, smooth, rng)
    spots, pimples = draw_spots(maps, person.melanin, person.age, rng)
    cover = np.float32(1.0 - 0.7 * smooth)
    melanin += spots * cover
    blood += pimples * cover + creases * np.float32(0.35)
    image = skin_colour(melanin, blood, float(rng.normal(0.12, 0.16)))
    grain = (
        1.0
        + np.float32(0.022 * (1 - 0.5 * smooth)) * noise(shape, 1.0, rng)
        - 0.12 * np.minimum(creases, 1.0)
    )
    image *= grain[..., None]
    return image


def _pigments(
    maps: SkinMaps, person: Person, smooth: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Melanin and haemoglobin (H, W) before any marks."""
    more_melanin, more_blood = draw_amounts(rng, smooth)
    masks = region_masks(maps)
    flat = masks.reshape(len(masks), -1)
    regional = (np.stack([more_melanin, more_blood]) @ flat).reshape(2, *maps.shape)
    rough = np.float32(rng.uniform(0.4, 1.4) * (1.0 - 0.6 * smooth) * (1.0 + 0.4 * person.age))
    own = np.float32(0.12 + 0.8 * person.melanin)
    wide = 0.05 * wound(maps, (70.0, 32.0, 16.0), rng)
    melanin = np.float32(person.melanin) + own * (regional[0] + rough * wide)
    melanin = cv2.scaleAdd(noise(maps.shape, 3.5, rng), float(0.010 * rough), melanin)
    mottle = wound(maps, (26.0, 12.0, 6.0, 3.0), rng, 0.8)
    blood = np.float32(rng.normal(0.12, 0.10)) + regional[1] + np.float32(0.036) * rough * mottle
    # Below much melanin the blood shows less.
    blood *= np.float32(1.0 / (1.0 + 0.45 * person.melanin))
    return np.asarray(melanin, np.float32), np.asarray(blood, np.float32)
