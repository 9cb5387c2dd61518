"""Where hair and beards grow on the canonical head (metres; eyes at the origin, +Z out of the face)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Height of the hairline by the angle about the vertical axis of the skull, from the forehead (0 degrees)
# round the ear (90) to the nape (180).
_ANGLES = np.deg2rad([0.0, 25.0, 42.0, 56.0, 66.0, 74.0, 82.0, 92.0, 104.0, 112.0, 124.0, 140.0, 180.0])
_HEIGHTS = np.array(
    [0.066, 0.062, 0.054, 0.040, 0.018, -0.012, -0.008, 0.012, 0.014, 0.000, -0.040, -0.066, -0.072]
)
_AXIS = np.array([0.0, 0.0, -0.075])
EAR_WIDTH = 0.0735


def scalp_density(points: Array, recede: float, bald: float, rng: np.random.Generator) -> Array:
    """How densely hair grows, (N,) in [0, 1].

    Args:
        points: (N, 3) canonical metres.
        recede: metres by which the hairline of forehead and temples has gone up.
        bald: size of the bald crown, 0 to 1.
        rng: for the irregular line.
    """
    x, y, z = (points - _AXIS).T
    angle = np.arctan2(np.abs(x), z)
    line = np.interp(angle, _ANGLES, _HEIGHTS)
    front = np.clip(1.0 - angle / 1.25, 0.0, 1.0)
    temple = np.exp(-(((angle - 0.75) / 0.28) ** 2))
    line = line + recede * (0.5 * front + 0.9 * temple)
    ripple = rng.uniform(0.0, 2 * np.pi, 4)
    line = line + 0.002 * sum(
        np.sin((i + 3) * 2.0 * np.arctan2(x, z) + phase) for i, phase in enumerate(ripple)
    )
    # Sparse finer hair grows below the line where it is full.
    density = _ramp(y - line, -0.004, rng.uniform(0.006, 0.016))
    # The ear itself is bare; it stands out beyond the skull.
    on_ear = (np.abs(x) > EAR_WIDTH) & (y < 0.024) & (y > -0.07) & (z > -0.055) & (z < 0.035)
    density[on_ear] = 0.0
    if bald > 0.0:
        crown = np.hypot(x, z + 0.01) / (0.075 * bald)
        density *= np.where(y > 0.02, _ramp(crown, 0.75, 1.15), 1.0)
    return np.asarray(density)


def beard_density(points: Array, style: str, rng: np.random.Generator) -> Array:
    """How densely a beard grows, (N,) in [0, 1]; style is one of BEARD_STYLES."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    lips = np.hypot(x / 0.031, (y + 0.0715) / np.where(y > -0.0715, 0.0125, 0.0165))
    clear = _ramp(lips, 0.95, 1.2) * _ramp(z, -0.085, -0.065)
    moustache = (
        _ramp(y, -0.072, -0.066) * _ramp(-y, 0.0515, 0.0545) * _ramp(-x, -0.037, -0.027) * _ramp(z, 0.0, 0.01)
    )
    cheek_line = -0.058 + rng.normal(0.0, 0.005) + np.clip(-z - 0.005, 0.0, 1.0) * rng.uniform(0.6, 0.95)
    jaw = _ramp(cheek_line - y, 0.0, 0.008) * _ramp(y, -0.145, -0.125) * _ramp(z, -0.08, -0.06)
    wide = rng.uniform(0.026, 0.036)
    chin = (
        _ramp(-y, 0.068, 0.076)
        * _ramp(-x, -wide - 0.006, -wide)
        * _ramp(y, -0.135, -0.12)
        * _ramp(z, -0.03, -0.02)
    )
    fields = {
        "full": np.maximum(moustache, jaw),
        "jaw": jaw,
        "goatee": np.maximum(moustache, chin),
        "chin": chin,
        "moustache": moustache,
        "sideburns": jaw * _ramp(-z, 0.035, 0.05),
    }
    return np.asarray(fields[style] * clear)


BEARD_STYLES = ("full", "jaw", "goatee", "chin", "moustache", "sideburns")


def _ramp(value: Array, low: float, high: float) -> Array:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
