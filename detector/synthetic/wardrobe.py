"""Costumes: which skin, hair, beard, clothes and accessories a person wears, and how they sit on a head."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from detector.synthetic.accessories import Fit, HatLine, glasses, hat, headphones
from detector.synthetic.barber import Barber, Beard
from detector.synthetic.clothes import Clothes, draw_clothes, neck_outline, torso
from detector.synthetic.groom import Groom
from detector.synthetic.hairstyles import draw_dye
from detector.synthetic.head_surfaces import HeadSurfaces, PosedHead
from detector.synthetic.markers import Markers
from detector.synthetic.occluders import boom, hand, prop
from detector.synthetic.skin_source import HeadTextures, SkinSource
from detector.synthetic.surfaces import Floats, Surface
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
T = TypeVar("T")

BLOCK = 16
"""Neighbouring seeds that share a few skins, so that one worker's chunk draws them once."""
SKINS_PER_BLOCK = 4
NECK_END = -0.105
"""Canonical metres below which loose edges of the skin belong to the neck, not to eyes or mouth."""
HAIR_SATURATION = 0.65
GROOMS = 240
"""Different grooms; each is varied on every head. They are kept once grown."""
EXTRAS = {
    "glasses": 0.20,
    "hat": 0.10,
    "headphones": 0.04,
    "boom": 0.01,
    "hand": 0.09,
    "prop": 0.08,
    "dots": 0.015,
}
HELMET_EXTRAS = {"boom": 0.4, "dots": 0.4, "headphones": 0.1, "glasses": 0.05}


@dataclass(frozen=True, eq=False)
class Costume:
    """What one person wears.

    Attributes:
        textures: skin and eyes.
        groom: the hair, None for the bald. beard: None for the shaven.
        hair_colour: linear RGB. mirrored: whether the groom is worn the other way round.
        clothes: on the torso.
        lashes: length and width of the lashes relative to natural ones.
        extras: names of accessories, and the seed that they are made from.
    """

    textures: HeadTextures
    groom: Groom | None
    beard: Beard | None
    hair_colour: tuple[float, float, float]
    mirrored: bool
    clothes: Clothes
    lashes: tuple[float, float]
    extras: tuple[str, ...]
    extras_seed: int


class Pool:
    """Things that are made from a number, the last few of which are kept."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[tuple[object, ...], object] = OrderedDict()

    def get(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What `make` returned for this key, now or earlier."""
        if key not in self._held:
            self._held[key] = make()
            if len(self._held) > self._size:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]  # type: ignore[return-value]  # a key always holds what its maker made


