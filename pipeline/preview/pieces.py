"""A scene's faces by what they are made of: clay, eyes, teeth and tongue, with their materials."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import Floats, Kind, Material
from detector.synthetic.teeth_paint import draw_mouth_textures, teeth_uv, tongue_uv
from pipeline.export.scene import ExportScene
from pipeline.preview.bust import Bust
from pipeline.preview.eyes import eye_coordinates, eye_faces, eye_image

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_TEETH = ("upper_teeth", "lower_teeth")
CLAY = Material(Kind.SKIN, colour=(0.50, 0.385, 0.325), roughness=0.52, specular=0.75, scatter=0.55)
_EYE = Material(Kind.EYE, colour=(0.8, 0.78, 0.76), roughness=0.1)
_ENAMEL = Material(Kind.WET, colour=(0.62, 0.56, 0.48), roughness=0.3, scatter=0.3)
_FLESH = Material(Kind.WET, colour=(0.42, 0.16, 0.15), roughness=0.45, scatter=0.8)
_MOUTH = 4


@dataclass(frozen=True, eq=False)
class Piece:
    """Faces of one look.

    Attributes:
        name: the part, or "clay" for all that has no look of its own.
        source: (n,) vertices of the scene. triangles: (T, 3) into source.
        material: the look. uv: (n, 2) texture coordinates, or None.
    """

    name: str
    source: Int
    triangles: Int
    material: Material
    uv: Floats | None = None


def cut(scene: ExportScene, bust: Bust, mean: Float | None) -> list[Piece]:
    """The pieces of a bust; lash cards are left out, as they would be slabs without their texture.

    Args:
        scene: with the head. bust: its triangles above the neck.
        mean: (V, 3) metres, its vertices on the mean of our own head model, where the mouth's images are laid
            out; None for other heads, whose teeth and tongue are plain.
    """
    surface, vertices = scene.surface, scene.skin.vertices
    triangles, part = surface.triangles, surface.part_of_triangle
    left = bust.kept & (part != "lashes")
    pieces = []
    for eye, faces in eye_faces(surface, scene.skin).items():
        chosen = left & np.repeat(faces, surface.face_sizes - 2)
        if chosen.any():
            piece = _piece(eye, triangles[chosen], replace(_EYE, texture=eye_image()))
            pieces.append(replace(piece, uv=eye_coordinates(eye, vertices[piece.source])))
            left &= ~chosen
    for name in (*_TEETH, "tongue"):
        chosen = left & (part == name)
        if chosen.any():
            plain = _piece(name, triangles[chosen], _ENAMEL if name in _TEETH else _FLESH)
            pieces.append(plain if mean is None else _painted(plain, mean[plain.source]))
            left &= ~chosen
    return [_piece("clay", triangles[left], CLAY), *pieces] if left.any() else pieces


def _piece(name: str, triangles: Int, material: Material) -> Piece:
    source, own = np.unique(triangles, return_inverse=True)
    return Piece(name, source, own.reshape(-1, 3), material)


def _painted(piece: Piece, mean: Float) -> Piece:
    """Teeth in their gums, or a tongue; `mean` (n, 3) is where the piece lies on the mean head."""
    images = draw_mouth_textures(0.2, np.random.default_rng(_MOUTH))
    if piece.name == "tongue":
        uv, image, relief = tongue_uv(mean), images.tongue, images.tongue_normal
    else:
        uv = teeth_uv(mean, upper=piece.name == "upper_teeth")
        image, relief = images.teeth, images.teeth_normal
    material = replace(piece.material, colour=(1.0, 1.0, 1.0), texture=image, normal_map=relief)
    return replace(piece, material=material, uv=uv)
