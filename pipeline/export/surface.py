"""The faces of an exported head, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.polygons import corners, face_sizes, fan

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Surface:
    """The faces of the head; V vertices, Q faces.

    Attributes:
        quads: (Q, 4) vertices of each face, the last repeated where it is a triangle; wider, and filled in
            the same way, where a user's topology has faces of more corners.
        quads_uv: (Q, 4) the same, into uv.
        uv: (N, 2) texture coordinates, v upwards.
        parts: by name, the faces (indices of quads) of a part of the head.
        source: (V,) the vertex of the head model, or of the user's topology, that each one is; -1 for
            those of a subdivision.
    """

    quads: Int
    quads_uv: Int
    uv: Float
    parts: dict[str, Int]
    source: Int

    @property
    def triangles(self) -> Int:
        """(T, 3) the faces, each quad as two, larger ones as fans."""
        return fan(self.quads, self.face_sizes)

    @property
    def triangles_uv(self) -> Int:
        """(T, 3) the texture coordinates of the triangles."""
        return fan(self.quads_uv, self.face_sizes)

    @property
    def part_of_face(self) -> NDArray[np.str_]:
        """(Q,) the part that each face belongs to."""
        part = np.full(len(self.quads), "", dtype=object)
        for name, faces in self.parts.items():
            part[faces] = name
        return part.astype(np.str_)

    @property
    def part_of_triangle(self) -> NDArray[np.str_]:
        """(T,) the part that each triangle belongs to."""
        return np.repeat(self.part_of_face, self.face_sizes - 2)

    @property
    def face_sizes(self) -> Int:
        """(Q,) corners of each face."""
        return face_sizes(self.quads)

    def corners(self, of: Int) -> Int:
        """The rows of `of` (Q, 4) one after another, without what fills them."""
        return corners(of, self.face_sizes)


@dataclass(frozen=True, eq=False)
class Skin:
    """The head at rest and how it moves; V vertices, E expressions, K joints. Lengths in the scene's units.

    Attributes:
        vertices: (V, 3) the neutral.
        expressions: (E, V, 3) what each expression adds at full strength.
        weights: (V, K) of the joints.
        joints: (K, 3) where they are at rest.
    """

    vertices: Float
    expressions: Float
    weights: Float
    joints: Float


@dataclass(frozen=True, eq=False)
class Expressive:
    """A head and the weights that move it; F frames, E expressions.

    Attributes:
        surface: its faces. skin: the head at rest and how it moves.
        names: (E,) of the expressions. weights: (F, E) of them.
    """

    surface: Surface
    skin: Skin
    names: tuple[str, ...]
    weights: Float
