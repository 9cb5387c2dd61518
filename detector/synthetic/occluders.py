"""What comes between a face and the camera: hands, microphones, cups, phones, scarves, arms of helmets.

Built on the neutral head, in its canonical frame (metres); it moves with the skull.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.accessories import Colour, Fit, draw_colour, knit
from detector.synthetic.hand import Grip, build_hand, draw_grip, lay_hand
from detector.synthetic.noise import noise
from detector.synthetic.solids import box, ellipsoid, grid_surface, tube
from detector.synthetic.surfaces import Kind, Material, Surface

Array = NDArray[np.float64]

TOUCHED = (8, 6, 10, 4, 12, 2, 14, 48, 54, 57, 51, 33, 31, 35, 17, 19, 24, 26, 36, 45, 27)
"""ibug landmarks that a hand comes to: chin, jaw, cheeks, lips, nose, brows, eyes."""


def hand(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    """A hand on the chin, cheek, mouth, brow or before the face; its own or somebody else's."""
    target = fit.outline[rng.choice(TOUCHED)] + rng.normal(0.0, 0.008, 3)
    side = np.sign(target[0] + rng.normal(0.0, 0.02)) or 1.0
    if rng.random() < 0.2:
        r, g, b = (float(c) for c in np.array([0.45, 0.27, 0.18]) * rng.uniform(0.15, 1.4))
        skin = (r, g, b)
    sleeve = _cloth(rng) if rng.random() < 0.5 else None
    surfaces = build_hand(skin, draw_grip(rng), sleeve, rng)
    outward = np.array([target[0] / max(fit.width, 0.05), 0.1 * rng.normal(), 0.75 + 0.3 * rng.random()])
    along = np.array([-side * rng.uniform(-0.15, 0.9), rng.uniform(0.25, 1.0), rng.normal(0.0, 0.2)])
    if target[1] > -0.02 and rng.random() < 0.3:
        along[1] *= -1.0
    along -= outward * (along @ outward) / (outward @ outward) * 0.8
    along /= np.linalg.norm(along)
    size = float(rng.uniform(0.85, 1.08))
    # The fingers, the knuckles or the palm lie on the target.
    contact = rng.uniform(0.07, 0.17) * size
    gap = 0.014 + (rng.uniform(0.0, 0.05) if rng.random() < 0.3 else 0.0)
    wrist = target - along * contact + outward / np.linalg.norm(outward) * gap
    back = outward if rng.random() < 0.85 else -outward
    return lay_hand(surfaces, wrist, along, back, bool(rng.random() < 0.5), size)


