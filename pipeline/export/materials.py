"""Plain looks of the parts of the head, for formats that carry materials."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Material:
    """A look without textures: linear RGB, opacity and roughness, each in [0, 1]."""

    colour: tuple[float, float, float]
    opacity: float = 1.0
    roughness: float = 0.6


_EYE = Material((0.85, 0.85, 0.83), roughness=0.25)
_TEETH = Material((0.83, 0.80, 0.70))

MATERIALS = {
    "skin": Material((0.53, 0.50, 0.48)),
    "left_eye": _EYE,
    "right_eye": _EYE,
    "upper_teeth": _TEETH,
    "lower_teeth": _TEETH,
    "tongue": Material((0.55, 0.26, 0.25)),
    # cards: see-through, since the files carry no texture
    "lashes": Material((0.05, 0.04, 0.04), opacity=0.35),
}
"""By part; a part that is not there looks like skin."""