class Wardrobe:
    """Draws costumes and puts them on heads."""

    def __init__(self, model: HeadModel, heads: HeadSurfaces, skins: SkinSource) -> None:
        self._model = model
        self._mean = model.assets.mean.astype(np.float32)
        self._heads = heads
        self._skins = skins
        self._neck_edge = _loose_edge(model)
        self._barber = Barber(model, heads)
        self._markers = Markers(model)
        self._textures = Pool(2 * SKINS_PER_BLOCK)
        self._grooms = Pool(GROOMS)

    def draw(self, seed: int, rng: np.random.Generator, helmet: bool = False) -> Costume:
        """A random costume; `seed` says which skins are shared, `helmet` that it is worn under a camera."""
        block, number = seed // BLOCK, int(rng.integers(SKINS_PER_BLOCK))
        textures = self._textures.get(
            (block, number), lambda: self._skins.draw(np.random.default_rng([block, number, 0x5C14]))
        )
        groom = None
        if rng.random() > 0.06:
            which = int(rng.integers(GROOMS))
            groom = self._grooms.get(
                (which,), lambda: self._barber.groom(np.random.default_rng([which, 0x6A12]))
            )
        bearded = rng.random() < 0.2 and textures.makeup == 0.0
        beard = self._barber.draw_beard(rng) if bearded else None
        colour = draw_dye(rng) if rng.random() < 0.04 else _hair_albedo(textures.hair_colour)
        return Costume(
            textures,
            groom,
            beard,
            colour,
            bool(rng.random() < 0.5),
            draw_clothes(rng),
            (float(rng.uniform(0.4, 1.0)), float(rng.uniform(0.5, 1.8))),
            draw_extras(rng, HELMET_EXTRAS if helmet else EXTRAS),
            int(rng.integers(2**31)),
        )

    def dress(
        self, costume: Costume, head: PosedHead, identity: Array, neck: HeadFrame, pixel: float = 0.0
    ) -> list[Surface]:
        """All surfaces of a head in a costume.

        Args:
            costume: what is worn. head: where the head is. identity: (B,) whose it is.
            neck: where the neck joint is; the torso hangs on it.
            pixel: metres that a pixel spans at the head; hair is drawn no finer than it. 0 draws all.
        """
        shape = self._shape(identity)
        roots = np.zeros(len(head.positions), np.float32)
        colour = self._heads.neck_colour(costume.textures)
        surfaces, hat_line = self._accessories(costume, shape, colour)
        surfaces = [_placed(s, head.frame) for s in surfaces]
        if costume.groom is not None:
            hair, roots = self._barber.wear(
                costume.groom, shape, head, costume.hair_colour, costume.mirrored, hat_line, pixel
            )
            surfaces.append(hair)
        if costume.beard is not None:
            surfaces.append(self._barber.wear_beard(costume.beard, head, costume.hair_colour, pixel))
        if "dots" in costume.extras:
            dots = np.random.default_rng([costume.extras_seed, 0xD07])
            surfaces.append(self._markers.paint(head.vertices, head.normals[: len(head.vertices)], dots))
        surfaces += [
            _placed(s, neck) for s in torso(neck_outline(self._neck_end(head, neck)), costume.clothes, colour)
        ]
        return surfaces + self._heads.build(
            head, costume.textures, roots, costume.hair_colour, *costume.lashes
        )

    def _accessories(
        self, costume: Costume, shape: Floats, skin: tuple[float, float, float]
    ) -> tuple[list[Surface], HatLine | None]:
        rng = np.random.default_rng(costume.extras_seed)
        fit = Fit.of(self._model, shape)
        makers: dict[str, Callable[[], list[Surface]]] = {
            "glasses": lambda: glasses(fit, rng),
            "headphones": lambda: headphones(fit, rng),
            "boom": lambda: boom(fit, rng),
            "hand": lambda: hand(fit, skin, rng),
            "prop": lambda: prop(fit, skin, rng),
        }
        worn, line = hat(fit, rng) if "hat" in costume.extras else ([], None)
        others = [surface for name in costume.extras if name in makers for surface in makers[name]()]
        return worn + others, line

    def _shape(self, identity: Array) -> Floats:
        """The neutral head (V, 3) of an identity, canonical metres."""
        with torch.no_grad():
            beta = torch.as_tensor(identity, dtype=self._model.mean.dtype)
            return np.asarray(self._model.shape(beta, torch.zeros(self._model.expression_size)).numpy())

    def _neck_end(self, head: PosedHead, neck: HeadFrame) -> Array:
        """The neck's loose edge (N, 3) of a posed head, in the neck joint's bind frame."""
        edge = head.vertices[self._neck_edge].astype(np.float64)
        return np.asarray((edge - neck.offset) @ neck.rotation)


def _loose_edge(model: HeadModel) -> NDArray[np.int64]:
    """The vertices where the skin ends below the neck."""
    quads = model.quads[np.isin(model.quads, model.parts["skin"]).all(axis=1)]
    edges = np.sort(np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    loose = np.unique(unique[count == 1])
    return np.asarray(loose[model.assets.mean[loose, 1] < NECK_END])


def draw_extras(rng: np.random.Generator, shares: dict[str, float]) -> tuple[str, ...]:
    """Names of the accessories of one head, by how often each is worn."""
    return tuple(name for name, share in shares.items() if rng.random() < share)


def _placed(surface: Surface, frame: HeadFrame) -> Surface:
    rotation = frame.rotation.astype(np.float32)
    return Surface(
        surface.positions @ rotation.T + frame.offset.astype(np.float32),
        surface.normals @ rotation.T,
        surface.triangles,
        surface.material,
        surface.uv,
        surface.tint,
    )


def _hair_albedo(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """Linear RGB of hair of an sRGB colour; many hairs together are less saturated than one."""
    albedo = np.array(_linear(colour))
    r, g, b = (float(c) for c in albedo.mean() + HAIR_SATURATION * (albedo - albedo.mean()))
    return r, g, b


def _linear(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """sRGB in [0, 1] to linear."""
    r, g, b = (float(c) ** 2.2 for c in colour)
    return r, g, b