def prop(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    """Something held or standing before the head, often with the hand that holds it."""
    kinds = (_microphone, _cup, _phone, _scarf, _thing)
    return kinds[rng.choice(len(kinds), p=[0.28, 0.17, 0.15, 0.22, 0.18])](fit, skin, rng)


def boom(fit: Fit, rng: np.random.Generator) -> list[Surface]:
    """What a head-mounted camera shows of itself: an arm from the temple and its holder at the lower edge."""
    look = Material(Kind.SOLID, draw_colour(rng, 0.8), roughness=0.4)
    side = rng.choice([-1.0, 1.0])
    start = np.array([side * (fit.width + 0.01), rng.uniform(0.0, 0.08), -0.05])
    end = np.array([side * rng.uniform(0.0, 0.05), rng.uniform(-0.12, -0.06), rng.uniform(0.12, 0.2)])
    t = np.linspace(0.0, 1.0, 16)[:, None]
    bow = np.array([side * 0.04, 0.0, 0.03]) * np.sin(np.pi * t)
    return [tube(start + (end - start) * t + bow, float(rng.uniform(0.002, 0.005)), look)]


def _microphone(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    dark = Material(Kind.SOLID, draw_colour(rng, 0.8), roughness=float(rng.uniform(0.3, 0.7)))
    grille = Material(Kind.SOLID, draw_colour(rng, 0.6), roughness=0.5, specular=1.2, texture=_mesh(rng))
    mouth = fit.outline[[51, 57]].mean(axis=0)
    at = mouth + np.array([rng.normal(0.0, 0.02), rng.uniform(-0.04, 0.0), rng.uniform(0.03, 0.07)])
    down = np.array([rng.normal(0.0, 0.5), -1.0, rng.uniform(-0.1, 0.9)])
    down /= np.linalg.norm(down)
    ball = float(rng.uniform(0.019, 0.028))
    reach = np.linspace(0.0, 0.2, 8)
    shaft = tube(at + down * reach[:, None], ball * (0.75 - 0.9 * reach), dark)
    surfaces = [ellipsoid(at, np.full(3, ball), grille), shaft]
    if rng.random() < 0.6:
        surfaces += _holding(at + down * rng.uniform(0.05, 0.10), down, skin, rng)
    return surfaces


def _cup(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    look = Material(Kind.SOLID, draw_colour(rng, 0.15), roughness=float(rng.uniform(0.1, 0.6)), specular=1.0)
    if rng.random() < 0.2:
        look = Material(Kind.GLASS, (0.05, 0.06, 0.06), opacity=0.3)
    lip = fit.outline[57] + np.array([0.0, 0.006, 0.012])
    tip = rng.uniform(-0.2, 0.9)
    axis = np.array([rng.normal(0.0, 0.15), -np.cos(tip), np.sin(tip)])
    axis /= np.linalg.norm(axis)
    radius, tall = rng.uniform(0.025, 0.042), rng.uniform(0.07, 0.14)
    t = np.linspace(0.0, 1.0, 9)
    path = lip + np.array([0.0, -0.004, radius]) + axis * (t * tall)[:, None]
    size = radius * (1.0 - rng.uniform(0.0, 0.35) * t) * np.where(t == 1.0, 0.02, 1.0)
    surfaces = [tube(path, size, look)]
    if rng.random() < 0.8:
        surfaces += _holding(path[4], axis, skin, rng, radius)
    return surfaces


def _phone(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    look = Material(Kind.SOLID, draw_colour(rng, 0.7), roughness=0.2, specular=1.2)
    half = np.array([0.036, 0.074, 0.005]) * rng.uniform(0.85, 1.1)
    side = rng.choice([-1.0, 1.0])
    if rng.random() < 0.6:  # at the ear
        at = np.array([side * (fit.width + 0.012), -0.04, fit.outline[2][2] - 0.02])
        x, y = np.array([0.1 * side, -0.2, 1.0]), np.array([-0.25 * side, 0.9, -0.35])
    else:  # taking a picture
        aim = fit.outline[rng.integers(68)]
        at = aim + np.array([0.0, 0.0, rng.uniform(0.05, 0.14)])
        x, y = np.array([1.0, rng.normal(0.0, 0.3), 0.0]), np.array([rng.normal(0.0, 0.3), 1.0, 0.1])
    y = y / np.linalg.norm(y)
    x = x - y * (x @ y)
    x = x / np.linalg.norm(x)
    frame = np.stack([x, y, np.cross(x, y)], axis=1)
    return [box(at, half, frame, look), *_holding(at - 0.02 * y, -y, skin, rng, 0.03)]


def _scarf(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    """Folds of cloth round neck and chin, up to the lip or the nose."""
    chin, top = fit.outline[8], fit.outline[rng.choice([8, 57, 33], p=[0.5, 0.35, 0.15])]
    rows, columns = 26, 56
    a = np.linspace(0.0, 2 * np.pi, columns + 1)[None, :-1]
    t = np.linspace(0.0, 1.0, rows)[:, None]
    front = np.clip(np.cos(a), 0.0, 1.0)
    high = top[1] + 0.005 - 0.012 * (1.0 - front) - 0.03 * np.clip(-np.cos(a), 0.0, 1.0)
    low = chin[1] - 0.13
    middle = np.array([0.0, 0.0, (chin[2] + fit.back) / 2])
    wide = np.array([fit.width * 0.95, (chin[2] - fit.back) / 2 + 0.018])
    folds = 0.006 * np.sin(9.0 * t + 2.0 * np.sin(a + rng.uniform(0, 6)) + rng.uniform(0, 6))
    folds = folds + 0.004 * noise(64, 4, rng)[:rows, :columns]
    grow = 1.0 + 0.25 * t + np.where(t < 0.06, -0.10, 0.0)
    x = (wide[0] * grow + folds) * np.sin(a)
    z = (wide[1] * grow + folds) * np.cos(a) + middle[2]
    y = high + (low - high) * t
    look = _cloth(rng)
    return [grid_surface(np.stack([x, y, z], axis=-1), look, closed=True, tile=3.0)]


def _thing(fit: Fit, skin: Colour, rng: np.random.Generator) -> list[Surface]:
    """A box, a lump, a post: whatever is in the way."""
    look = Material(
        Kind.SOLID,
        draw_colour(rng, 0.3),
        roughness=float(rng.uniform(0.15, 0.9)),
        specular=float(rng.uniform(0.2, 1.2)),
        texture=_mottle(rng),
    )
    aim = fit.outline[rng.integers(68)] + rng.normal(0.0, 0.02, 3)
    at = aim + np.array([0.0, -0.01, rng.uniform(0.03, 0.10)])
    size = np.exp(rng.uniform(np.log(0.008), np.log(0.05), 3))
    if rng.random() < 0.6:
        return [box(at, size, np.linalg.qr(rng.normal(size=(3, 3)))[0], look)]
    return [ellipsoid(at, size, look, 0.15 * noise(32, 4, rng)[:18, :26].astype(np.float64))]


def _holding(
    at: Array, along: Array, skin: Colour, rng: np.random.Generator, radius: float = 0.016
) -> list[Surface]:
    """A fist (or a looser grip) round something whose axis goes through `at` towards `along`."""
    curl = np.clip(rng.normal(0.9 - 9.0 * (radius - 0.016), 0.06, 4), 0.4, 1.0)
    grip = Grip(curl, 0.0, np.array([0.2, 1.0, -0.9]))
    surfaces = build_hand(skin, grip, _cloth(rng) if rng.random() < 0.5 else None, rng)
    side = rng.choice([-1.0, 1.0])
    # The thing lies across the palm; the fingers go round it, and the arm comes from below and the side.
    fingers = np.cross(along, [0.0, 0.0, 1.0]) * side + np.array([0.0, 0.35, 0.25])
    fingers -= along * (fingers @ along)
    fingers /= np.linalg.norm(fingers)
    back = np.cross(along, fingers)
    back = back if back[2] > 0 else -back
    wrist = at - fingers * 0.085 + back * (radius + 0.016)
    left = bool(np.cross(fingers, back) @ along > 0)
    return lay_hand(surfaces, wrist, fingers, back, left, 1.0)


def _cloth(rng: np.random.Generator) -> Material:
    texture = knit(rng) if rng.random() < 0.4 else _mottle(rng)
    return Material(Kind.SOLID, draw_colour(rng, 0.35), roughness=0.9, specular=0.3, texture=texture)


def _mottle(rng: np.random.Generator) -> NDArray[np.uint8]:
    shade = 0.8 * np.exp(0.12 * noise(96, 6, rng, 0.8))[..., None] * np.ones(3)
    return np.asarray(np.clip(shade * 255.0, 0, 255), np.uint8)


def _mesh(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(64, 64, 3) uint8 sRGB wire mesh."""
    y, x = np.mgrid[0:64, 0:64] / 64 * 2 * np.pi
    count = int(rng.integers(6, 14))
    wires = 0.55 + 0.45 * np.sin(count * x) * np.sin(count * y)
    return np.asarray(np.repeat((255 * wires)[..., None], 3, axis=2), np.uint8)
