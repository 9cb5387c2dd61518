"""The 52 blend shapes of ARKit, and where a head model keeps them under whatever spelling."""

from __future__ import annotations

from collections.abc import Sequence

_NAMES = """
eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight
jawForward jawRight jawLeft jawOpen mouthClose mouthFunnel mouthPucker mouthRight mouthLeft
mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight
mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper
mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight noseSneerLeft noseSneerRight tongueOut
"""
ARKIT_SHAPES: tuple[str, ...] = tuple(_NAMES.split())
"""In the order of the Live Link Face app."""

_SIDES = {"_L": "Left", "_R": "Right"}


def arkit_places(names: Sequence[str]) -> dict[str, list[int]]:
    """The expression coefficients that each ARKit shape is the mean of.

    ``browDown_L`` (ICT-FaceKit) is browDownLeft; a shape that the model has one of for each side, such as
    ``browInnerUp_L`` and ``browInnerUp_R``, is the mean of both. A shape that the model lacks is left out.

    Args:
        names: (E,) of the expression coefficients.
    """
    place = {_spelt(name): index for index, name in enumerate(names)}
    found: dict[str, list[int]] = {}
    for shape in ARKIT_SHAPES:
        sides = [f"{shape}Left", f"{shape}Right"]
        if shape in place:
            found[shape] = [place[shape]]
        elif all(side in place for side in sides):
            found[shape] = [place[side] for side in sides]
    return found


def _spelt(name: str) -> str:
    for ending, side in _SIDES.items():
        if name.endswith(ending):
            name = name.removesuffix(ending) + side
    return name[:1].lower() + name[1:]
