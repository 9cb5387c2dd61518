"""Moods: which actions of the face go together, how strongly, and how common they are on photographs.

The combinations follow the usual FACS descriptions of the expressions. Weights beyond 1 are meant: this
head's ARKit shapes are mild beside the grins and laughs of photographed people. The shares and ranges were
set by measuring on labelled photographs how wide mouths are and how far mouths and eyes are open.
"""

from __future__ import annotations

Weights = dict[str, tuple[float, float]]

# A name without a side is drawn for both sides, with a little asymmetry.
MOODS: dict[str, tuple[float, Weights]] = {
    "neutral": (0.15, {"mouthPucker": (0.0, 0.3), "mouthPress": (0.0, 0.3)}),
    "talking": (
        0.16,
        {
            "jawOpen": (0.0, 0.45),
            "mouthFunnel": (0.0, 0.35),
            "mouthPucker": (0.0, 0.45),
            "mouthLowerDown": (0.0, 0.45),
            "mouthUpperUp": (0.0, 0.35),
            "mouthStretch": (0.0, 0.35),
            "mouthClose": (0.0, 0.15),
            "mouthRollLower": (0.0, 0.25),
            "browInnerUp": (0.0, 0.35),
        },
    ),
    "smile": (
        0.14,
        {
            "mouthSmile": (0.3, 1.1),
            "cheekSquint": (0.1, 0.9),
            "eyeSquint": (0.0, 0.25),
            "mouthUpperUp": (0.0, 0.25),
            "mouthDimple": (0.0, 0.6),
            "mouthStretch": (0.0, 0.3),
            "jawOpen": (0.0, 0.06),
        },
    ),
    "grin": (
        0.22,
        {
            "mouthSmile": (0.6, 1.2),
            "mouthUpperUp": (0.4, 1.1),
            "mouthLowerDown": (0.1, 0.9),
            "mouthDimple": (0.0, 0.7),
            "mouthStretch": (0.0, 0.7),
            "cheekSquint": (0.3, 1.1),
            "eyeSquint": (0.0, 0.35),
            "jawOpen": (0.0, 0.18),
        },
    ),
    "laugh": (
        0.13,
        {
            "mouthSmile": (0.6, 1.2),
            "cheekSquint": (0.4, 1.2),
            "eyeSquint": (0.0, 0.6),
            "jawOpen": (0.12, 0.7),
            "mouthUpperUp": (0.2, 0.9),
            "mouthLowerDown": (0.1, 0.7),
            "mouthDimple": (0.0, 0.5),
            "mouthStretch": (0.0, 0.6),
            "noseSneer": (0.0, 0.35),
        },
    ),
    "surprise": (
        0.05,
        {
            "browInnerUp": (0.4, 1.2),
            "browOuterUp": (0.4, 1.2),
            "eyeWide": (0.2, 0.9),
            "jawOpen": (0.1, 0.8),
            "mouthFunnel": (0.0, 0.5),
        },
    ),
    "anger": (
        0.04,
        {
            "browDown": (0.4, 1.2),
            "eyeSquint": (0.0, 0.35),
            "noseSneer": (0.0, 0.8),
            "mouthPress": (0.0, 0.7),
            "mouthFrown": (0.0, 0.6),
            "jawForward": (0.0, 0.5),
            "mouthUpperUp": (0.0, 0.6),
            "mouthLowerDown": (0.0, 0.6),
        },
    ),
    "sad": (
        0.03,
        {
            "browInnerUp": (0.3, 1.1),
            "mouthFrown": (0.3, 1.1),
            "mouthShrugLower": (0.0, 0.7),
            "eyeSquint": (0.0, 0.3),
        },
    ),
    "pucker": (
        0.04,
        {
            "mouthPucker": (0.4, 1.1),
            "mouthFunnel": (0.0, 0.6),
            "cheekPuff": (0.0, 0.4),
            "browOuterUp": (0.0, 0.5),
        },
    ),
    "disgust": (
        0.02,
        {
            "noseSneer": (0.4, 1.1),
            "mouthUpperUp": (0.2, 0.8),
            "browDown": (0.1, 0.7),
            "eyeSquint": (0.1, 0.6),
            "cheekSquint": (0.1, 0.7),
        },
    ),
    "shout": (
        0.05,
        {
            "jawOpen": (0.5, 1.2),
            "mouthLowerDown": (0.2, 0.9),
            "mouthUpperUp": (0.1, 0.7),
            "mouthStretch": (0.0, 0.6),
            "browDown": (0.0, 0.7),
            "eyeSquint": (0.0, 0.35),
        },
    ),
    "tongue": (0.03, {"tongueOut": (0.4, 1.0), "jawOpen": (0.25, 0.7), "mouthSmile": (0.0, 0.7)}),
    "press": (
        0.02,
        {"mouthPress": (0.3, 1.0), "mouthRollLower": (0.2, 1.0), "mouthRollUpper": (0.2, 1.0)},
    ),
}
STRENGTH = (0.55, 1.1)
STRONGEST = 1.3
"""No shape is driven further than this; geometry stays clean up to it."""
