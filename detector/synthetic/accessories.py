"""What people wear on their heads: glasses, hats, headphones.

Everything is built on the neutral head that wears it, in its canonical frame (metres), and moves with
the skull.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.noise import noise
from detector.synthetic.solids import ellipsoid, grid_surface, merged, tube
from detector.synthetic.surfaces import Floats, Kind, Material, Surface
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Fit:
    """The measures of a head that accessories are made to.

    Attributes:
        outline: (68, 3) ibug landmarks of the neutral head. width: half width of the skull over the ears.
        crown: height of its top. front, back: z of forehead and occiput.
    """

    outline: Array
    width: float
    crown: float
    front: float
    back: float

    @classmethod
    def of(cls, model: HeadModel, shape: Floats) -> Fit:
        """Measure a neutral head (V, 3)."""
        skin = model.assets.mean[:, 1] > 0.02
        above = shape[skin].astype(np.float64)
        return cls(
            np.asarray(model.ibug68.evaluate(shape.astype(np.float64)), np.float64),
            float(np.abs(above[:, 0]).max()),
            float(above[:, 1].max()),
            float(above[above[:, 1] > 0.05][:, 2].max()),
            float(above[:, 2].min()),
        )


def draw_colour(rng: np.random.Generator, dark: float = 0.5) -> Colour:
    """Linear RGB of a made thing; with probability `dark` nearly black."""
    if rng.random() < dark:
        r, g, b = (float(c) for c in np.full(3, rng.uniform(0.012, 0.06)))
    else:
        grey = rng.beta(1.0, 1.5)
        r, g, b = (float(c) for c in np.clip(grey + rng.normal(0.0, 0.2, 3) * rng.random(), 0.005, 0.9))
    return r, g, b


def glasses(fit: Fit, rng: np.random.Generator) -> list[Surface]:
    """Spectacles or sunglasses: rims, bridge, temples and lenses."""
    eyes = [fit.outline[36:42].mean(axis=0), fit.outline[42:48].mean(axis=0)]
    bridge = fit.outline[27]
    apart = (eyes[1][0] - eyes[0][0]) / 2
    half = np.array([rng.uniform(0.40, 0.48) * 2 * apart * 0.92, rng.uniform(0.013, 0.026)])
    half[0] = min(half[0], apart - 0.006)
    power = rng.uniform(0.45, 1.0)
    level = (eyes[0][1] + eyes[1][1]) / 2 - rng.uniform(0.0, 0.006) - (0.008 if rng.random() < 0.1 else 0.0)
    depth = max(bridge[2] + 0.001, max(eyes[0][2], eyes[1][2]) + 0.010)
    wrap = rng.uniform(0.0, 0.25)
    thick = float(np.exp(rng.uniform(np.log(0.0007), np.log(0.003))))
    frame = Material(Kind.SOLID, draw_colour(rng, 0.6), roughness=float(rng.uniform(0.15, 0.5)), specular=1.2)
    a = np.linspace(0.0, 2 * np.pi, 41)[:-1]
    rim = np.stack(
        [np.sign(np.cos(a)) * np.abs(np.cos(a)) ** power, np.sign(np.sin(a)) * np.abs(np.sin(a)) ** power],
        axis=1,
    )
    parts, lenses = [], []
    for sign, eye in zip((-1.0, 1.0), eyes, strict=True):
        x = sign * apart + rim[:, 0] * half[0] + (eye[0] - sign * apart) * 0.5
        loop = np.stack(
            [x, level + rim[:, 1] * half[1], depth - wrap * np.maximum(np.abs(x) - 0.02, 0.0)], axis=1
        )
        parts.append(tube(loop, thick, frame, closed=True, flat=1.6))
        shrink = np.linspace(0.0, 1.0, 6)[:, None, None]
        lens = loop.mean(axis=0) + (loop - loop.mean(axis=0)) * shrink
        lens[..., 2] += 0.0025 * (1 - shrink[..., 0] ** 2)
        lenses.append((lens, loop))
        hinge = loop[np.argmax(sign * loop[:, 0])]
        ear = np.array([sign * (fit.width + 0.002), level + 0.004, fit.outline[0][2] - 0.035])
        t = np.linspace(0.0, 1.0, 12)[:, None]
        temple = hinge + (ear - hinge) * t
        temple[:, 0] = sign * np.maximum(
            np.abs(temple[:, 0]), np.abs(hinge[0]) + (np.abs(ear[0]) - np.abs(hinge[0])) * np.sqrt(t[:, 0])
        )
        temple[-3:, 1] -= np.array([0.001, 0.006, 0.014])
        parts.append(tube(temple, thick * 1.1, frame, flat=1.8))
    inner = [lenses[0][1][np.argmax(lenses[0][1][:, 0])], lenses[1][1][np.argmin(lenses[1][1][:, 0])]]
    t = np.linspace(0.0, 1.0, 9)[:, None]
    arch = inner[0] + (inner[1] - inner[0]) * t + np.array([0.0, 0.004, 0.002]) * np.sin(np.pi * t)
    parts.append(tube(arch, thick, frame))
    surfaces = [merged(parts)]
    if rng.random() < 0.9:
        surfaces.append(merged([grid_surface(lens, _lens_material(rng), closed=True) for lens, _ in lenses]))
    return surfaces


def _lens_material(rng: np.random.Generator) -> Material:
    if rng.random() < 0.25:
        r, g, b = (0.3 * c for c in draw_colour(rng, 0.7))
        return Material(Kind.GLASS, (r, g, b), opacity=float(rng.uniform(0.5, 0.97)), specular=1.0)
    return Material(
        Kind.GLASS,
        (0.02, 0.02, 0.02),
        opacity=float(rng.uniform(0.0, 0.12)),
        specular=float(rng.uniform(0.2, 1.2)),
    )


@dataclass(frozen=True)
class HatLine:
    """The lower edge of a hat: `y = low + tilt * (z - middle)`, canonical metres. Hair above it is hidden."""

    low: float
    tilt: float
    middle: float


def hat(fit: Fit, rng: np.random.Generator) -> tuple[list[Surface], HatLine | None]:
    """A beanie, cap, brimmed hat, hood or headband, and its lower edge (None where hair shows above)."""
    kind = rng.choice(["beanie", "cap", "brim", "band", "hood"], p=[0.3, 0.34, 0.16, 0.1, 0.1])
    cloth = Material(
        Kind.SOLID,
        draw_colour(rng, 0.3),
        roughness=float(rng.uniform(0.6, 0.95)),
        specular=0.4,
        texture=knit(rng) if kind == "beanie" or rng.random() < 0.5 else None,
    )
    middle = np.array([0.0, 0.0, (fit.front + fit.back) / 2])
    radii = np.array([fit.width + 0.009, 0.0, (fit.front - fit.back) / 2 + 0.009])
    low = float(rng.uniform(0.030, 0.068))
    tilt = float(rng.normal(0.10, 0.06))
    top = fit.crown + float(rng.uniform(0.010, 0.035)) + (0.02 if kind == "beanie" else 0.0)
    if kind == "hood":
        radii, low, tilt, top = radii * 1.18, -0.03, 0.0, fit.crown + 0.03
    if kind == "band":
        top = low + float(rng.uniform(0.015, 0.05))
    t = np.linspace(0.0, 1.0, 22)[:, None]
    a = np.linspace(0.0, 2 * np.pi, 57)[None, :-1]
    round_off = np.sqrt(np.clip(1.0 - (t if kind != "band" else 0.25 * t) ** 2.4, 0.0, 1.0))
    crease = 1.0 + 0.012 * noise(64, 4, rng)[:22, :56]
    x = radii[0] * round_off * np.sin(a) * crease
    z = radii[2] * round_off * np.cos(a) * crease + middle[2]
    y = low + (top - low) * t + tilt * (z - middle[2])
    if kind == "hood":
        open_front = np.cos(a) > 0.35
        z = np.where(open_front, np.minimum(z, middle[2] + 0.02 + 0.06 * t), z)
    dome = np.stack([x, y + 0 * x, z], axis=-1)
    surfaces = [grid_surface(dome, cloth, closed=True, tile=4.0)]
    if kind in ("cap", "brim"):
        surfaces.append(_brim(dome[0], kind == "cap", rng, cloth))
    if kind == "band":
        return surfaces, None
    return surfaces, HatLine(-0.09 if kind == "hood" else low, tilt, float(middle[2]))


def _brim(edge: Array, front_only: bool, rng: np.random.Generator, cloth: Material) -> Surface:
    """A brim (columns, 3) grown outwards from the edge of a hat."""
    centre = edge.mean(axis=0)
    out = edge - centre
    out[:, 1] = 0.0
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    turned = np.pi if rng.random() < 0.15 else 0.0
    ahead = np.cos(np.arctan2(out[:, 0], out[:, 2]) - turned)
    size = rng.uniform(0.055, 0.08)
    reach = size * np.clip(1.5 * ahead - 0.25, 0.0, 1.0) ** 0.5 if front_only else np.full(len(edge), size)
    t = np.linspace(0.0, 1.0, 7)[:, None, None]
    droop = np.array([0.0, -1.0, 0.0]) * rng.uniform(0.0, 0.5)
    sag = 4.0 * np.abs(edge[:, :1] - centre[0]) ** 2 if front_only else np.zeros((len(edge), 1))
    grown = edge[None] + t * reach[None, :, None] * (out + droop)[None]
    grown[..., 1] -= t[..., 0] * sag[None, :, 0]
    return grid_surface(grown, cloth, closed=True, tile=3.0)


def headphones(fit: Fit, rng: np.random.Generator) -> list[Surface]:
    """A band over the skull with two cups, sometimes with a microphone before the mouth."""
    look = Material(Kind.SOLID, draw_colour(rng, 0.6), roughness=float(rng.uniform(0.3, 0.8)))
    ear = np.array([fit.width + 0.018, -0.015, fit.outline[0][2] - 0.045])
    a = np.linspace(-np.pi / 2, np.pi / 2, 30)
    lean = float(rng.normal(0.0, 0.01))
    band = np.stack(
        [ear[0] * np.sin(a), ear[1] + (fit.crown + 0.012 - ear[1]) * np.cos(a), ear[2] + lean * np.cos(a)],
        axis=1,
    )
    size = rng.uniform(0.022, 0.042)
    parts = [tube(band, 0.006, look, flat=2.0)]
    for sign in (-1.0, 1.0):
        parts.append(ellipsoid(ear * np.array([sign, 1.0, 1.0]), np.array([0.016, size * 1.15, size]), look))
    if rng.random() < 0.4:
        mouth = fit.outline[[48, 54]].mean(axis=0) + np.array([0.03, -0.015, 0.025])
        t = np.linspace(0.0, 1.0, 14)[:, None]
        bow = np.array([0.03, -0.02, 0.0]) * np.sin(np.pi * t)
        parts.append(tube(ear + (mouth - ear) * t + bow, 0.002, look))
        parts.append(ellipsoid(mouth, np.array([0.007, 0.007, 0.010]), look))
    return [merged(parts)]


def knit(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(128, 128, 3) uint8 sRGB rows of stitches."""
    y, x = np.mgrid[0:128, 0:128] / 128 * 2 * np.pi
    stitches = np.sin(x * 16 + 2.0 * np.abs(np.sin(y * 8))) * 0.25 + 0.75
    shade = stitches * np.exp(0.06 * noise(128, 5, rng))
    stripe = np.where(np.sin(y * rng.integers(1, 4)) > rng.uniform(0.2, 1.2), rng.uniform(0.3, 1.0), 1.0)
    return np.asarray(np.clip(np.repeat((shade * stripe)[..., None], 3, axis=2) * 255, 0, 255), np.uint8)
