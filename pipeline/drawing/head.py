"""The head model as it is drawn: without lash cards, with round eyeballs whose irises show the gaze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitting.model_arrays import mean_head
from pipeline.drawing.mesh import triangle_edges
from pipeline.drawing.shading import CLAY, Colour

if TYPE_CHECKING:
    from fitting.head_model import HeadModel

Float = NDArray[np.float64]
Int = NDArray[np.int64]

PART_COLOURS: dict[str, Colour] = {
    "skin": CLAY,
    "upper_teeth": (246, 240, 214),
    "lower_teeth": (240, 230, 196),
    "tongue": (206, 108, 112),
    "lashes": (70, 62, 60),
}
_WHITE, _IRIS, _LIMBUS, _PUPIL = (240, 240, 236), (82, 118, 140), (44, 62, 76), (20, 22, 26)
_EYE_RINGS = ((6.4e-3, _LIMBUS), (5.7e-3, _IRIS), (2.3e-3, _PUPIL))  # radii in metres, outermost first
# cards that are painted with a transparent texture; opaque, they cover the lids
_HIDDEN = ("lashes", "eye_covers")
_EYE_SUBDIVISIONS = 3
_COARSE_EYE = 300  # vertices; an eyeball of more is round as it is


@dataclass(frozen=True, eq=False)
class _Eyeball:
    """One finer eyeball: each new vertex is a weighted mean of the old ones, pushed out to their radius."""

    indices: Int
    weights: Float

    def vertices(self, head: Float) -> Float:
        coarse = head[self.indices]
        centre = (coarse.min(axis=0) + coarse.max(axis=0)) / 2.0
        radius = self.weights @ np.linalg.norm(coarse - centre, axis=1)
        ray = self.weights @ (coarse - centre)
        return centre + ray * (radius / np.maximum(np.linalg.norm(ray, axis=1), 1e-9))[:, None]  # type: ignore[no-any-return]


class HeadDrawing:
    """What :func:`pipeline.drawing.mesh.draw_mesh` needs to draw a head model.

    Attributes:
        triangles: (T, 3) of the drawn vertices.
        colours: (V', 3) RGB 0..255 of the drawn vertices.
        edges: (N, 2) the edges of the model's quads, for wireframes.
    """

    def __init__(self, model: HeadModel) -> None:
        """Prepare once for a model; every frame then costs only :meth:`vertices`."""
        mean = mean_head(model)
        self._eyes: list[_Eyeball] = []
        self.colours = np.tile(np.array(CLAY, np.float64), (len(mean), 1))
        replaced = np.zeros(len(mean), bool)
        hidden = np.zeros(len(mean), bool)
        for part, indices in model.parts.items():
            self.colours[indices] = PART_COLOURS.get(part, CLAY)
            replaced[indices] = _is_coarse_eye(part, indices)
            if part.endswith("_eye"):
                self.colours[indices] = _eye_colours(mean[indices])
            hidden[indices] = part in _HIDDEN
        own = ~(replaced | hidden)[model.triangles].any(axis=1)
        self.triangles = np.asarray(model.triangles, np.int64)[own]
        self.edges = triangle_edges(np.asarray(model.quads)[~hidden[model.quads].any(axis=1)])
        for part, indices in model.parts.items():
            if _is_coarse_eye(part, indices):
                self._add_eye(np.asarray(indices, np.int64), np.asarray(model.triangles), mean)

    def vertices(self, head: Float) -> Float:
        """The drawn vertices (V', 3) of a posed head (V, 3); the first V are the head's own."""
        return np.concatenate([head, *(eye.vertices(head) for eye in self._eyes)])

    def _add_eye(self, indices: Int, triangles: Int, mean: Float) -> None:
        place = np.full(len(mean), -1, np.int64)
        place[indices] = np.arange(len(indices))
        faces = place[triangles[(place[triangles] >= 0).all(axis=1)]]
        weights = np.eye(len(indices))
        for _ in range(_EYE_SUBDIVISIONS):
            weights, faces = _subdivide(weights, faces)
        eye = _Eyeball(indices, weights)
        self._eyes.append(eye)
        self.triangles = np.concatenate([self.triangles, faces + len(self.colours)])
        self.colours = np.concatenate([self.colours, _eye_colours(eye.vertices(mean))])


def _is_coarse_eye(part: str, indices: Int) -> bool:
    return part.endswith("_eye") and len(indices) <= _COARSE_EYE


def _subdivide(weights: Float, faces: Int) -> tuple[Float, Int]:
    """Cut every triangle into four at the middles of its edges."""
    pairs = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    edges, inverse = np.unique(pairs, axis=0, return_inverse=True)
    middles = inverse.reshape(-1, 3) + len(weights)  # after each corner, the middle of its edge to the next
    (a, b, c), (ab, bc, ca) = faces.T, middles.T
    finer = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    new = (weights[edges[:, 0]] + weights[edges[:, 1]]) / 2.0
    return np.concatenate([weights, new]), np.concatenate([np.stack(face, axis=1) for face in finer])


def _eye_colours(eye: Float) -> Float:
    """White, limbus, iris and pupil, by the distance from the axis that looks straight ahead."""
    ray = eye - (eye.min(axis=0) + eye.max(axis=0)) / 2.0
    distance = np.where(ray[:, 2] > 0.0, np.linalg.norm(ray[:, :2], axis=1), np.inf)
    colours = np.tile(np.array(_WHITE, np.float64), (len(eye), 1))
    for radius, colour in _EYE_RINGS:
        colours[distance < radius] = colour
    return colours
