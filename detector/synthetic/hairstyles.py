"""Hairstyles: numbers that say where hair grows, how long it is and which way it lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hairstyle:
    """How hair is cut and combed.

    Attributes:
        name: what it resembles.
        length: metres on top. sides: length of sides and nape relative to it.
        part: where the parting lies, metres from the middle (+ is the actor's left); None has none.
        sideways, forwards: how strongly it is combed away from the parting, and towards the face (negative is
            back).
        lift: how far the roots stand up, 0 flat to 1 upright.
        gravity: how strongly it hangs.
        curl: radius of the waves in metres. turns: waves per metre.
        frizz: random deviation of single strands in metres at the tip.
        clump: how far strands gather into locks, 0 to 1.
        wander: how much the locks differ in direction.
        gather: canonical point (metres) that all hair is pulled to, as a bun or a ponytail; None is free.
        fringe: length of the hair over the forehead in metres; None lets it grow like the rest and sweeps it
            off the face.
        eye_line: height in canonical metres below which a fringe does not hang.
        strands: how many wisps. width: of a wisp in metres.
        recede: how far the hairline goes back at the temples and top, metres.
        bald: size of the bald crown, 0 to 1.
    """

    name: str
    length: float
    sides: float = 1.0
    part: float | None = None
    sideways: float = 0.0
    forwards: float = 0.0
    lift: float = 0.3
    gravity: float = 0.3
    curl: float = 0.0
    turns: float = 20.0
    frizz: float = 0.003
    clump: float = 0.3
    wander: float = 0.25
    gather: tuple[float, float, float] | None = None
    fringe: float | None = None
    eye_line: float = 0.018
    strands: int = 8000
    width: float = 0.0010
    recede: float = 0.0
    bald: float = 0.0


# Share of heads, and the style that is varied around.
STYLES: tuple[tuple[float, Hairstyle], ...] = (
    (
        0.14,
        Hairstyle("buzz", 0.006, lift=0.9, gravity=0.0, frizz=0.001, clump=0.0, strands=14000, width=0.0007),
    ),
    (0.14, Hairstyle("crop", 0.025, 0.6, forwards=0.6, lift=0.5, gravity=0.1, strands=12000, width=0.0008)),
    (0.07, Hairstyle("spiky", 0.04, 0.5, lift=1.2, gravity=0.0, clump=0.6, wander=0.5, strands=9000)),
    (0.13, Hairstyle("side part", 0.07, 0.4, part=0.03, sideways=0.9, lift=0.45, gravity=0.3, fringe=0.05)),
    (0.07, Hairstyle("slicked back", 0.10, 0.8, forwards=-1.4, lift=0.2, gravity=0.2, clump=0.5)),
    (0.06, Hairstyle("fringe", 0.09, 0.8, forwards=1.0, lift=0.25, gravity=0.7, clump=0.4, fringe=0.05)),
    (
        0.11,
        Hairstyle(
            "long straight",
            0.34,
            1.0,
            part=0.01,
            sideways=1.2,
            forwards=-0.3,
            lift=0.2,
            gravity=1.0,
            wander=0.1,
        ),
    ),
    (
        0.08,
        Hairstyle(
            "long wavy",
            0.30,
            1.0,
            part=-0.02,
            sideways=1.2,
            forwards=-0.3,
            gravity=0.9,
            curl=0.006,
            turns=11.0,
            wander=0.12,
        ),
    ),
    (
        0.07,
        Hairstyle(
            "bob", 0.18, 0.8, part=0.02, sideways=1.2, forwards=-0.2, lift=0.3, gravity=1.0, wander=0.12
        ),
    ),
    (0.06, Hairstyle("bob with fringe", 0.18, 0.9, forwards=0.5, lift=0.25, gravity=1.1, fringe=0.055)),
    (
        0.06,
        Hairstyle(
            "afro", 0.05, 0.9, lift=1.6, gravity=0.0, curl=0.005, turns=60.0, frizz=0.006, strands=12000
        ),
    ),
    (
        0.05,
        Hairstyle(
            "curly",
            0.13,
            0.9,
            lift=0.7,
            gravity=0.5,
            curl=0.008,
            turns=28.0,
            frizz=0.006,
            wander=0.5,
            fringe=0.06,
        ),
    ),
    (0.06, Hairstyle("bun", 0.17, 1.0, lift=0.05, gravity=0.0, gather=(0.0, 0.05, -0.19), wander=0.1)),
    (0.06, Hairstyle("ponytail", 0.20, 1.0, lift=0.05, gravity=0.1, gather=(0.0, 0.0, -0.20), wander=0.1)),
)


def draw_hairstyle(rng: np.random.Generator) -> Hairstyle:
    """A random hairstyle: one of the known ones, with every number varied."""
    shares = np.array([share for share, _ in STYLES])
    style = STYLES[rng.choice(len(STYLES), p=shares / shares.sum())][1]

    def about(value: float, spread: float) -> float:
        return float(value * np.exp(rng.normal(0.0, spread)))

    balding = rng.random() < 0.15
    return replace(
        style,
        length=about(style.length, 0.3),
        sides=float(np.clip(about(style.sides, 0.25), 0.1, 1.2)),
        part=None
        if style.part is None
        else float(style.part + rng.normal(0.0, 0.015)) * rng.choice([-1.0, 1.0]),
        fringe=None if style.fringe is None else about(style.fringe, 0.25),
        eye_line=_draw_eye_line(rng),
        sideways=style.sideways + rng.normal(0.0, 0.15),
        forwards=style.forwards + rng.normal(0.0, 0.2),
        lift=about(style.lift, 0.25),
        gravity=about(style.gravity, 0.3),
        curl=about(style.curl, 0.4) if style.curl > 0 else float(max(0.0, rng.normal(-0.003, 0.003))),
        turns=about(style.turns, 0.3),
        frizz=0.6 * about(style.frizz, 0.5),
        clump=float(np.clip(style.clump + rng.normal(0.05, 0.2), 0.0, 0.9)),
        wander=0.8 * about(style.wander, 0.4),
        recede=float(rng.uniform(0.005, 0.04)) if balding else float(rng.normal(0.0, 0.005)),
        bald=float(rng.uniform(0.3, 1.0)) if balding and rng.random() < 0.5 else 0.0,
    )


def _draw_eye_line(rng: np.random.Generator) -> float:
    """Where a fringe ends: above the brows, on them, seldom over the eyes."""
    low, high = ((0.014, 0.040), (-0.002, 0.016), (-0.05, 0.0))[rng.choice(3, p=[0.55, 0.38, 0.07])]
    return float(rng.uniform(low, high))


def draw_dye(rng: np.random.Generator) -> tuple[float, float, float]:
    """Linear RGB of dyed hair."""
    r, g, b = (float(c) for c in rng.dirichlet((0.8, 0.8, 0.8)) * rng.uniform(0.15, 0.8) + 0.01)
    return r, g, b
