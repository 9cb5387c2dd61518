"""The colours of skin and hair from the pigments that make them.

Skin: light loses the same fraction for every unit of pigment that it crosses, so that the logarithm of the
reflectance is linear in the amounts of melanin and haemoglobin (Tsumura et al. 1999, *Independent-component
analysis of skin color image*). A small floor stands for what the surface reflects whatever lies below; it
keeps very dark skin from turning saturated. Amounts are relative: melanin 0 is the palest skin (Fitzpatrick
type I), 2.6 the darkest (VI); haemoglobin 0 is what a pale cheek holds at rest.

Hair: the same with eumelanin (black, brown) and pheomelanin (red), after the measured absorption that
d'Eon et al. 2011 give, through the thickness of a strand; white hair has neither.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Colour = tuple[float, float, float]

PALEST = np.array([0.71, 0.50, 0.395], np.float32)
"""Linear RGB of skin without melanin."""
MELANIN = np.array([1.0, 1.32, 1.72], np.float32)
HAEMOGLOBIN = np.array([0.20, 1.0, 0.82], np.float32)
CAROTENE = np.array([0.0, 0.12, 0.55], np.float32)
SURFACE = 0.012
DARKEST_MELANIN = 2.6

EUMELANIN = np.array([0.419, 0.697, 1.37], np.float32)
PHEOMELANIN = np.array([0.187, 0.40, 1.05], np.float32)
WHITE_HAIR = np.array([0.55, 0.46, 0.45], np.float32)
HAIR_DEPTH = 1.5
"""Strands that light crosses on its way."""

_LEVELS = 4096


def skin_colour(melanin: Floats, haemoglobin: Floats, carotene: float) -> Floats:
    """Linear RGB (H, W, 3) of skin with these amounts of pigment: (H, W), (H, W) and a scalar.

    R = s + (R_0 - s) exp(-(m M + h H + c C)) in each channel.
    """
    channels = []
    for i in range(3):
        absorbed = cv2.addWeighted(
            melanin, -float(MELANIN[i]), haemoglobin, -float(HAEMOGLOBIN[i]), -carotene * float(CAROTENE[i])
        )
        channels.append(cv2.exp(absorbed) * np.float32(PALEST[i] - SURFACE) + np.float32(SURFACE))
    return np.asarray(cv2.merge(channels), np.float32)


def hair_linear(eumelanin: float, pheomelanin: float) -> Floats:
    """Linear RGB (3,) of hair; eumelanin from 0.1 (blond) to 4 (black), pheomelanin up to 3 (red)."""
    absorbed = HAIR_DEPTH * (eumelanin * EUMELANIN + pheomelanin * PHEOMELANIN)
    return np.asarray(WHITE_HAIR * np.exp(-absorbed) + np.array([0.010, 0.0085, 0.0075]), np.float32)


def draw_melanin(rng: np.random.Generator) -> float:
    """How much melanin a person has, so that the lightness of skins is spread about evenly."""
    return float(DARKEST_MELANIN * rng.beta(1.0, 1.5) ** 1.5)


def draw_hair(melanin: float, age: float, rng: np.random.Generator) -> tuple[Floats, float]:
    """Natural hair for a skin with this much melanin at an age in [0, 1].

    Returns:
        linear RGB (3,) of the strands, and the fraction of them that is grey.
    """
    dark = float(np.clip(melanin / 0.9, 0.0, 1.0))
    eumelanin = rng.uniform(0.25, 3.4) * (1 - dark) + rng.uniform(2.8, 5.5) * dark
    pheomelanin = rng.uniform(0.1, 0.5)
    if dark < 0.5 and rng.random() < 0.12:
        eumelanin, pheomelanin = rng.uniform(0.3, 0.9), rng.uniform(1.2, 2.4)
    grey = float(np.clip(rng.normal(1.7 * age - 0.9, 0.25), 0.0, 1.0))
    return hair_linear(eumelanin, pheomelanin), grey


def to_srgb(linear: Floats) -> Pixels:
    """Linear RGB of any shape, clipped to [0, 1], as 8-bit sRGB."""
    steps = np.clip(linear, 0.0, 1.0) * np.float32(_LEVELS - 1)
    return np.asarray(_ENCODE[steps.astype(np.uint16)])


def to_linear(srgb: Pixels) -> Floats:
    """8-bit sRGB of any shape as linear float32."""
    return np.asarray(_DECODE[srgb])


def srgb_colour(linear: NDArray[np.floating]) -> Colour:
    """Linear RGB (3,) as sRGB in [0, 1]."""
    r, g, b = (float(c) for c in _encode(np.clip(linear, 0.0, 1.0)))
    return r, g, b


def linear_colour(srgb: Colour) -> Floats:
    """sRGB in [0, 1] as linear RGB (3,)."""
    c = np.asarray(srgb, np.float64)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encode(linear: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )


_ENCODE = (_encode(np.linspace(0.0, 1.0, _LEVELS)) * 255.0 + 0.5).astype(np.uint8)
_DECODE = np.where(
    np.arange(256) <= 10, np.arange(256) / 255.0 / 12.92, ((np.arange(256) / 255.0 + 0.055) / 1.055) ** 2.4
).astype(np.float32)
